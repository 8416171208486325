/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/pause.h"

#include "core/base/cleanup.h"
#include "core/base/lock.h"
#include "core/base/paths.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/freeze.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define BY_OWN 'o'

/*
 * Locked until it is closed. Root waits for one of the user's at most, however many there are: who
 * isn't root passes a gate first, flock(2) of the mark, that root shuts while it wants to get in, and
 * waits for nobody; the lock proper is the one of its range.
 */
static int lock_mark(int fd, enum pause_by by)
{
	int r;

	if (by == PAUSE_ROOT) {
		r = lock_file(fd, LOCK_EX, LOCK_PATIENCE_MS);
		return r == 0 ? lock_range(fd, LOCK_PATIENCE_MS) : r;
	}
	r = lock_file(fd, LOCK_SH, 0);
	if (r == 0)
		r = lock_range(fd, 0);
	(void)lock_file(fd, LOCK_UN, 0);
	return r;
}

static int open_mark(const struct record *r, enum pause_by by, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char path[sizeof(PATH_SESSIONS) + PLAN_ID_LEN + sizeof(".paused")];
	int locked;

	(void)snprintf(path, sizeof(path), PATH_SESSIONS "/%s.paused", r->id);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	locked = lock_mark(fd, by);
	if (locked > 0)
		return err_set(e, EBUSY,
			"somebody else pauses or resumes it at this moment: try again");
	if (locked < 0)
		return err_set(e, errno, "lock %s", path);
	return take_fd(&fd);
}

static int set_mark(int mark, enum pause_by by, struct err *e)
{
	const char own = BY_OWN;

	if (ftruncate(mark, 0) < 0 || (by == PAUSE_OWN && pwrite(mark, &own, 1, 0) != 1))
		return err_set(e, errno, "note whose pause it is");
	return 0;
}

int pause_session(const struct record *r, enum pause_by by, struct err *e)
{
	_cleanup_close_ int mark = open_mark(r, by, e);

	if (mark < 0)
		return -1;
	if (by == PAUSE_OWN && freeze_get(cgroup_kind(), r->cgroup) == 1)
		return 0;
	if (set_mark(mark, by, e) < 0)
		return -1;
	return freeze_set(cgroup_kind(), r->cgroup, true, e);
}

int pause_resume(const struct record *r, enum pause_by by, struct err *e)
{
	_cleanup_close_ int mark = open_mark(r, by, e);
	char whose = 0;

	if (mark < 0)
		return -1;
	if (by == PAUSE_OWN && freeze_get(cgroup_kind(), r->cgroup) == 1 &&
		(pread(mark, &whose, 1, 0) != 1 || whose != BY_OWN))
		return err_set(e, EPERM, "root has paused it, and has to resume it");
	return freeze_set(cgroup_kind(), r->cgroup, false, e);
}

bool pause_is_roots(const struct record *r)
{
	_cleanup_close_ int mark = -EBADF;
	char path[sizeof(PATH_SESSIONS) + PLAN_ID_LEN + sizeof(".paused")], whose = 0;

	(void)snprintf(path, sizeof(path), PATH_SESSIONS "/%s.paused", r->id);
	mark = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (r->cgroup[0] == '\0' || freeze_get(cgroup_kind(), r->cgroup) != 1)
		return false;
	return mark >= 0 && (pread(mark, &whose, 1, 0) != 1 || whose != BY_OWN);
}
