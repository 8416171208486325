/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at the host: kernel, what is installed, the break-glass group, state directories.
 */
#include "nsshell/nsctl/check/check_internal.h"
#include "nsshell/nsctl/check/findings.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <shadow.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#define ISOLATED "every account with Isolate=yes: its logins are refused (OnError=deny)"

/* Less than that is none. */
#define ROOM_BYTES (64UL << 10)
#define ROOM_FILES 16

/* ---- kernel ------------------------------------------------------------------------- */

static bool kernel_at_least(
	const struct utsname *u, unsigned int major, unsigned int minor)
{
	unsigned int x = 0, y = 0;

	if (sscanf(u->release, "%u.%u", &x, &y) != 2)
		return true;
	return x > major || (x == major && y >= minor);
}

static void check_version(struct findings *f)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	if (!kernel_at_least(&u, 5, 12))
		findings_add(f, FINDING_ERROR, ISOLATED,
			"boot Linux 5.19 or newer, at least 5.12",
			"Linux %s lacks mount_setattr(2) (5.12)%s", u.release,
			kernel_at_least(&u, 5, 9)
				? ""
				: " and joining namespaces by a pidfd (5.9)");
	else if (!kernel_at_least(&u, 5, 19))
		findings_add(f, FINDING_WARNING, "every isolated session",
			"boot Linux 5.19 or newer",
			"Linux %s can't stack an overlay on idmapped layers (5.19): inside, the "
			"host's files seem to be nobody's, and ssh, git and sudo refuse some",
			u.release);
}

static void check_user_namespaces(struct findings *f)
{
	static const char path[] = "/proc/sys/user/max_user_namespaces";
	char text[32];
	uint64_t n;

	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0) {
		findings_add(f, FINDING_ERROR, ISOLATED,
			"boot a kernel that is built with CONFIG_USER_NS",
			"%s can't be read (%m): no user namespaces here", path);
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	if (parse_u64(text, &n) == 0 && n == 0)
		findings_add(f, FINDING_ERROR, ISOLATED,
			"raise it, and find what sets it in /etc/sysctl.d: sysctl "
			"user.max_user_namespaces=65536",
			"%s is 0: user namespaces are forbidden", path);
}

/* Whether a text file has a line in which @word stands. */
static bool file_mentions(const char *path, const char *word)
{
	_cleanup_file_ FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) >= 0)
		if (strstr(line, word))
			return true;
	return false;
}

static void check_overlay(struct findings *f)
{
	struct utsname u;
	char path[256];
	bool there;

	if (file_mentions("/proc/filesystems", "\toverlay\n") || uname(&u) < 0)
		return;
	(void)snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	there = file_mentions(path, "/overlay.ko");
	if (there && file_mentions("/proc/sys/kernel/modules_disabled", "1"))
		findings_add(f, FINDING_ERROR, ISOLATED,
			"have it loaded before that is set: echo overlay > "
			"/etc/modules-load.d/nsshell.conf, and boot anew",
			"the overlay file system is a module that isn't loaded, and "
			"kernel.modules_disabled lets none be loaded any more");
	else if (there)
		findings_add(f, FINDING_NOTE, "the first login after a boot",
			"to have it loaded at boot: echo overlay > /etc/modules-load.d/nsshell.conf",
			"the overlay file system is a module that isn't loaded yet");
	else
		findings_add(f, FINDING_ERROR, ISOLATED,
			"boot a kernel with CONFIG_OVERLAY_FS, or install its module",
			"this kernel has no overlay file system");
}

/* seccomp(2): there since Linux 4.14, where there are filters at all. */
static void check_filters(struct findings *f)
{
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) < 0)
		findings_add(f, FINDING_ERROR, ISOLATED,
			"boot a kernel with CONFIG_SECCOMP_FILTER, or write SystemCallFilter=no "
			"in nsshell.conf",
			"this kernel has no system call filters");
}

void check_kernel(struct findings *f)
{
	check_version(f);
	/* What it has is told by files of /proc. */
	if (access("/proc/sys", F_OK) < 0) {
		findings_add(f, FINDING_ERROR,
			"isolated accounts whose login program has it so, too: their logins are refused",
			"mount it without subset=pid; in a unit: without ProcSubset=pid",
			"/proc shows processes alone (%m: /proc/sys): nothing of the kernel can be looked at");
		return;
	}
	check_user_namespaces(f);
	check_overlay(f);
	check_filters(f);
}

