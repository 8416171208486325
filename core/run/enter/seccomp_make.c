/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/seccomp_make.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/enter/seccomp.h"

#include <fcntl.h>
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>

/* Raised when the same rules give another program: files of the version before are left alone. */
#define FORMAT 1

#define LOW    UINT64_C(0xffffffff)
#define TOP    (UINT64_C(1) << 31)

static void release(scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}

/* libseccomp's own names: those of a signature can't say that they mean a masked comparison. */
static int refuse_if(scmp_filter_ctx ctx, const struct filter_call *c, int number,
	uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp test = {
		.arg = c->arg,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = mask,
		.datum_b = value,
	};

	return seccomp_rule_add_array(
		ctx, SCMP_ACT_ERRNO((uint32_t)c->error), number, 1, &test);
}

static int refuse_any_bit(scmp_filter_ctx ctx, const struct filter_call *c, int number)
{
	int r = 0;

	for (unsigned int bit = 0; r == 0 && bit < 64; bit++) {
		uint64_t one = UINT64_C(1) << bit;

		if (c->value & one)
			r = refuse_if(ctx, c, number, one, one);
	}
	return r;
}

/*
 * One argument can be compared once in a rule, and rules only add up. So all ones is left out by
 * its highest bit: without that, no bit may be set that isn't allowed; with it, none may be
 * missing.
 */
static int refuse_other_bit(scmp_filter_ctx ctx, const struct filter_call *c, int number)
{
	int r = 0;

	for (unsigned int bit = 0; r == 0 && bit < 31; bit++) {
		uint64_t one = UINT64_C(1) << bit;

		if (!(c->value & one))
			r = refuse_if(ctx, c, number, one | TOP, one);
		if (r == 0)
			r = refuse_if(ctx, c, number, one | TOP, TOP);
	}
	return r;
}

static int refuse_above(scmp_filter_ctx ctx, const struct filter_call *c, int number)
{
	const struct scmp_arg_cmp test = {
		.arg = c->arg, .op = SCMP_CMP_GT, .datum_a = c->value
	};

	return seccomp_rule_add_array(
		ctx, SCMP_ACT_ERRNO((uint32_t)c->error), number, 1, &test);
}

static int add(scmp_filter_ctx ctx, const struct filter_call *c, int number)
{
	switch (c->test) {
	case FILTER_ALWAYS:
		return seccomp_rule_add_array(
			ctx, SCMP_ACT_ERRNO((uint32_t)c->error), number, 0, NULL);
	case FILTER_EQUAL:
		/* The kernel takes no more than the low half of these (CVE-2019-10063). */
		return refuse_if(ctx, c, number, LOW, c->value);
	case FILTER_ANY_BIT:
		return refuse_any_bit(ctx, c, number);
	case FILTER_OTHER_BIT:
		return refuse_other_bit(ctx, c, number);
	case FILTER_ABOVE:
		return refuse_above(ctx, c, number);
	}
	return -EINVAL;
}

static int add_all(scmp_filter_ctx ctx, const struct plan_filter *rules, struct err *e)
{
	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct filter_call *c = &rules->rules[i].call;
		int number = seccomp_syscall_resolve_name(c->name), r;

		if (number == __NR_SCMP_ERROR)
			return err_set(e, ENOSYS,
				"filter the system call %s, which libseccomp doesn't know",
				c->name);
		r = add(ctx, c, number);
		if (r < 0 && r != -EEXIST)
			return err_set(e, -r, "filter the system call %s", c->name);
	}
	return 0;
}

/* For this architecture alone, and the other ways into the kernel that a program has there. */
static int add_doors(scmp_filter_ctx ctx, uint32_t arch)
{
	int r = seccomp_arch_add(ctx, arch);

	if (r == 0 && arch != seccomp_arch_native())
		r = seccomp_arch_remove(ctx, seccomp_arch_native());
	if (r < 0 && r != -EEXIST)
		return r;
	switch (arch) {
	case SCMP_ARCH_X86_64:
		return seccomp_arch_add(ctx, SCMP_ARCH_X86);
	case SCMP_ARCH_AARCH64:
		return seccomp_arch_add(ctx, SCMP_ARCH_ARM);
	default:
		return 0;
	}
}

int filter_export(const struct plan_filter *rules, int fd, struct err *e)
{
	return filter_export_for(seccomp_arch_native(), rules, fd, e);
}

int filter_export_for(
	uint32_t arch, const struct plan_filter *rules, int fd, struct err *e)
{
	_cleanup_(release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r = ctx ? add_doors(ctx, arch) : -ENOMEM;

	if (r == 0)
		r = seccomp_attr_set(
			ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	/* A tree: what a call costs, and to install it, grows with the logarithm of the rules. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		return err_set(e, -r, "begin a system call filter");
	if (add_all(ctx, rules, e) < 0)
		return -1;
	r = seccomp_export_bpf(ctx, fd);
	return r < 0 ? err_set(e, -r, "make the system call filter") : 0;
}

/* ---- kept until the host goes down ------------------------------------------------------ */

/* Another version of libseccomp knows other calls of the other doors. */
static uint64_t key_of(const struct plan_filter *rules)
{
	const struct scmp_version *v = seccomp_version();
	uint64_t version = ((uint64_t)v->major << 16 | (uint64_t)v->minor << 8 | v->micro)
				   << 8 |
			   FORMAT;
	/* An odd factor: different versions never fall on one key. */
	uint64_t key =
		plan_filter_digest(rules) ^ (version * UINT64_C(0x9e3779b97f4a7c15));

	return key ? key : 1;
}

/* Complete under its name, or not there: others may make the same one at this moment. */
static int make(const struct plan_filter *rules, uint64_t key, struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_FILTERS, 0700, e), fd = -EBADF;
	char name[24], tmp[40];
	int r;

	if (dir < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%016" PRIx64, key);
	(void)snprintf(tmp, sizeof(tmp), "%s.%d", name, getpid());
	fd = openat(
		dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "make %s/%s", PATH_FILTERS, tmp);
	r = filter_export(rules, fd, e);
	if (r == 0 && renameat(dir, tmp, dir, name) < 0)
		r = err_set(e, errno, "make %s/%s", PATH_FILTERS, name);
	if (r < 0)
		(void)unlinkat(dir, tmp, 0);
	return r;
}

int filter_make(
	const struct plan_filter *rules, uint64_t *ret_key, int *ret_fd, struct err *e)
{
	uint64_t key = rules->n_rules > 0 ? key_of(rules) : 0;
	int r;

	r = filter_open(key, ret_fd, e);
	if (r < 0 && e->num == ENOENT)
		r = make(rules, key, e) < 0 ? -1 : filter_open(key, ret_fd, e);
	*ret_key = r == 0 ? key : 0;
	return r;
}
