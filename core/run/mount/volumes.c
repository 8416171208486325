/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/volumes.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/plan/volumename.h"
#include "core/run/mount/owned.h"
#include "core/run/mount/remove_tree.h"
#include "core/run/mount/volume_fill.h"

#include <fcntl.h>
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

/* ---- opening ------------------------------------------------------------------------ */

/* Without a name there is nothing in it: that is written before anything else. */
static const struct owned owned = { "volumes", PATH_VOLUMES, VOLUMES_OWNER, false };

static int open_own(const struct plan *plan, int *ret, struct err *e)
{
	_cleanup_close_ int all = owned_open(&owned, e);
	char name[16];

	if (all < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%u", plan->uid);
	*ret = owned_open_dir(all, name);
	return *ret < 0 ? err_set(e, errno, "open %s/%s", PATH_VOLUMES, name)
			: owned_check(&owned, *ret, plan, e);
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
	if (open_own(plan, &dir, e) < 0)
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