/* ---- files -------------------------------------------------------------------------- */

/* Whether only root can change this; why not, into @f. */
static bool roots_alone(
	const char *path, const struct stat *st, const char *whom, struct findings *f)
{
	if (st->st_uid != 0) {
		findings_add(f, FINDING_ERROR, whom,
			"chown it to root, after a look at what is in it",
			"%s belongs to uid %u, who could become root by it", path,
			st->st_uid);
		return false;
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		findings_add(f, FINDING_ERROR, whom,
			"chmod go-w it, after a look at what is in it",
			"%s has mode %04o: others than root can write it, and become root by it",
			path, st->st_mode & 07777U);
		return false;
	}
	return true;
}

/* Every directory above a file must be root's alone, too. */
void check_chain(const char *path, const char *whom, struct findings *f)
{
	char directory[512];
	struct stat st;
	char *slash;

	(void)snprintf(directory, sizeof(directory), "%s", path);
	while ((slash = strrchr(directory, '/')) && slash != directory) {
		*slash = '\0';
		if (stat(directory, &st) == 0 && !roots_alone(directory, &st, whom, f))
			return;
	}
	if (stat("/", &st) == 0)
		(void)roots_alone("/", &st, whom, f);
}

static void check_file(
	const char *path, const char *what, bool program, struct findings *f)
{
	const char *whom = "every login of a service with nsshell's line";
	struct stat st;

	if (stat(path, &st) < 0) {
		findings_add(f, FINDING_ERROR, whom,
			"install nsshell (make install), or disable its services",
			"the %s %s can't be found: %m", what, path);
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		findings_add(f, FINDING_ERROR, whom, "install nsshell again",
			"the %s %s isn't a file", what, path);
		return;
	}
	if (program && !(st.st_mode & S_IXUSR))
		findings_add(f, FINDING_ERROR, whom, "chmod 0755 it",
			"the %s %s has mode %04o and can't be run", what, path,
			st.st_mode & 07777U);
	if (program && (st.st_mode & S_ISGID))
		findings_add(f, FINDING_ERROR, whom, "chmod g-s it",
			"the %s %s is setgid, which it isn't made for", what, path);
	if (roots_alone(path, &st, whom, f))
		check_chain(path, whom, f);
}

/* Not having one is fine: then nobody can do what it is for. */
static void check_setuid(const char *path, const char *whom, struct findings *f)
{
	struct statvfs fs;
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if (roots_alone(path, &st, whom, f))
		check_chain(path, whom, f);
	if (!(st.st_mode & S_ISUID) || (st.st_mode & S_ISGID))
		findings_add(f, FINDING_ERROR, whom, "chmod 4755 it",
			"%s has mode %04o and must be setuid, and not setgid", path,
			st.st_mode & 07777U);
	if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_NOSUID))
		findings_add(f, FINDING_ERROR, whom,
			"install nsshell on a file system that is mounted without nosuid",
			"%s is setuid where that does nothing", path);
}

/* What runs as somebody else than root, none of whom may read it: they could trace it (ptrace(2)). */
static void check_hidden(const char *path, const char *what, struct findings *f)
{
	struct stat st;

	check_file(path, what, true, f);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (!(st.st_mode & S_IXOTH))
		findings_add(f, FINDING_ERROR, ISOLATED, "chmod 0711 it",
			"the %s %s has mode %04o, and must be run by others than root",
			what, path, st.st_mode & 07777U);
	else if (st.st_mode & S_IROTH)
		findings_add(f, FINDING_WARNING, "every isolated session",
			"chmod 0711 it",
			"the %s %s has mode %04o: who can read it can trace what runs it",
			what, path, st.st_mode & 07777U);
}

/* PAM's files have its bare name. */
static void check_module(struct findings *f)
{
	check_file(PATH_MODULE, "PAM module", false, f);
	if (access(PAMDIR "/pam_permit.so", F_OK) < 0)
		findings_add(f, FINDING_ERROR,
			"every login of a service with nsshell's line, root's too",
			"make install PAMDIR=DIRECTORY, with the one that pam_permit.so is in",
			"PAM's own modules aren't in " PAMDIR
			", so it doesn't look for pam_nsshell.so there");
}

