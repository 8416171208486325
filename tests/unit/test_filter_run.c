/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program that is made of a plan's rules, running: each call that is to be refused is tried,
 * through every door, by a child under the filter.
 */
#include "tests/unit/filter_cases.h"

#include "core/base/cleanup.h"
#include "core/run/enter/seccomp.h"
#include "core/run/enter/seccomp_make.h"

#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ROOM 256

static long try_native(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	return syscall(nr, a, b, c, -1, -1, -1) < 0 ? -errno : 0;
}

#ifdef __x86_64__
/* The 32-bit door as a 64-bit program finds it. */
static long try_i386(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	long r = nr;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(a), "c"(b), "d"(c), "S"(-1), "D"(-1)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r < 0 ? (int)r : 0;
}
#endif

/* Nobody, without any right: should the filter fail, nothing happens to the host. */
static void put_under(const struct plan_filter *rules)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct filter f;
	struct err e;

	if (getuid() == 0 && (setresgid(65534, 65534, 65534) < 0 ||
				     setresuid(65534, 65534, 65534) < 0))
		_exit(100);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(101);
	if (filter_export(rules, fd, &e) < 0 || filter_map(fd, &f, &e) < 0 ||
		filter_install(&f, &e) < 0) {
		(void)dprintf(2, "# %s\n", e.msg);
		_exit(102);
	}
	filter_unmap(&f);
}

static int status_of(pid_t pid)
{
	int status = -1;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void try_all(const struct door *d)
{
	struct plan *p = plan_with("", false);
	pid_t pid;

	assert_true(p->filter.n_rules <= ROOM);
	for (size_t i = 0; i < p->filter.n_rules; i++)
		p->filter.rules[i].call.error = MARK;
	pid = fork();
	if (pid == 0) {
		failures = 0;
		put_under(&p->filter);
		for (size_t i = 0; i < p->filter.n_rules; i++)
			try_rule(d, &p->filter.rules[i].call);
		_exit(failures > 99 ? 99 : failures);
	}
	assert_int_equal(status_of(pid), 0);
	plan_free(p);
}

static void every_rule_holds_for_the_machines_own_calls(void **state)
{
	(void)state;
	try_all(&(struct door){ "own", SCMP_ARCH_NATIVE, try_native, true });
}

static void every_rule_holds_for_32_bit_calls(void **state)
{
	(void)state;
#ifdef __x86_64__
	pid_t pid = fork();

	if (pid == 0) {
		/* Where there is no such gate it is a fault, which cmocka would go on after. */
		(void)signal(SIGSEGV, SIG_DFL);
		_exit(try_i386(20, 0, 0, 0) != 0); /* getpid */
	}
	if (status_of(pid) != 0) {
		print_message("# SKIP this kernel has no 32-bit calls\n");
		skip();
	}
	try_all(&(struct door){ "i386", SCMP_ARCH_X86, try_i386, false });
#else
	print_message("# SKIP 32-bit calls are tried on x86-64 only\n");
	skip();
#endif
}

/* For real: 64-bit programs have it, whether the kernel takes such calls (CONFIG_X86_X32_ABI) or not. */
static void a_call_by_x32_numbers_is_not_there(void **state)
{
#ifdef __x86_64__
	static const int calls[] = { SYS_getpid, SYS_mount, SYS_bpf, SYS_keyctl,
		SYS_unshare };
	struct plan *p = plan_with("", false);
	pid_t pid = fork();

	if (pid == 0) {
		put_under(&p->filter);
		for (size_t i = 0; i < COUNT(calls); i++)
			failures += try_native(0x40000000 | calls[i], 0, 0, 0) != -ENOSYS;
		_exit(failures);
	}
	assert_int_equal(status_of(pid), 0);
	plan_free(p);
#else
	print_message("# SKIP x32 is a door of x86-64\n");
	skip();
#endif
	(void)state;
}

static void what_is_refused_says_eperm_and_clone3_is_not_there(void **state)
{
	struct plan *p = plan_with("", false);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		put_under(&p->filter);
		failures += try_native(SYS_bpf, 0, 0, 0) != -EPERM;
		failures += try_native(SYS_unshare, CLONE_NEWUSER, 0, 0) != -EPERM;
		failures +=
			try_native(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0) != -EPERM;
		failures += try_native(SYS_clone3, 0, 0, 0) != -ENOSYS;
		_exit(failures);
	}
	assert_int_equal(status_of(pid), 0);
	plan_free(p);
}

static void what_programs_do_all_day_is_allowed(void **state)
{
	struct plan *p = plan_with("", false);
	pid_t pid = fork(), child;

	(void)state;
	if (pid == 0) {
		put_under(&p->filter);
		child = fork();
		if (child == 0) {
			if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
				_exit(1);
			(void)raise(SIGSTOP);
			_exit(0);
		}
		failures += child < 0;
		failures += waitpid(child, &failures, WUNTRACED) != child;
		failures = WIFSTOPPED(failures) ? 0 : 1;
		failures += ptrace(PTRACE_KILL, child, NULL, NULL) < 0;
		failures += prctl(PR_SET_NAME, "x", 0, 0, 0) < 0;
		failures += personality(ADDR_NO_RANDOMIZE) < 0;
		_exit(failures);
	}
	assert_int_equal(status_of(pid), 0);
	plan_free(p);
}

static void a_name_that_libseccomp_does_not_know_is_an_error(void **state)
{
	struct plan *p = plan_with("no ~bpf", false);
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct err e;

	(void)state;
	p->filter.rules[0].call.name = "no_such_call";
	assert_int_equal(filter_export(&p->filter, fd, &e), -1);
	assert_non_null(strstr(e.msg, "no_such_call"));
	plan_free(p);
}

static void what_can_be_no_program_is_not_taken(void **state)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct filter f;
	struct err e;

	(void)state;
	assert_int_equal(filter_map(fd, &f, &e), -1); /* empty */
	assert_int_equal(ftruncate(fd, 12), 0);
	assert_int_equal(filter_map(fd, &f, &e), -1); /* one and a half */
	assert_int_equal(ftruncate(fd, 4097 * 8), 0);
	assert_int_equal(filter_map(fd, &f, &e), -1); /* more than the kernel takes */
	assert_int_equal(filter_map(-EBADF, &f, &e), 0);
	assert_null(f.code);
	assert_int_equal(filter_install(&f, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_holds_for_the_machines_own_calls),
		cmocka_unit_test(every_rule_holds_for_32_bit_calls),
		cmocka_unit_test(what_is_refused_says_eperm_and_clone3_is_not_there),
		cmocka_unit_test(a_call_by_x32_numbers_is_not_there),
		cmocka_unit_test(what_programs_do_all_day_is_allowed),
		cmocka_unit_test(a_name_that_libseccomp_does_not_know_is_an_error),
		cmocka_unit_test(what_can_be_no_program_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
