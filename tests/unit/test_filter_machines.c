/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The programs that are made of a plan's rules on other machines than this one, run by a small
 * interpreter: each call that is to be refused, through every door.
 */
#include "tests/unit/filter_cases.h"

#include "core/base/cleanup.h"
#include "core/run/enter/seccomp.h"
#include "core/run/enter/seccomp_make.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* What a program answers to a call: the few instructions that libseccomp makes use of. */
static uint32_t answer(const struct filter *f, const struct seccomp_data *call)
{
	const struct sock_filter *code = f->code;
	uint32_t a = 0;

	for (size_t at = 0; at < f->size / sizeof(*code); at++) {
		const struct sock_filter *i = &code[at];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)call + i->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			at += i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		default:
			fail_msg("instruction 0x%x", i->code);
		}
		at += yes ? i->jt : i->jf;
	}
	fail_msg("no end");
	return 0;
}

/* The program as it is made on an architecture, whichever this machine has. */
static void make_for(uint32_t arch, struct plan_filter *rules, struct filter *ret)
{
	_cleanup_close_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct err e;

	assert_int_equal(filter_export_for(arch, rules, fd, &e), 0);
	assert_int_equal(filter_map(fd, ret, &e), 0);
}

struct answered {
	uint32_t arch;
	int nr;
	uint32_t answer;
};

/* Of kernels that have them and of those that haven't. */
static void answers_are(uint32_t arch, const struct answered *calls, size_t n)
{
	struct plan *p = plan_with("", false);
	struct filter f;

	make_for(arch, &p->filter, &f);
	for (size_t i = 0; i < n; i++) {
		const struct seccomp_data call = { .nr = calls[i].nr,
			.arch = calls[i].arch };

		assert_int_equal(answer(&f, &call), calls[i].answer);
	}
	filter_unmap(&f);
	plan_free(p);
}

static void other_doors_are_shut(void **state)
{
	static const struct answered x86[] = {
		{ AUDIT_ARCH_X86_64, 39, SECCOMP_RET_ALLOW },          /* getpid */
		{ AUDIT_ARCH_X86_64, 165, SECCOMP_RET_ERRNO | EPERM }, /* mount */
		{ AUDIT_ARCH_X86_64, 0x40000000 | 39, SECCOMP_RET_ERRNO | ENOSYS },
		{ AUDIT_ARCH_X86_64, 0x40000000 | 165, SECCOMP_RET_ERRNO | ENOSYS },
		{ AUDIT_ARCH_I386, 20, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_I386, 21, SECCOMP_RET_ERRNO | EPERM },
		{ AUDIT_ARCH_AARCH64, 172, SECCOMP_RET_ERRNO | ENOSYS },
	};
	static const struct answered arm[] = {
		{ AUDIT_ARCH_AARCH64, 172, SECCOMP_RET_ALLOW },          /* getpid */
		{ AUDIT_ARCH_AARCH64, 40, SECCOMP_RET_ERRNO | EPERM },   /* mount */
		{ AUDIT_ARCH_AARCH64, 280, SECCOMP_RET_ERRNO | EPERM },  /* bpf */
		{ AUDIT_ARCH_AARCH64, 435, SECCOMP_RET_ERRNO | ENOSYS }, /* clone3 */
		{ AUDIT_ARCH_ARM, 20, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_ARM, 21, SECCOMP_RET_ERRNO | EPERM },
		{ AUDIT_ARCH_X86_64, 39, SECCOMP_RET_ERRNO | ENOSYS },
		{ AUDIT_ARCH_I386, 20, SECCOMP_RET_ERRNO | ENOSYS },
	};

	(void)state;
	answers_are(SCMP_ARCH_X86_64, x86, COUNT(x86));
	answers_are(SCMP_ARCH_AARCH64, arm, COUNT(arm));
}

/* ---- machines that this one isn't: each rule, through the same cases ------------------------- */

static const struct filter *simulated;
static uint32_t simulated_arch;

