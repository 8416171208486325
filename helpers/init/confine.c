/* SPDX-License-Identifier: BSD-3-Clause */
/* A list of a dozen numbers by hand: what makes programs of rules, libseccomp, would be in each session's memory. */
#include "helpers/init/confine.h"

#include "core/run/enter/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

/* The machine's own calls: those of its other doors, i386's for one, have the same numbers for other things. */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define MACHINE AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define MACHINE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define MACHINE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define MACHINE AUDIT_ARCH_S390X
#else
#error "MACHINE: the AUDIT_ARCH_ of linux/audit.h that this processor's system calls have"
#endif

/* restart_syscall: a wait that goes on after a session was frozen. The C library takes one or the other for a wait or a time. */
static const unsigned int calls[] = {
	SYS_read,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_close,
	SYS_kill,
	SYS_wait4,
	SYS_exit_group,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,
	SYS_nanosleep,
	SYS_clock_nanosleep,
	SYS_clock_gettime,
#ifdef SYS_clock_gettime64
	SYS_ppoll_time64,
	SYS_clock_nanosleep_time64,
	SYS_clock_gettime64,
#endif
#ifdef SYS_socketcall
	SYS_socketcall,
#endif
};

#define CALLS (sizeof(calls) / sizeof(*calls))

int init_confine(struct err *e)
{
	const unsigned int machine = offsetof(struct seccomp_data, arch),
			   number = offsetof(struct seccomp_data, nr);
	struct sock_filter code[CALLS + 5];
	const struct filter f = { code, sizeof(code) };
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, machine);
	code[n++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 0, CALLS + 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number);
	for (size_t i = 0; i < CALLS; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			calls[i], (unsigned char)(CALLS - i), 0);
	code[n++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return filter_install(&f, e);
}