void check_installed(struct findings *f)
{
	check_file(PATH_HELPER, "helper", true, f);
	check_hidden(PATH_PLANNER, "planner", f);
	check_file(PATH_SUPERVISOR, "supervisor", true, f);
	check_file(PATH_WORKER, "worker", true, f);
	check_hidden(PATH_INIT, "init", f);
	check_module(f);
	if (access(PATH_SYSTEMD, F_OK) == 0)
		check_file(PATH_SCOPE, "program that asks systemd for scopes", true, f);
	check_setuid(PATH_DOOR, "accounts whose login shell is nsshell", f);
}

/* What a login writes to a directory of ours takes some blocks and inodes. */
static void check_room(const char *path, const char *whom, struct findings *f)
{
	const char *above = strcmp(path, PATH_RUN) == 0 ? "/run" : "/var/lib";
	struct statvfs fs;

	if (statvfs(path, &fs) < 0 && statvfs(above, &fs) < 0)
		findings_add(f, FINDING_ERROR, whom, "make it: mkdir -m 755 it",
			"%s isn't there, and %s can't be made", above, path);
	else if (fs.f_flag & ST_RDONLY)
		findings_add(f, FINDING_ERROR, whom,
			"mount -o remount,rw it; where it was remounted read-only, dmesg says why",
			"the file system of %s is read-only", path);
	else if (fs.f_blocks > 0 && fs.f_bfree * fs.f_frsize < ROOM_BYTES)
		findings_add(f, FINDING_ERROR, whom, "make room: df, du -x",
			"the file system of %s is full", path);
	else if (fs.f_files > 0 && fs.f_ffree < ROOM_FILES)
		findings_add(f, FINDING_ERROR, whom,
			"make room: df -i says how many files there are",
			"the file system of %s has no inode left", path);
}

void check_state(struct findings *f)
{
	static const struct {
		const char *path, *whom;
		mode_t mode;
	} directories[] = { { PATH_RUN, ISOLATED, PATH_RUN_MODE },
		{ PATH_STATE,
			"logins with Upper=disk or Volumes=, and of accounts that have no range of ids, or no "
			"address, yet: they are refused",
			0700 } };
	struct stat st;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		const char *path = directories[i].path;
		char todo[64];

		check_room(path, directories[i].whom, f);
		if (lstat(path, &st) < 0)
			continue;
		(void)snprintf(todo, sizeof(todo), "chmod %04o it, and find what made it",
			(unsigned int)directories[i].mode);
		if (!S_ISDIR(st.st_mode))
			findings_add(f, FINDING_ERROR, ISOLATED,
				"remove it; nsshell makes it anew",
				"%s isn't a directory", path);
		else if (roots_alone(path, &st, ISOLATED, f) &&
			 (st.st_mode & 077 & ~directories[i].mode))
			findings_add(f, FINDING_WARNING, "the privacy of all sessions",
				todo,
				"%s has mode %04o: others can read what is root's alone",
				path, st.st_mode & 07777U);
	}
}

/* Whether root has a password, and so a way in of its own, at the console at least. */
static bool root_can_log_in(void)
{
	const struct spwd *root = getspnam("root");

	return root && root->sp_pwdp[0] == '$';
}

void check_break_glass(struct findings *f)
{
	static const char whom[] = "the admin, on the day when no isolated login works";
	enum finding_severity severity =
		root_can_log_in() ? FINDING_NOTE : FINDING_WARNING;
	const struct group *g;

	errno = 0;
	g = getgrnam(POLICY_BREAK_GLASS_GROUP);
	if (!g)
		findings_add(f, severity, whom,
			"groupadd -f --system " POLICY_BREAK_GLASS_GROUP
			" && usermod -aG " POLICY_BREAK_GLASS_GROUP " YOU",
			"the break-glass group " POLICY_BREAK_GLASS_GROUP " %s%s",
			errno ? "can't be looked up: " : "isn't there",
			errno ? strerror(errno) : "");
	else if (!g->gr_mem[0])
		findings_add(f, severity, whom,
			"usermod -aG " POLICY_BREAK_GLASS_GROUP " YOU",
			"the break-glass group " POLICY_BREAK_GLASS_GROUP
			" has no members");
}
