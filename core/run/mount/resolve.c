/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/resolve.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define DEPTH     64 /* directories on the way to a path */
#define LINKS_MAX 40 /* as the kernel follows, path_resolution(7) */

/* ---- what it is --------------------------------------------------------------------- */

/* Kernel interfaces: what is read and written there is no file, and none of them is a box's. */
static bool is_kernels(int fd)
{
	static const uint32_t types[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC,
		CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
		SECURITYFS_MAGIC, BPF_FS_MAGIC, EFIVARFS_MAGIC, NSFS_MAGIC,
		PSTOREFS_MAGIC, 0x62656570 /* configfs */ };
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if ((uint32_t)fs.f_type == types[i])
			return true;
	return false;
}

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFREG:
		return "a file";
	case S_IFLNK:
		return "a symlink";
	case S_IFSOCK:
		return "a socket";
	case S_IFIFO:
		return "a FIFO";
	default:
		return "a device";
	}
}

static int check_home(const struct resolve_as *as, const struct stat *st, struct err *e)
{
	if (!S_ISDIR(st->st_mode))
		return err_set(
			e, 0, "it is %s, and no directory", type_name(st->st_mode));
	if (st->st_uid != as->uid)
		return err_set(e, 0,
			"it belongs to uid %u: chown it to %s if it is that account's alone, or give it "
			"another home (usermod -d)",
			st->st_uid, as->name);
	return 0;
}

static int check(enum plan_use use, const struct resolve_as *as, const struct resolved *r,
	struct err *e)
{
	mode_t mode = r->st.st_mode;
	bool device = S_ISCHR(mode) || S_ISBLK(mode);

	if (use == PLAN_USE_HIDE || use == PLAN_USE_TARGET || use == PLAN_USE_ANY)
		return 0;
	if (is_kernels(r->fd))
		return err_set(e, 0,
			"it is on a file system of the kernel's (proc, sysfs, "
			"cgroup), which no box gets of the host");
	if (use == PLAN_USE_HOME)
		return check_home(as, &r->st, e);
	if ((use == PLAN_USE_SOCKET ? S_ISSOCK(mode)
				    : use != PLAN_USE_DEVICE || device) ||
		S_ISDIR(mode))
		return 0;
	return err_set(e, 0, "it is %s, and neither a %s nor a directory of them",
		type_name(mode), use == PLAN_USE_SOCKET ? "socket" : "device");
}

/* ---- the walk ----------------------------------------------------------------------- */

struct step {
	int fd;
	bool roots; /* it, and all above it, only root may write */
	size_t len; /* of its path in walk.real; "/": 0 */
};

struct walk {
	const struct resolve_as *as;
	enum plan_use use;
	bool may_become; /* as root */
	bool as_account; /* at the moment */
	struct step steps[DEPTH];
	size_t n;
	int links;
	char todo[PATH_MAX];
	struct resolved *to;
};

/* Where it has one the group's bits are its mask, acl(5): somebody else's may be among them. */
static bool has_acl(int fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, "system.posix_acl_access", NULL, 0) >= 0 ||
	       (errno != ENODATA && errno != EOPNOTSUPP);
}

static bool only_root_writes(int fd, const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & S_IWOTH) &&
	       (!(st->st_mode & S_IWGRP) || (st->st_gid == 0 && !has_acl(fd)));
}

static struct step *top(struct walk *w)
{
	return &w->steps[w->n - 1];
}

static void pop(struct walk *w)
{
	if (w->n > 1)
		cleanup_close(&w->steps[--w->n].fd);
	w->to->real[top(w)->len] = '\0';
}

static void walk_end(struct walk *w)
{
	while (w->n > 0)
		cleanup_close(&w->steps[--w->n].fd);
}

/* Look with the rights that hold at this point of the way. */
static int switch_rights(struct walk *w, struct err *e)
{
	bool account = w->use == PLAN_USE_BIND || w->use == PLAN_USE_HOME ||
		       ((w->use == PLAN_USE_SOCKET || w->use == PLAN_USE_DEVICE) &&
			       !top(w)->roots);

	if (!w->may_become || account == w->as_account)
		return 0;
	w->as_account = account;
	return account ? privs_look_as(w->as->uid, w->as->gid, w->as->groups,
				 w->as->n_groups, e)
		       : privs_look_as_root(e);
}

