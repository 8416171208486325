/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/owned.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/ids/kin.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

int owned_open(const struct owned *o, struct err *e)
{
	_cleanup_close_ int state = io_open_state(PATH_STATE, 0700, e);

	return state < 0 ? -1 : io_open_state(o->path, 0700, e);
}

int owned_open_dir(int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int is_another(
	const struct owned *o, const struct plan *plan, const char *name, struct err *e)
{
	return err_set(e, 0,
		"the %s in %s/%u are of account %s, and its uid is %s's now: remove them (nsctl gc "
		"--gone), or, if %s was only renamed, write %s into %s/%u/%s",
		o->what, o->path, plan->uid, name, plan->user, name, plan->user, o->path,
		plan->uid, o->file);
}

/* Return: 0, or -1 with @e where the account was made after what it would find. */
static int check_age(const struct owned *o, const struct plan *plan, int64_t made,
	bool noted, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	char todo[48] = "write its name into";
	uint64_t born;

	if (kin_home_born(&k, &born, e) < 0)
		return -1;
	if (born <= (uint64_t)made + 1)
		return 0;
	if (noted)
		(void)snprintf(todo, sizeof(todo), "touch -d @%" PRIu64, born);
	return err_set(e, 0,
		"the %s in %s/%u are older than the home directory of %s, and so another's of that "
		"name or uid: remove them (nsctl gc --account %u), or, if only the home was made anew, %s "
		"%s/%u/%s",
		o->what, o->path, plan->uid, plan->user, plan->uid, todo, o->path,
		plan->uid, o->file);
}

int owned_take(const struct owned *o, int dir, const struct plan *plan, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	char line[ACCOUNT_NAME_MAX + 1];

	(void)snprintf(line, sizeof(line), "%s\n", plan->user);
	if (io_replace_text(dir, o->file, line) < 0)
		return err_set(e, errno, "write %s/%u/%s", o->path, plan->uid, o->file);
	return kin_note_age(&k, dir, o->file, e);
}

static int adopt(const struct owned *o, int dir, const struct plan *plan, struct err *e)
{
	struct statx st = { 0 };

	if (o->unnamed && statx(dir, "", AT_EMPTY_PATH, STATX_BTIME, &st) < 0)
		return err_set(e, errno, "look at %s/%u", o->path, plan->uid);
	if ((st.stx_mask & STATX_BTIME) &&
		check_age(o, plan, st.stx_btime.tv_sec, false, e) < 0)
		return -1;
	return owned_take(o, dir, plan, e);
}

int owned_check(const struct owned *o, int dir, const struct plan *plan, struct err *e)
{
	char name[ACCOUNT_NAME_MAX + 1] = "";
	struct stat st;
	int is;

	if (io_read_text(dir, o->file, name, sizeof(name)) < 0 && errno != ENOENT)
		return err_set(e, errno, "read %s/%u/%s", o->path, plan->uid, o->file);
	name[strcspn(name, "\n")] = '\0';
	if (!*name)
		return adopt(o, dir, plan, e);
	is = kin_is(name, plan->user, plan->uid, e);
	if (is <= 0)
		return is < 0 ? -1 : is_another(o, plan, name, e);
	if (fstatat(dir, o->file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "look at %s/%u/%s", o->path, plan->uid, o->file);
	return check_age(o, plan, st.st_mtim.tv_sec, true, e);
}
