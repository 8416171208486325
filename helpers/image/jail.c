/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/jail.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/harmless.h"
#include "core/base/sys.h"
#include "core/run/mount/imagestore.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534
/* Windows of compressors have 128 MiB at most by default, a text of JSON 4 MiB. */
#define MEMORY_MAX (512UL << 20)

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SHADOWED 1
#endif
#endif

/* ---- system calls ------------------------------------------------------------------- */

static const char *const calls_nothing[] = { "read", "readv", "write", "writev", "close",
	"lseek", "_llseek", "munmap", "mremap", "madvise", "brk", "futex", "futex_time64",
	"rt_sigprocmask", "rt_sigreturn", "restart_syscall", "clock_gettime",
	"clock_gettime64", "gettimeofday", "time", "getrandom", "getpid", "gettid",
	"sched_yield", "sigaltstack", "exit", "exit_group", NULL };

static const char *const calls_files[] = { "openat", "openat2", "mkdirat", "mknodat",
	"symlinkat", "linkat", "unlinkat", "fchown", "fchown32", "fchownat", "fchmod",
	"fsetxattr", "utimensat", "utimensat_time64", "ftruncate", "ftruncate64",
	"pwrite64", "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "getdents64",
	"readlinkat", "flistxattr", "fgetxattr", "fcntl", "fcntl64", NULL };

static const char *const calls_look[] = { "fstat", "fstat64", "newfstatat", "fstatat64",
	"statx", "getdents64", "readlinkat", "flistxattr", "fgetxattr", "pread64",
	"fcntl", "fcntl64", NULL };

static int allow(scmp_filter_ctx f, const char *const *names)
{
	int r = 0;

	for (; r == 0 && *names; names++) {
		int n = seccomp_syscall_resolve_name(*names);

		/* This machine has no such call, or does it by another. */
		if (n >= 0)
			r = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, n, 0, NULL);
	}
	return r;
}

/* Memory, but none to execute. */
static int allow_memory(scmp_filter_ctx f)
{
	static const char *const names[] = { "mmap", "mmap2", "mprotect" };
	const struct scmp_arg_cmp plain = {
		.arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(*names); i++) {
		int n = seccomp_syscall_resolve_name(names[i]);

		if (n >= 0)
			r = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, n, 1, &plain);
	}
	return r;
}

/* Open files, and make none. */
static int allow_open_to_read(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp to_read = { .arg = 2,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = O_ACCMODE | O_CREAT | O_TRUNC,
		.datum_b = O_RDONLY };

	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, &to_read);
}

static int filter(const struct jail *j, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool files = j->root != JAIL_NOTHING && !j->looks;
	int r = f ? 0 : -ENOMEM;

	if (r == 0)
		r = allow(f, calls_nothing);
	if (r == 0)
		r = allow_memory(f);
	if (r == 0 && files)
		r = allow(f, calls_files);
	if (r == 0 && j->looks)
		r = allow(f, calls_look);
	if (r == 0 && j->looks)
		r = allow_open_to_read(f);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r < 0 ? err_set(e, -r, "give up system calls") : 0;
}

/* ---- rights ------------------------------------------------------------------------- */

static int limit(rlimit_resource what, rlim_t n, struct err *e)
{
	const struct rlimit l = { n, n };

	return setrlimit(what, &l) < 0 ? err_set(e, errno, "give up resources") : 0;
}

static int limit_all(struct err *e)
{
	if (limit(RLIMIT_CORE, 0, e) < 0 || limit(RLIMIT_NPROC, 0, e) < 0)
		return -1;
#ifdef SHADOWED
	return 0;
#else
	return limit(RLIMIT_DATA, MEMORY_MAX, e);
#endif
}

/*
 * What a session has in memory is mounted nowhere any more, and can't be cloned. Nobody who only looks has a call that
 * leads out of a root directory again, nor one that writes.
 */
static int enter_unmounted(int dir, struct err *e)
{
	return fchdir(dir) < 0 || chroot(".") < 0 || chdir("/") < 0
		       ? err_set(e, errno, "see nothing but what was written")
		       : 0;
}

/* Nothing but what is in there, by whatever path. No network: its filter has no call for a socket. */
static int enter_root(int dir, bool looks, struct err *e)
{
	const struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID |
						     MOUNT_ATTR_NODEV |
						     MOUNT_ATTR_NOEXEC |
						     (looks ? MOUNT_ATTR_RDONLY : 0) };
	/* A mount can be cloned where it is mounted only, and attached there only. */
	_cleanup_close_ int tree = sys_clone_tree(dir, "", false, MS_PRIVATE),
			    at = -EBADF;

	if (tree < 0 && errno == EINVAL && looks)
		return enter_unmounted(dir, e);
	if (tree < 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make a mount namespace");
	at = open(PATH_STATE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || sys_mount_setattr(tree, false, &attr) < 0 ||
		sys_attach(tree, at) < 0 || fchdir(tree) < 0 ||
		sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
		chdir("/") < 0)
		return err_set(e, errno, "see nothing but the layer");
	return 0;
}

