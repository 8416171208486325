/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/volume_fill.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"
#include "core/run/ids/userns.h"
#include "core/run/mount/look_once.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"
#include "core/run/mount/volumes.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAPS                                                                             \
	(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER |             \
		1ULL << CAP_FSETID)

void volume_filling_end(struct volume_filling *f)
{
	cleanup_close(&f->userns);
}

/* ---- the child ---------------------------------------------------------------------- */

/*
 * Should:   have nothing open but what it reads and writes
 * Mustn't:  keep a right over an id that isn't the box's, or be left over
 */
static int give_up(const struct volume_filling *f, pid_t parent, struct err *e)
{
	if (sys_setns(f->userns, CLONE_NEWUSER) < 0)
		return err_set(e, errno, "join the box's ids");
	if (privs_become_root_here(e) < 0 || privs_keep_caps(CAPS, e) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_set(e, errno, "give up rights");
	return 0;
}

struct copying {
	const struct volume_filling *f;
	int from, to;
	pid_t parent;
};

static int copy_alone(void *arg, struct err *e)
{
	const struct copying *c = arg;

	(void)umask(0);
	return give_up(c->f, c->parent, e) < 0 ? -1 : volume_copy(c->from, c->to, e);
}

/* ---- the parent --------------------------------------------------------------------- */

static int copy(struct volume_filling *f, int from, int to, struct err *e)
{
	const struct resolve_as as = resolve_as_account(f->plan);
	struct copying c = { f, from, to, getpid() };
	const struct look_job job = { copy_alone, &c, -1 };
	int keep[] = { -EBADF, from, to }, n;

	if (f->userns < 0 &&
		userns_create(f->proc, &f->plan->uids, &f->plan->gids, &f->userns, e) < 0)
		return -1;
	keep[0] = f->userns;
	n = look_run(&job, &as, keep, 3, e);
	return n < 0 && e->num == ECHILD
		       ? err_set(e, 0, "who copied what the image has there died")
		       : n;
}

/* What the image has there, through no link. -1: no directory. */
static int open_source(const struct plan *plan, const char *target)
{
	_cleanup_close_ int root = -EBADF, place = -EBADF;

	if (plan->overlays[0].n_layers == 0)
		return -1;
	root = rootfs_open_lower(0);
	place = root < 0 ? -1 : tree_open(&(struct tree){ .root = root }, target);
	return place < 0 ? -1 : openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int volume_fill(struct volume_filling *f, const char *target, int to, struct err *e)
{
	_cleanup_close_ int from = open_source(f->plan, target);
	int n;

	/* The box's root makes files in it. */
	if (fchown(to, from < 0 ? f->plan->uid : idmap_to_host(&f->plan->uids, 0),
		    from < 0 ? f->plan->gid : idmap_to_host(&f->plan->gids, 0)) < 0 ||
		fchmod(to, from < 0 ? 0755 : 0700) < 0)
		return err_set(e, errno, "give it its owner");
	if (from < 0)
		return 0;
	n = copy(f, from, to, e);
	if (n < 0)
		return -1;
	/* Its name mustn't be on disk before what it has in it. */
	return n > 0 && syncfs(to) < 0 ? err_set(e, errno, "write it to disk") : 0;
}
