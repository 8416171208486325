/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/volumes.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/plan/volumename.h"
#include "core/run/ids/kin.h"
#include "core/run/mount/remove_tree.h"
#include "core/run/mount/volume_fill.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

const char *volume_of(const struct plan_op *op)
{
	const char *slash = op->use == PLAN_USE_VOLUME && op->kind == PLAN_BIND
				    ? strrchr(op->source, '/')
				    : NULL;

	return slash && volumename_is_valid(slash + 1, strlen(slash + 1)) ? slash + 1
									  : NULL;
}

static bool has_volumes(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		if (volume_of(&plan->ops[i]))
			return true;
	return false;
}

/* ---- whose -------------------------------------------------------------------------- */

static int take(int dir, const struct plan *plan, struct err *e)
{
	_cleanup_close_ int fd = openat(dir, VOLUMES_OWNER,
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	const struct kin k = kin_of_plan(plan);

	if (fd < 0 || io_write_all(fd, plan->user, strlen(plan->user)) < 0 ||
		fsync(fd) < 0)
		return err_set(
			e, errno, "write %s/%u/" VOLUMES_OWNER, PATH_VOLUMES, plan->uid);
	return kin_note_age(&k, dir, VOLUMES_OWNER, e);
}

static int is_another(const struct plan *plan, const char *name, struct err *e)
{
	return err_set(e, 0,
		"the volumes in %s/%u are of account %s, and its uid is %s's now: remove them (nsctl gc "
		"--gone), or, if %s was only renamed, write %s into %s/%u/" VOLUMES_OWNER,
		PATH_VOLUMES, plan->uid, name, plan->user, name, plan->user, PATH_VOLUMES,
		plan->uid);
}

/* Of an account that was made after what it would find it is not. */
static int check_age(int dir, const struct plan *plan, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	uint64_t born;
	struct stat st;

	if (fstatat(dir, VOLUMES_OWNER, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "look at %s/%u/" VOLUMES_OWNER, PATH_VOLUMES,
			plan->uid);
	if (kin_home_born(&k, &born, e) < 0)
		return -1;
	if (born <= (uint64_t)st.st_mtim.tv_sec + 1)
		return 0;
	return err_set(e, 0,
		"the volumes in %s/%u are older than the home directory of %s, and so another's of that "
		"name or uid: remove them (nsctl gc --account %u), or, if only the home was made anew, "
		"touch -d @%" PRIu64 " %s/%u/" VOLUMES_OWNER,
		PATH_VOLUMES, plan->uid, plan->user, plan->uid, born, PATH_VOLUMES,
		plan->uid);
}

/* Without a name there is nothing in it: that is written before anything else. */
static int check_account(int dir, const struct plan *plan, struct err *e)
{
	char name[ACCOUNT_NAME_MAX];
	int is;

	if (io_read_text(dir, VOLUMES_OWNER, name, sizeof(name)) < 0)
		return errno == ENOENT ? take(dir, plan, e)
				       : err_set(e, errno, "read %s/%u/" VOLUMES_OWNER,
						 PATH_VOLUMES, plan->uid);
	name[strcspn(name, "\n")] = '\0';
	if (!*name)
		return take(dir, plan, e);
	is = kin_is(name, plan->user, plan->uid, e);
	if (is <= 0)
		return is < 0 ? -1 : is_another(plan, name, e);
	return check_age(dir, plan, e);
}

/* ---- opening ------------------------------------------------------------------------ */

static int open_own(const struct plan *plan, int *ret, struct err *e)
{
	_cleanup_close_ int state = io_open_state(PATH_STATE, 0700, e), all = -EBADF;
	char name[16];

	if (state < 0)
		return -1;
	all = io_open_state(PATH_VOLUMES, 0700, e);
	if (all < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%u", plan->uid);
	if (mkdirat(all, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s/%s", PATH_VOLUMES, name);
	*ret = openat(all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "open %s/%s", PATH_VOLUMES, name) : 0;
}

static void name_new(const char *name, char ret[VOLUME_NAME_MAX + 8])
{
	(void)snprintf(ret, VOLUME_NAME_MAX + 8, VOLUMES_NEW "%s", name);
}

/* Who filled it was killed. */
static int make_new(int dir, const char *name, struct err *e)
{
	char fresh[VOLUME_NAME_MAX + 8];

	name_new(name, fresh);
	if (faccessat(dir, fresh, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		tree_remove(dir, fresh, e) < 0)
		return -1;
	if (mkdirat(dir, fresh, 0700) < 0)
		return err_set(e, errno, "make the volume %s", name);
	return openat(dir, fresh, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int open_one(int dir, const char *name, struct stage_source *ret, struct err *e)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	ret->fresh = fd < 0 && errno == ENOENT;
	if (ret->fresh) {
		fd = make_new(dir, name, e);
		if (fd < 0)
			return -1;
	}
	if (fd < 0 || fstat(fd, &ret->st) < 0)
		return err_set(e, errno, "open the volume %s", name);
	ret->mount = sys_clone_tree(fd, "", false, MS_PRIVATE);
	return ret->mount < 0 ? err_set(e, errno, "clone the volume %s", name) : 0;
}

/* For who wonders later whether it is needed: no reason to refuse a login, a full disk is one of this kind. */
static void note_use(int dir, const char *name)
{
	char used[VOLUME_NAME_MAX + 8];
	_cleanup_close_ int fd = -EBADF;

	(void)snprintf(used, sizeof(used), VOLUMES_USED "%s", name);
	fd = openat(dir, used, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)futimens(fd, NULL);
}

int volumes_open(const struct plan *plan, struct stage *s, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;

	if (!has_volumes(plan))
		return 0;
	if (open_own(plan, &dir, e) < 0 || check_account(dir, plan, e) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_ops; i++) {
		const char *name = volume_of(&plan->ops[i]);

		if (!name)
			continue;
		if (open_one(dir, name, &s->sources[i], e) < 0)
			return -1;
		if (!s->sources[i].fresh)
			note_use(dir, name);
	}
	s->volumes = take_fd(&dir);
	return 0;
}

/* ---- filling ------------------------------------------------------------------------ */

int volumes_fill(const struct plan *plan, const struct stage *s, int proc, struct err *e)
{
	struct volume_filling f = { .plan = plan, .proc = proc, .userns = -EBADF };
	struct err ignored;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n_ops; i++) {
		const char *name = volume_of(&plan->ops[i]);
		char fresh[VOLUME_NAME_MAX + 8];
		_cleanup_close_ int to = -EBADF;

		if (!name || !s->sources[i].fresh)
			continue;
		name_new(name, fresh);
		to = openat(s->volumes, fresh,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = to < 0 ? err_set(e, errno, "open it")
			   : volume_fill(&f, plan->ops[i].target, to, e);
		if (r == 0 && renameat2(s->volumes, fresh, s->volumes, name,
				      RENAME_NOREPLACE) < 0)
			r = err_set(e, errno, "give it its name");
		if (r == 0)
			note_use(s->volumes, name);
		if (r < 0) {
			(void)err_wrap(e, "make the volume %s of %s", name, plan->user);
			(void)tree_remove(s->volumes, fresh, &ignored);
		}
	}
	volume_filling_end(&f);
	return r;
}