static int become_nobody(struct err *e)
{
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return err_set(e, errno, "become nobody");
	return 0;
}

/*
 * What a layer has of owners, modes and attributes takes these. CAP_SYS_ADMIN is what trusted.overlay.opaque
 * takes, and is good for nothing else without the system calls.
 */
#define CAPS_FILES                                                                       \
	(1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER |             \
		1ULL << CAP_FSETID | 1ULL << CAP_SETFCAP | 1ULL << CAP_SYS_ADMIN)

/* To read whatever somebody wrote, and trusted.overlay.opaque. */
#define CAPS_LOOK (1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_ADMIN)

/*
 * Should:   keep fds 0 and 1 alone, and JAIL_BESIDE
 * Mustn't:  keep a right, a way to files or a system call that the work doesn't take
 */
static int give_up(const struct jail *j, pid_t parent, struct err *e)
{
	bool files = j->root != JAIL_NOTHING;

	if (files ? enter_root(j->root, j->looks, e) < 0 : become_nobody(e) < 0)
		return -1;
	if (sys_close_from(j->beside > 0 ? JAIL_BESIDE + 1 : JAIL_BESIDE) < 0)
		return err_set(e, errno, "close what was open");
	if (limit_all(e) < 0)
		return -1;
	/* An id that isn't root's has none, and no way to drop what it hasn't. */
	if (files && privs_keep_caps(j->looks ? CAPS_LOOK : CAPS_FILES, e) < 0)
		return -1;
	if (!files && privs_drop_caps(0) < 0)
		return err_set(e, errno, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "give up new privileges");
	/* Forgotten where ids or capabilities change. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		return err_set(e, errno, "follow the parent's end");
	return filter(j, e);
}

/* ---- its life ----------------------------------------------------------------------- */

static int child(const struct jail *j, pid_t parent)
{
	struct jail_said *said = j->said;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)umask(0);
	if (dup2(j->in, 0) < 0 || dup2(j->out, 1) < 0)
		return err_set(&said->e, errno, "take input and output");
	if (j->beside > 0 && dup2(j->beside, JAIL_BESIDE) < 0)
		return err_set(&said->e, errno, "take a directory");
	if (give_up(j, parent, &said->e) < 0)
		return -1;
	return j->work(j->arg, said);
}

int jail_start(struct jail *j, struct err *e)
{
	pid_t parent = getpid();

	j->said = mmap(NULL, sizeof(*j->said), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (j->said == MAP_FAILED) {
		j->said = NULL;
		return err_set(e, errno, "%s", j->name);
	}
	j->pid = fork();
	if (j->pid < 0)
		return err_set(e, errno, "%s", j->name);
	if (j->pid == 0)
		_exit(child(j, parent) < 0);
	return 0;
}

/* The child is untrusted: make it a text that ends, without control characters. */
static void take_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	harmless_make(text, strlen(text));
}

int jail_wait(struct jail *j, bool kill_it, struct err *e)
{
	int status = 0;

	if (j->pid <= 0)
		return err_set(e, 0, "%s: it was never begun", j->name);
	if (kill_it)
		(void)kill(j->pid, SIGKILL);
	while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	j->pid = 0;
	if (j->said->n_notes > JAIL_NOTES)
		j->said->n_notes = JAIL_NOTES;
	for (uint32_t i = 0; i < j->said->n_notes; i++)
		take_text(j->said->notes[i], sizeof(j->said->notes[i]));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	take_text(j->said->e.msg, sizeof(j->said->e.msg));
	if (WIFSIGNALED(status))
		return err_set(e, 0, "%s: its process was ended by signal %s", j->name,
			sigabbrev_np(WTERMSIG(status)));
	if (!j->said->e.msg[0])
		return err_set(e, 0, "%s: its process failed without a word", j->name);
	*e = j->said->e;
	e->cause = ERR_BY_ANYONE;
	return -1;
}

int jail_notes(const struct jail *j, struct strlist *ret, struct err *e)
{
	const struct jail_said *s = j->said;
	char more[64];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->n_notes; i++)
		r = strlist_add(ret, s->notes[i]);
	(void)snprintf(more, sizeof(more), "and %u more of that kind", s->n_unsaid);
	if (r == 0 && s->n_unsaid > 0)
		r = strlist_add(ret, more);
	return r < 0 ? err_set(e, ENOMEM, "%s", j->name) : 0;
}

void jail_clear(struct jail *j)
{
	struct err ignored;

	if (j->pid > 0)
		(void)jail_wait(j, true, &ignored);
	if (j->said)
		(void)munmap(j->said, sizeof(*j->said));
	j->said = NULL;
}

void jail_note(struct jail_said *s, const char *what, const char *path)
{
	if (s->n_notes == JAIL_NOTES) {
		s->n_unsaid++;
		return;
	}
	(void)snprintf(s->notes[s->n_notes++], JAIL_NOTE_MAX, "%s: %.150s", what, path);
}
