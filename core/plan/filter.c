/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The deny list. It refuses what no login needs and what kernel bugs were found behind, or what
 * the host's root alone may do anyway: an error of the kernel's there would be one step from the
 * host. nsshell.conf(5) has this table for people; a unit test compares the two.
 *
 * The answer is the one that an account without rights gets from the kernel itself, outside: EPERM
 * where it has to be root; ENOSYS for what no kernel has any more, or may lack, which is what
 * programs go on from. What the kernel lets such an account do, and bounds by itself, isn't here:
 * adjtimex(2) and its like read the clock for everybody, and set it for root.
 */
#include "core/plan/filter.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* unshare(2) has it; clone(2) has a signal's number there */
#endif

#define CLONE_NEW_ANY                                                                    \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |   \
		CLONE_NEWPID | CLONE_NEWNET)

#define DENY(name)                                                                       \
	{                                                                                \
		name, EPERM, FILTER_ALWAYS, 0, 0                                         \
	}
/* What programs know to be missing. */
#define GONE(name)                                                                       \
	{                                                                                \
		name, ENOSYS, FILTER_ALWAYS, 0, 0                                        \
	}
#define DENY_IF(name, test, arg, ...)                                                    \
	{                                                                                \
		name, EPERM, test, arg, __VA_ARGS__                                      \
	}

static const struct filter_call module[] = { GONE("create_module"), DENY("delete_module"),
	DENY("finit_module"), GONE("get_kernel_syms"), DENY("init_module"),
	GONE("query_module") };

static const struct filter_call reboot[] = { DENY("kexec_file_load"), DENY("kexec_load"),
	DENY("reboot") };

static const struct filter_call swap[] = { DENY("swapoff"), DENY("swapon") };

static const struct filter_call clock_[] = { DENY("clock_settime"),
	DENY("clock_settime64"), DENY("settimeofday"), DENY("stime") };

static const struct filter_call bpf[] = { DENY("bpf") };

static const struct filter_call perf[] = { DENY("perf_event_open") };

static const struct filter_call userfault[] = { DENY("userfaultfd") };

static const struct filter_call io_uring[] = { DENY("io_uring_enter"),
	DENY("io_uring_register"), DENY("io_uring_setup") };

static const struct filter_call keyring[] = { DENY("add_key"), DENY("keyctl"),
	DENY("request_key") };

static const struct filter_call mount_[] = { DENY("fsconfig"), DENY("fsmount"),
	DENY("fsopen"), DENY("fspick"), DENY("mount"), DENY("mount_setattr"),
	DENY("move_mount"), DENY("open_tree"), DENY("pivot_root"), DENY("umount"),
	DENY("umount2") };

/* No filter can look at what clone3's argument points to; C libraries take clone instead. */
static const struct filter_call namespace[] = {
	DENY_IF("clone", FILTER_ANY_BIT, 0, CLONE_NEW_ANY),
	GONE("clone3"),
	DENY("setns"),
	DENY_IF("unshare", FILTER_ANY_BIT, 0, CLONE_NEW_ANY | CLONE_NEWTIME),
};

static const struct filter_call terminal[] = {
	DENY_IF("ioctl", FILTER_EQUAL, 1, TIOCSTI),
	DENY_IF("ioctl", FILTER_EQUAL, 1, TIOCLINUX),
	DENY_IF("ioctl", FILTER_EQUAL, 1, TIOCSETD),
};

static const struct filter_call personality_[] = {
	DENY_IF("personality", FILTER_OTHER_BIT, 0,
		PER_LINUX32 | UNAME26 | ADDR_NO_RANDOMIZE),
};

/*
 * To root or nobody, which no user may: on an idmapped mount the kernel says EOVERFLOW before it
 * looks at that, and "cp -a /etc/passwd ~" expects EPERM. Not chown(2), by which sshd gives a terminal
 * back as the box's root.
 */
static const struct filter_call owner[] = {
	DENY_IF("fchown", FILTER_EQUAL, 1, 0),
	DENY_IF("fchown", FILTER_EQUAL, 1, 65534),
	DENY_IF("fchown32", FILTER_EQUAL, 1, 0),
	DENY_IF("fchown32", FILTER_EQUAL, 1, 65534),
	DENY_IF("fchownat", FILTER_EQUAL, 2, 0),
	DENY_IF("fchownat", FILTER_EQUAL, 2, 65534),
	DENY_IF("lchown", FILTER_EQUAL, 1, 0),
	DENY_IF("lchown", FILTER_EQUAL, 1, 65534),
	DENY_IF("lchown32", FILTER_EQUAL, 1, 0),
	DENY_IF("lchown32", FILTER_EQUAL, 1, 65534),
};

static const struct filter_call handle[] = { DENY("name_to_handle_at"),
	DENY("open_by_handle_at") };

static const struct filter_call account[] = { DENY("acct"), DENY("quotactl"),
	DENY("quotactl_fd") };

static const struct filter_call klog[] = { DENY("syslog") };

static const struct filter_call port[] = { DENY("ioperm"), DENY("iopl") };

static const struct filter_call old[] = { GONE("_sysctl"), GONE("lookup_dcookie"),
	GONE("nfsservctl"), GONE("sysfs"), GONE("uselib"), GONE("ustat"), GONE("vm86"),
	GONE("vm86old") };

#define GROUP(name, calls, nested, root, why)                                            \
	{                                                                                \
		name, why, nested, root, calls, sizeof(calls) / sizeof(*(calls))         \
	}

const struct filter_group filter_groups[] = {
	GROUP("@module", module, false, false, "puts code into the kernel"),
	GROUP("@reboot", reboot, false, false, "ends or replaces the running kernel"),
	GROUP("@swap", swap, false, false, "changes the host's swap space"),
	GROUP("@clock", clock_, false, false, "sets the host's clock"),
	GROUP("@bpf", bpf, false, false, "has the kernel run programs; many bugs"),
	GROUP("@perf", perf, false, false,
		"counts events of the kernel and others; many bugs"),
	GROUP("@userfaultfd", userfault, false, false,
		"stops the kernel midway, which makes its bugs usable"),
	GROUP("@io_uring", io_uring, false, false,
		"does input and output past filters; many bugs"),
	GROUP("@keyring", keyring, false, false,
		"keys of the kernel, which know few namespaces"),
	GROUP("@mount", mount_, true, false, "changes what is mounted; many bugs"),
	GROUP("@namespace", namespace, true, false,
		"makes or enters namespaces, and with them root's part of the kernel"),
	GROUP("@terminal", terminal, false, false,
		"types into a terminal as if its user had, or has a modem's driver read it"),
	GROUP("@personality", personality_, false, false,
		"old ways of execution, and memory without its protection"),
	GROUP("@owner", owner, true, true,
		"gives files to root or nobody, as no user can"),
	GROUP("@handle", handle, false, false,
		"opens files past the directories they are in"),
	GROUP("@account", account, false, false,
		"the host's process accounting and quotas"),
	GROUP("@klog", klog, false, false, "the host's kernel log"),
	GROUP("@port", port, false, false, "the machine's input and output ports"),
	GROUP("@old", old, false, false, "calls that nothing uses any more"),
};

const size_t filter_n_groups = sizeof(filter_groups) / sizeof(*filter_groups);

const struct filter_group *filter_group_find(const char *name)
{
	for (size_t i = 0; i < filter_n_groups; i++)
		if (strcmp(filter_groups[i].name, name) == 0)
			return &filter_groups[i];
	return NULL;
}
