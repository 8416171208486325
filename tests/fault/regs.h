/* SPDX-License-Identifier: BSD-3-Clause */
/* The system call that a traced process is about to make, or has made. */
#pragma once

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

static inline void get_regs(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec io = { .iov_base = regs, .iov_len = sizeof(*regs) };

	(void)ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io);
}

static inline void set_regs(pid_t pid, struct user_regs_struct *regs)
{
	struct iovec io = { .iov_base = regs, .iov_len = sizeof(*regs) };

	(void)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &io);
}

/* In place of the call: getpid(2), which every filter allows. */
static inline void leave_out(pid_t pid)
{
#if defined(__x86_64__)
	struct user_regs_struct regs;

	get_regs(pid, &regs);
	regs.orig_rax = SYS_getpid;
	set_regs(pid, &regs);
#elif defined(__aarch64__)
	int call = SYS_getpid;
	struct iovec io = { .iov_base = &call, .iov_len = sizeof(call) };

	(void)ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &io);
#else
#error "say how a system call is left out here"
#endif
}

static inline void set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;

	get_regs(pid, &regs);
#if defined(__x86_64__)
	regs.rax = (unsigned long)result;
#else
	regs.regs[0] = (unsigned long)result;
#endif
	set_regs(pid, &regs);
}
