/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/outdated.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/session_processes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* Where the host's programs and libraries lie, by the names that they have in a box. */
static const char *const trees[] = { "/usr/", "/opt/", "/lib", "/bin/", "/sbin/", "/nix/",
	"/gnu/" };

#define DEVICES_MAX 64

/* As the kernel writes it, "fe:00", in maps and mountinfo alike but for the base. */
struct file {
	dev_t dev;
	uint64_t ino;
};

struct looking {
	const struct record *record;
	struct outdated *found;
	dev_t devices[DEVICES_MAX];
	size_t n_devices;
	struct file seen[OUTDATED_FILES];
	size_t n_seen;
};

/* ---- the box's file systems ------------------------------------------------------------- */

static bool is_device(const struct looking *l, dev_t dev)
{
	for (size_t i = 0; i < l->n_devices; i++)
		if (l->devices[i] == dev)
			return true;
	return false;
}

static void add_device(struct looking *l, dev_t dev)
{
	if (l->n_devices < DEVICES_MAX && !is_device(l, dev))
		l->devices[l->n_devices++] = dev;
}

static bool is_in_trees(const char *path)
{
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++)
		if (strncmp(path, trees[i], strlen(trees[i])) == 0)
			return true;
	return false;
}

/* What an overlay lies over counts as well: before Linux 6.6 maps shows that. */
static void add_mount(struct looking *l, const char *line)
{
	unsigned int major, minor;
	char target[256], slashed[sizeof(target) + 1];
	struct stat st;

	if (sscanf(line, "%*u %*u %u:%u %*s %255s", &major, &minor, target) != 3)
		return;
	(void)snprintf(slashed, sizeof(slashed), "%s/", target);
	if (!strstr(line, " - overlay ") && !is_in_trees(slashed))
		return;
	add_device(l, makedev(major, minor));
	if (lstat(target, &st) == 0)
		add_device(l, st.st_dev);
}

/* Init's mounts are those that nsshell made: nobody inside can change them. */
static void add_mounts(struct looking *l)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_file_ FILE *in = NULL;
	char path[48];
	size_t room = 0;

	(void)snprintf(
		path, sizeof(path), "/proc/%d/mountinfo", (int)l->record->init.pid);
	in = fopen(path, "re");
	while (in && getline(&line, &room, in) > 0)
		add_mount(l, line);
}

/* ---- one process ------------------------------------------------------------------------ */

static bool is_new(struct looking *l, dev_t dev, uint64_t ino)
{
	for (size_t i = 0; i < l->n_seen; i++)
		if (l->seen[i].dev == dev && l->seen[i].ino == ino)
			return false;
	if (l->n_seen < OUTDATED_FILES)
		l->seen[l->n_seen++] = (struct file){ dev, ino };
	return true;
}

/* The account's own files come and go as it likes. */
static bool is_gone(const struct looking *l, int maps, const char *range)
{
	struct stat st;

	return fstatat(maps, range, &st, 0) == 0 && S_ISREG(st.st_mode) &&
	       st.st_nlink == 0 && st.st_uid != l->record->uid;
}

/* "55d0c0a00000-55d0c0a2d000 r--p 00000000 fe:00 1442 /usr/bin/dash" */
static bool is_outdated(struct looking *l, int maps, char *line)
{
	unsigned int major, minor;
	uint64_t ino;
	char range[40], *mark;
	int at = 0;

	if (sscanf(line, "%39s %*s %*s %x:%x %" SCNu64 " %n", range, &major, &minor, &ino,
		    &at) != 4 ||
		at == 0 || !is_in_trees(line + at) ||
		!is_device(l, makedev(major, minor)) ||
		!is_new(l, makedev(major, minor), ino) || !is_gone(l, maps, range))
		return false;
	line[strcspn(line, "\n")] = '\0';
	mark = strstr(line + at, " (deleted)");
	if (mark)
		*mark = '\0';
	(void)snprintf(l->found->file, sizeof(l->found->file), "%s", line + at);
	return true;
}

static void look_at(struct looking *l, pid_t pid)
{
	_cleanup_close_ int dir = -EBADF;
	_cleanup_free_ char *line = NULL;
	_cleanup_file_ FILE *in = NULL;
	size_t room = 0, size = 0;
	char path[48];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/map_files", (int)pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	in = dir < 0 ? NULL : fopen(path, "re");
	while (in && (len = getline(&line, &room, in)) > 0) {
		size += (size_t)len;
		if (size > OUTDATED_MAPS) {
			l->found->all = false;
			return;
		}
		if (is_outdated(l, dir, line)) {
			l->found->pid = pid;
			return;
		}
	}
}

/* ---- the session ------------------------------------------------------------------------ */

static void look(struct looking *l)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct err ignored;
	size_t n = 0;

	l->found->all = true;
	add_mounts(l);
	look_at(l, l->record->supervisor.pid);
	if (!l->record->cgroup[0] ||
		members_list(cgroup_kind(), l->record->cgroup, &pids, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n && l->found->pid == 0; i++) {
		if (i == OUTDATED_PROCESSES) {
			l->found->all = false;
			return;
		}
		look_at(l, pids[i]);
	}
	if (l->found->pid > 0)
		l->found->all = true;
}

/* The child's whole life: what can hold it up ends when it is killed. */
static _Noreturn void look_and_tell(const struct record *r, int to)
{
	struct outdated found = { 0 };
	struct looking l = { .record = r, .found = &found };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	look(&l);
	_exit(write(to, &found, sizeof(found)) == (ssize_t)sizeof(found) ? 0 : 1);
}

int outdated_look(const struct record *r, struct outdated *ret, struct err *e)
{
	_cleanup_close_ int from = -EBADF, to = -EBADF;
	struct outdated found = { 0 };
	struct pollfd p = { .events = POLLIN };
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	from = pair[0];
	to = pair[1];
	pid = fork();
	if (pid == 0)
		look_and_tell(r, to);
	if (pid < 0)
		return err_set(e, errno, "look at the session's processes");
	cleanup_close(&to);
	p.fd = from;
	if (poll(&p, 1, OUTDATED_MS) <= 0 ||
		read(from, &found, sizeof(found)) != (ssize_t)sizeof(found))
		found = (struct outdated){ 0 };
	(void)kill(pid, SIGKILL);
	/* One that can't be killed at once isn't waited for. */
	(void)waitpid(pid, NULL, found.all ? 0 : WNOHANG);
	*ret = found;
	return 0;
}