static long try_simulated(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	const struct seccomp_data call = {
		.nr = (int)nr, .arch = simulated_arch, .args = { a, b, c }
	};
	uint32_t said = answer(simulated, &call);

	return said == (SECCOMP_RET_ERRNO | MARK) ? -MARK : 0;
}

static void simulate(uint32_t native, const struct door *d)
{
	struct plan *p = plan_with("", false);
	size_t known = 0;
	struct filter f;

	for (size_t i = 0; i < p->filter.n_rules; i++)
		p->filter.rules[i].call.error = MARK;
	make_for(native, &p->filter, &f);
	simulated = &f;
	simulated_arch = d->arch;
	failures = 0;
	for (size_t i = 0; i < p->filter.n_rules; i++) {
		const struct filter_call *c = &p->filter.rules[i].call;

		known += seccomp_syscall_resolve_name_arch(d->arch, c->name) >= 0;
		try_rule(d, c);
	}
	assert_int_equal(failures, 0);
	assert_true(known > 38);
	filter_unmap(&f);
	plan_free(p);
}

static void every_rule_holds_on_arm64(void **state)
{
	(void)state;
	simulate(SCMP_ARCH_AARCH64,
		&(struct door){ "arm64", SCMP_ARCH_AARCH64, try_simulated, true });
	simulate(SCMP_ARCH_AARCH64,
		&(struct door){ "arm", SCMP_ARCH_ARM, try_simulated, false });
}

static void every_rule_holds_on_x86_64(void **state)
{
	(void)state;
	simulate(SCMP_ARCH_X86_64,
		&(struct door){ "x86-64", SCMP_ARCH_X86_64, try_simulated, true });
	simulate(SCMP_ARCH_X86_64,
		&(struct door){ "i386", SCMP_ARCH_X86, try_simulated, false });
}

static uint32_t family_answer(
	const struct filter *f, uint32_t arch, int nr, uint64_t family)
{
	const struct seccomp_data call = { .nr = nr, .arch = arch, .args = { family } };

	return answer(f, &call);
}

