/* SPDX-License-Identifier: BSD-3-Clause */
/* For privileges, and for what only root of the host may do. */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

/* ids: "none" when a set id bit or file capabilities gave nothing */
static int ids(char **argv)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct c[2] = { 0 };
	uid_t r, e, s;
	gid_t rg, eg, sg;

	(void)argv;
	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0 ||
		syscall(SYS_capget, &h, c) < 0)
		return errno;
	if (r == e && e == s && r != 0 && rg == eg && eg == sg && rg != 0 &&
		!c[0].permitted && !c[1].permitted && !c[0].effective &&
		!getauxval(AT_SECURE))
		return attack_say("none");
	return attack_say("uid %u %u %u gid %u %u %u caps %x%08x secure %lu", r, e, s, rg,
		eg, sg, c[1].permitted, c[0].permitted, getauxval(AT_SECURE));
}

static int set_uid(char **argv)
{
	uid_t to = (uid_t)attack_number(argv[0]);

	return attack_result(setresuid(to, to, to));
}

static int set_gid(char **argv)
{
	gid_t to = (gid_t)attack_number(argv[0]);

	return attack_result(setresgid(to, to, to));
}

static int set_groups(char **argv)
{
	(void)argv;
	return attack_result(setgroups(0, NULL));
}

static int raise_caps(char **argv)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct c[2] = { { 1, 1, 0 }, { 0, 0, 0 } };

	(void)argv;
	return attack_result(syscall(SYS_capset, &h, c));
}

static int raise_ambient(char **argv)
{
	(void)argv;
	return attack_result(
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
}

static int undo_no_new_privs(char **argv)
{
	(void)argv;
	return attack_result(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static int undo_filter(char **argv)
{
	(void)argv;
	return attack_result(prctl(PR_SET_SECCOMP, 0, 0, 0, 0));
}

static int secure_bits(char **argv)
{
	(void)argv;
	return attack_result(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
}

static int other_memory(char **argv)
{
	(void)argv;
	return attack_result(prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, 0, 0, 0));
}

/* chown PATH UID */
static int change_owner(char **argv)
{
	return attack_result(chown(argv[0], (uid_t)attack_number(argv[1]), (gid_t)-1));
}

/* file-caps PATH: all of them */
static int file_caps(char **argv)
{
	const struct vfs_cap_data v = { .magic_etc = VFS_CAP_REVISION_2 | 1,
		.data = { { 0xffffffff, 0 }, { 0xffffffff, 0 } } };

	return attack_result(
		syscall(SYS_setxattr, argv[0], "security.capability", &v, sizeof(v), 0));
}

/* ---- the host's own ------------------------------------------------------------------------ */

static int host_name(char **argv)
{
	return attack_result(sethostname(argv[0], strlen(argv[0])));
}

static int set_clock(char **argv)
{
	struct timespec now;

	(void)argv;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return attack_result(clock_settime(CLOCK_REALTIME, &now));
}

static int adjust_clock(char **argv)
{
	struct timex t = { .modes = ADJ_TICK, .tick = 10000 };

	(void)argv;
	return attack_result(adjtimex(&t));
}

/* What Ctrl-Alt-Del does: the least harmful of reboot(2). */
static int reboot_keys(char **argv)
{
	(void)argv;
	return attack_result(reboot(RB_DISABLE_CAD));
}

static int load_module(char **argv)
{
	(void)argv;
	return attack_result(syscall(SYS_finit_module, -1, "", 0));
}

static int remove_module(char **argv)
{
	(void)argv;
	return attack_result(syscall(SYS_delete_module, "nst-no-module", O_NONBLOCK));
}

static int load_kernel(char **argv)
{
	(void)argv;
	return attack_result(syscall(SYS_kexec_load, 0UL, 0UL, NULL, 0UL));
}

static int read_log(char **argv)
{
	char text[64];

	(void)argv;
	return attack_result(klogctl(3, text, sizeof(text)));
}

static int clear_log(char **argv)
{
	(void)argv;
	return attack_result(klogctl(8, NULL, 7));
}

static int load_bpf(char **argv)
{
	const struct bpf_insn exit_0[] = { { 0xb7, 0, 0, 0, 0 }, { 0x95, 0, 0, 0, 0 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE,
		.insn_cnt = 2,
		.insns = (uint64_t)(uintptr_t)exit_0,
		.license = (uint64_t)(uintptr_t) "" };

	(void)argv;
	return attack_result(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

/* Faults of the kernel's own accesses: what makes races easy to win. */
static int handle_faults(char **argv)
{
	(void)argv;
	return attack_result(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int physical_memory(char **argv)
{
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);

	(void)argv;
	return attack_result(fd);
}

#ifdef SYS_iopl
static int io_ports(char **argv)
{
	(void)argv;
	return attack_result(syscall(SYS_iopl, 3));
}
#endif

const struct attack attacks_priv[] = {
	{ "ids", ids },
	{ "setuid", set_uid },
	{ "setgid", set_gid },
	{ "setgroups", set_groups },
	{ "capset", raise_caps },
	{ "ambient", raise_ambient },
	{ "no-new-privs-off", undo_no_new_privs },
	{ "seccomp-off", undo_filter },
	{ "securebits", secure_bits },
	{ "prctl-mm", other_memory },
	{ "chown", change_owner },
	{ "file-caps", file_caps },
	{ "hostname", host_name },
	{ "clock", set_clock },
	{ "adjtimex", adjust_clock },
	{ "reboot", reboot_keys },
	{ "module", load_module },
	{ "module-remove", remove_module },
	{ "kexec", load_kernel },
	{ "dmesg", read_log },
	{ "dmesg-quiet", clear_log },
	{ "bpf", load_bpf },
	{ "userfaultfd", handle_faults },
	{ "dev-mem", physical_memory },
#ifdef SYS_iopl
	{ "iopl", io_ports },
#endif
	{ NULL, NULL },
};
