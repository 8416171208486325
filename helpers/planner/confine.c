/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/planner/confine.h"

#include "core/run/ids/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *const calls[] = { "read", "readv", "pread64", "write", "close",
	"lseek", "_llseek", "fstat", "fstat64", "newfstatat", "fstatat64", "stat",
	"stat64", "lstat", "lstat64", "statx", "statfs", "fstatfs", "access", "faccessat",
	"faccessat2", "readlink", "readlinkat", "getdents64", "dup", "munmap", "mremap",
	"madvise", "brk", "futex", "futex_time64", "rt_sigprocmask", "rt_sigaction",
	"rt_sigreturn", "restart_syscall", "clock_gettime", "clock_gettime64",
	"gettimeofday", "time", "getrandom", "getpid", "gettid", "getuid", "geteuid",
	"getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32", "uname",
	"sysinfo", "sched_getaffinity", "sched_yield", "sigaltstack", "poll", "ppoll",
	"ppoll_time64", "sendmsg", "recvmsg", "sendto", "recvfrom",
	"landlock_create_ruleset", "exit", "exit_group", NULL };

static int allow(scmp_filter_ctx f, const char *name, const struct scmp_arg_cmp *arg)
{
	int n = seccomp_syscall_resolve_name(name);

	/* This machine has no such call, or does it by another. */
	return n < 0 ? 0 : seccomp_rule_add_array(f, SCMP_ACT_ALLOW, n, arg ? 1 : 0, arg);
}

/*
 * By F_SETOWN one fd signals whatever else has its uid, by prlimit64() its limits are changed, and where it is nobody there
 * are others: fds, but nobody's signals; limits, but its own.
 */
static int allow_own(scmp_filter_ctx f)
{
	static const int commands[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD,
		F_GETFL };
	const struct scmp_arg_cmp self = { 0, SCMP_CMP_MASKED_EQ, UINT32_MAX, 0 };
	int r = allow(f, "prlimit64", &self);

	for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(*commands); i++) {
		const struct scmp_arg_cmp one = { 1, SCMP_CMP_MASKED_EQ, UINT32_MAX,
			(scmp_datum_t)commands[i] };

		r = allow(f, "fcntl", &one);
		if (r == 0)
			r = allow(f, "fcntl64", &one);
	}
	return r;
}

/* Memory, but none to execute; files, but to read. */
static int allow_some(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp plain = { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 };
	const scmp_datum_t writes = O_ACCMODE | O_CREAT | O_TRUNC;
	const struct scmp_arg_cmp read_at = { 2, SCMP_CMP_MASKED_EQ, writes, O_RDONLY },
				  read = { 1, SCMP_CMP_MASKED_EQ, writes, O_RDONLY };
	int r = allow(f, "mmap", &plain);

	if (r == 0)
		r = allow(f, "mmap2", &plain);
	if (r == 0)
		r = allow(f, "mprotect", &plain);
	if (r == 0)
		r = allow(f, "openat", &read_at);
	return r == 0 ? allow(f, "open", &read) : r;
}

static int filter(struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = f ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && calls[i]; i++)
		r = allow(f, calls[i], NULL);
	if (r == 0)
		r = allow_some(f);
	if (r == 0)
		r = allow_own(f);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r < 0 ? err_set(e, -r, "give up system calls") : 0;
}

int confine(struct err *e)
{
	uint64_t held;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "be nobody's to look into");
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0 ||
		getgroups(0, NULL) != 0 || setuid(0) == 0)
		return err_set(e, 0, "nsshell-planner isn't started by hand");
	if (privs_held(&held, e) < 0)
		return -1;
	if (held != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return err_set(e, 0, "nsshell-planner was started with rights");
	return filter(e);
}