/* x86-64's socket and socketpair, i386's, and i386's other way, whose argument can't be seen. */
static void only_allowed_families_pass(void **state)
{
	static const struct {
		const char *words;
		uint64_t family;
		bool passes;
	} cases[] = {
		{ "default", AF_UNIX, true },
		{ "default", AF_INET, true },
		{ "default", AF_INET6, true },
		{ "default", AF_NETLINK, true },
		{ "default", AF_PACKET, false },
		{ "default", AF_ALG, false },
		{ "default", AF_VSOCK, false },
		{ "default", 45, false },
		{ "default", 63, false },
		{ "default", 64, false },
		{ "default", 4000000000, false },
		/* The kernel takes the low half. */
		{ "default", 1ULL << 40 | AF_ALG, false },
		{ "default", 1ULL << 40 | AF_VSOCK, false },
		{ "default AF_VSOCK", AF_VSOCK, true },
		{ "default AF_VSOCK", AF_ALG, false },
		{ "default ~AF_NETLINK", AF_NETLINK, false },
		{ "no ~AF_VSOCK", AF_VSOCK, false },
		{ "no ~AF_VSOCK", AF_ALG, true },
		{ "no ~AF_VSOCK", 4711, true },
		{ "none", AF_UNIX, false },
		{ "none AF_UNIX", AF_UNIX, true },
		{ "none AF_UNIX", AF_INET, false },
		{ "AF_VSOCK no", AF_ALG, true },
		{ "", AF_ALG, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct plan *p = plan_with_families("", cases[i].words, false);
		uint32_t wanted = cases[i].passes ? SECCOMP_RET_ALLOW
						  : SECCOMP_RET_ERRNO | EAFNOSUPPORT;
		struct filter f;

		make_for(SCMP_ARCH_X86_64, &p->filter, &f);
		for (int nr = 0; nr < 2; nr++)
			assert_int_equal(family_answer(&f, AUDIT_ARCH_X86_64,
						 nr == 0 ? 41 : 53, cases[i].family),
				wanted);
		if (cases[i].family <= UINT32_MAX)
			assert_int_equal(
				family_answer(&f, AUDIT_ARCH_I386, 359, cases[i].family),
				wanted);
		assert_int_equal(family_answer(&f, AUDIT_ARCH_I386, 102, 1),
			p->families ? SECCOMP_RET_ERRNO | EAFNOSUPPORT
				    : SECCOMP_RET_ALLOW);
		/* connect */
		assert_int_equal(
			family_answer(&f, AUDIT_ARCH_I386, 102, 3), SECCOMP_RET_ALLOW);
		filter_unmap(&f);
		plan_free(p);
	}
}

static uint32_t protocol_answer(
	const struct filter *f, uint32_t arch, int nr, uint64_t family, uint64_t protocol)
{
	const struct seccomp_data call = {
		.nr = nr, .arch = arch, .args = { family, SOCK_DGRAM, protocol }
	};

	return answer(f, &call);
}

/* By any number that the kernel takes for it, and where i386's other way stays shut. */
static void nobody_hears_of_all_processes_or_has_modules_loaded(void **state)
{
	static const struct {
		const char *words;
		uint64_t family, protocol;
		uint32_t answer;
	} cases[] = {
		{ "default", AF_NETLINK, NETLINK_ROUTE, SECCOMP_RET_ALLOW },
		{ "default", AF_NETLINK, NETLINK_SOCK_DIAG, SECCOMP_RET_ALLOW },
		{ "default", AF_NETLINK, NETLINK_KOBJECT_UEVENT, SECCOMP_RET_ALLOW },
		{ "default", AF_NETLINK, NETLINK_CONNECTOR,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_NETLINK, 1ULL << 40 | NETLINK_CONNECTOR,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "no ~AF_VSOCK", AF_NETLINK, NETLINK_CONNECTOR,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "no", AF_NETLINK, NETLINK_CONNECTOR, SECCOMP_RET_ALLOW },
		{ "default", AF_NETLINK, NETLINK_NETFILTER, SECCOMP_RET_ALLOW },
		{ "default", AF_NETLINK, NETLINK_ISCSI,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_NETLINK, NETLINK_CRYPTO,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_INET, IPPROTO_UDP, SECCOMP_RET_ALLOW },
		{ "default", AF_INET6, IPPROTO_ICMPV6, SECCOMP_RET_ALLOW },
		{ "default", AF_INET, IPPROTO_MPTCP, SECCOMP_RET_ALLOW },
		{ "default", AF_INET, IPPROTO_SCTP, SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_INET6, IPPROTO_DCCP,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_INET, IPPROTO_UDPLITE,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_INET, 115 /* L2TP */,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "default", AF_INET, 256 /* SMC */,
			SECCOMP_RET_ERRNO | EPROTONOSUPPORT },
		{ "no", AF_INET, IPPROTO_SCTP, SECCOMP_RET_ALLOW },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct plan *p = plan_with_families("", cases[i].words, false);
		struct filter f;

		make_for(SCMP_ARCH_X86_64, &p->filter, &f);
		assert_int_equal(protocol_answer(&f, AUDIT_ARCH_X86_64, 41,
					 cases[i].family, cases[i].protocol),
			cases[i].answer);
		assert_int_equal(protocol_answer(&f, AUDIT_ARCH_I386, 359,
					 cases[i].family, cases[i].protocol & UINT32_MAX),
			cases[i].answer);
		filter_unmap(&f);
		plan_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_hears_of_all_processes_or_has_modules_loaded),
		cmocka_unit_test(other_doors_are_shut),
		cmocka_unit_test(every_rule_holds_on_arm64),
		cmocka_unit_test(every_rule_holds_on_x86_64),
		cmocka_unit_test(only_allowed_families_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