/* O_DIRECTORY first: it mounts what an automounter has there (open(2)). */
static int open_name(const struct walk *w, int dir, const char *name, bool last)
{
	bool quiet = last && (w->use == PLAN_USE_HIDE || w->use == PLAN_USE_TARGET);
	int fd = -1;

	errno = ENOTDIR;
	if (!quiet)
		fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

static int add_real(struct walk *w, const char *name, struct err *e)
{
	size_t len = strlen(w->to->real);

	if (len + 1 + strlen(name) >= sizeof(w->to->real))
		return err_set(e, ENAMETOOLONG, "walk to it");
	w->to->real[len] = '/';
	memcpy(w->to->real + len + 1, name, strlen(name) + 1);
	return 0;
}

/* What is left of the way, as text: nothing is there that could lead elsewhere. */
static int add_rest(struct walk *w, struct err *e)
{
	char *save = NULL;

	for (char *name = strtok_r(w->todo, "/", &save); name;
		name = strtok_r(NULL, "/", &save)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			return err_set(
				e, 0, "a symlink on the way leads to where nothing is");
		if (add_real(w, name, e) < 0)
			return -1;
	}
	return 0;
}

static int follow(
	struct walk *w, int link, const struct stat *st, const char *name, struct err *e)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len;

	if (st->st_uid != 0)
		return err_set(e, 0,
			"%s/%s is a symlink of uid %u's: only root's are followed",
			w->to->real, name, st->st_uid);
	if (!top(w)->roots)
		return err_set(e, 0,
			"%s/%s is a symlink where others than root may write: such aren't followed",
			w->to->real, name);
	if (++w->links > LINKS_MAX)
		return err_set(e, ELOOP, "%s/%s", w->to->real, name);
	len = readlinkat(link, "", target, sizeof(target) - 1);
	if (len < 0)
		return err_set(e, errno, "read the symlink %s/%s", w->to->real, name);
	target[len] = '\0';
	memcpy(rest, w->todo, sizeof(rest));
	if ((size_t)snprintf(w->todo, sizeof(w->todo), "%s/%s", target, rest) >=
		sizeof(w->todo))
		return err_set(
			e, ENAMETOOLONG, "follow the symlink %s/%s", w->to->real, name);
	while (target[0] == '/' && w->n > 1)
		pop(w);
	return 0;
}

/* One more directory, or the end of the way. */
static int push(struct walk *w, int *fd, const char *name, struct err *e)
{
	struct step *s;

	if (w->n == DEPTH)
		return err_set(
			e, ENAMETOOLONG, "walk through more than %d directories", DEPTH);
	if (add_real(w, name, e) < 0)
		return -1;
	s = &w->steps[w->n++];
	*s = (struct step){ .fd = take_fd(fd), .len = strlen(w->to->real) };
	s->roots = s[-1].roots && S_ISDIR(w->to->st.st_mode) &&
		   only_root_writes(s->fd, &w->to->st);
	return 0;
}

/* Nothing is at @name. Return: 1, or -1 with @e. */
static int nothing(struct walk *w, const char *name, struct err *e)
{
	w->to->by_root = errno == ENOENT && top(w)->roots;
	if (errno != ENOENT && errno != ENOTDIR &&
		!(w->use == PLAN_USE_TARGET && errno == EACCES))
		return err_set(e, errno, "open %s/%s%s%s", w->to->real, name,
			w->as_account ? " as " : "", w->as_account ? w->as->name : "");
	return add_real(w, name, e) < 0 || add_rest(w, e) < 0 ? -1 : 1;
}

/* Whether from here on the box has what is its own. */
static bool is_boxs_own(const struct walk *w)
{
	return w->use == PLAN_USE_TARGET && plan_is_own_place(w->to->real);
}

/* Without allow_root FUSE lets nobody in but the user who mounted it, and not root with that user's file system ids. */
static int no_look(const struct walk *w, int fd, const char *name, struct err *e)
{
	struct statfs fs;
	int num = errno;
	bool fuse = num == EACCES && fstatfs(fd, &fs) == 0 &&
		    (uint32_t)fs.f_type == FUSE_SUPER_MAGIC;

	return err_set(e, num, "look at %s/%s%s", w->to->real, name,
		fuse ? ", which is FUSE's and open to who has mounted it alone: mount it with allow_root or "
		       "allow_other (that takes user_allow_other in /etc/fuse.conf)"
		     : "");
}

/* Return: 0 to go on; 1 when there is nothing; -1 with @e. */
static int step(struct walk *w, const char *name, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	bool last = w->todo[strspn(w->todo, "/")] == '\0';

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		pop(w);
		return 0;
	}
	if (switch_rights(w, e) < 0)
		return -1;
	fd = open_name(w, top(w)->fd, name, last);
	if (fd < 0)
		return nothing(w, name, e);
	if (fstat(fd, &w->to->st) < 0)
		return no_look(w, fd, name, e);
	if (S_ISLNK(w->to->st.st_mode))
		return follow(w, fd, &w->to->st, name, e);
	return push(w, &fd, name, e);
}

static int walk(struct walk *w, struct err *e)
{
	int r = 0;

	while (r == 0) {
		char name[NAME_MAX + 1], *at = w->todo + strspn(w->todo, "/");
		size_t len = strcspn(at, "/");

		if (len == 0)
			return 0;
		if (len > NAME_MAX)
			return err_set(e, ENAMETOOLONG, "walk to it");
		if (is_boxs_own(w))
			return add_rest(w, e) < 0 ? -1 : 1;
		memcpy(name, at, len);
		name[len] = '\0';
		memmove(w->todo, at + len, strlen(at + len) + 1);
		r = step(w, name, e);
	}
	return r;
}

static int begin(struct walk *w, const char *path, struct err *e)
{
	struct stat st;

	if ((size_t)snprintf(w->todo, sizeof(w->todo), "%s", path) >= sizeof(w->todo))
		return err_set(e, ENAMETOOLONG, "walk to it");
	w->steps[0].fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (w->steps[0].fd < 0 || fstat(w->steps[0].fd, &st) < 0)
		return err_set(e, errno, "open /");
	w->n = 1;
	w->steps[0].roots = only_root_writes(w->steps[0].fd, &st);
	w->to->st = st;
	return 0;
}

static int end(struct walk *w, int r, struct err *e)
{
	struct err back;

	if (r == 0 && w->to->real[0] == '\0')
		w->to->real[0] = '/', w->to->real[1] = '\0';
	if (r == 0) {
		w->to->fd = take_fd(&top(w)->fd);
		r = fstat(w->to->fd, &w->to->st) < 0 ? err_set(e, errno, "look at it")
						     : check(w->use, w->as, w->to, e);
	}
	if (w->as_account && privs_look_as_root(&back) < 0) {
		*e = back;
		r = -1;
	}
	if (r != 0)
		cleanup_close(&w->to->fd);
	walk_end(w);
	return r;
}

struct resolve_as resolve_as_account(const struct plan *plan)
{
	return (struct resolve_as){ plan->user, plan->uid, plan->gid, plan->groups,
		plan->n_groups };
}

int resolve_path(const char *path, enum plan_use use, const struct resolve_as *as,
	struct resolved *ret, struct err *e)
{
	struct walk w = { .as = as,
		.use = use,
		.may_become = as->uid != 0 && geteuid() == 0,
		.to = ret };
	int r;

	*ret = (struct resolved)RESOLVED_NONE;
	r = begin(&w, path, e);
	if (r == 0)
		r = walk(&w, e);
	return end(&w, r, e);
}

int resolve_again(const char *real, enum plan_use use, const struct resolve_as *as,
	struct resolved *ret, struct err *e)
{
	const uint64_t resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	_cleanup_close_ int fd = -EBADF;

	*ret = (struct resolved)RESOLVED_NONE;
	(void)snprintf(ret->real, sizeof(ret->real), "%s", real);
	fd = sys_openat2(AT_FDCWD, real, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, resolve);
	if (fd < 0 && errno == ENOTDIR)
		fd = sys_openat2(AT_FDCWD, real, O_PATH | O_NOFOLLOW, 0, resolve);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 1
			       : err_set(e, errno, "open %s", real);
	if (fstat(fd, &ret->st) < 0)
		return err_set(e, errno, "look at %s", real);
	if (S_ISLNK(ret->st.st_mode))
		return err_set(e, ELOOP, "open %s", real);
	ret->fd = fd;
	if (check(use, as, ret, e) < 0) {
		ret->fd = -EBADF;
		return -1;
	}
	(void)take_fd(&fd);
	return 0;
}
