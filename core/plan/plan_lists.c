/* SPDX-License-Identifier: BSD-3-Clause */
/* What is hidden, let through and made in every box, whatever the config says. */
#include "core/base/paths.h"
#include "core/plan/plan.h"

#include <string.h>

/*
 * No login needs these, and whoever is root of a box could read them through an idmapped
 * lower. Not here: what NSS, PAM's account and password stacks or a shell read (passwd,
 * group, nsswitch.conf, login.defs, the SSSD memory cache).
 */
const char *const plan_default_inaccessible[] = {
	/* secrets of accounts and of the host itself */
	"/etc/shadow",
	"/etc/shadow-",
	"/etc/gshadow",
	"/etc/gshadow-",
	"/etc/security/opasswd",
	"/etc/sudoers",
	"/etc/sudoers.d",
	"/etc/doas.conf",
	"/etc/ssh/ssh_host_*_key",
	"/etc/ssl/private",
	"/etc/pki/tls/private",
	"/etc/letsencrypt",
	"/etc/krb5.keytab",
	"/etc/ldap.secret",
	"/etc/pam_ldap.secret",
	"/etc/nslcd.conf",
	"/etc/sssd",
	"/etc/munge",
	"/etc/crypttab",
	"/etc/cryptsetup-keys.d",
	"/etc/luks-keys",
	"/root",
	"/boot",
	"/lost+found",
	"/swapfile",
	"/swap.img",
	/* nsshell's own */
	(SYSCONFDIR "/nsshell"),
	PATH_STATE,
	/* networks */
	"/etc/NetworkManager/system-connections",
	"/etc/netplan",
	"/etc/wireguard",
	"/etc/wpa_supplicant",
	"/etc/openvpn",
	"/etc/ipsec.secrets",
	"/etc/swanctl/private",
	"/etc/ppp/chap-secrets",
	"/etc/ppp/pap-secrets",
	"/var/lib/NetworkManager",
	"/var/lib/iwd",
	"/var/lib/bluetooth",
	/* keys and state of daemons */
	"/etc/bind/rndc.key",
	"/etc/rndc.key",
	"/etc/chrony/chrony.keys",
	"/etc/chrony.keys",
	"/etc/ntp.keys",
	"/etc/ceph",
	"/etc/kubernetes",
	"/etc/rancher",
	"/etc/docker/key.json",
	"/etc/libvirt/secrets",
	"/etc/salt/pki",
	"/etc/puppetlabs/puppet/ssl",
	"/etc/postfix/sasl_passwd",
	"/etc/postfix/sasl_passwd.db",
	"/etc/exim4/passwd.client",
	"/etc/mysql/debian.cnf",
	"/etc/apt/auth.conf",
	"/etc/apt/auth.conf.d",
	"/etc/krb5kdc",
	"/var/lib/krb5kdc",
	"/var/kerberos",
	"/var/lib/sss/db",
	"/var/lib/sss/secrets",
	"/var/lib/sss/keytabs",
	"/var/lib/samba/private",
	"/var/lib/private",
	"/var/lib/docker",
	"/var/lib/containerd",
	"/var/lib/containers",
	"/var/lib/kubelet",
	"/var/lib/rancher",
	"/var/lib/etcd",
	"/var/lib/libvirt",
	"/var/lib/lxc",
	"/var/lib/lxd",
	"/var/lib/incus",
	"/var/lib/machines",
	"/var/lib/portables",
	"/var/lib/postgresql",
	"/var/lib/pgsql",
	"/var/lib/mysql",
	"/var/lib/mongodb",
	"/var/lib/redis",
	"/var/lib/ldap",
	"/var/lib/dkms/mok.key",
	"/var/lib/shim-signed/mok",
	"/var/lib/systemd/random-seed",
	"/var/lib/systemd/credential.secret",
	/* what others did */
	"/var/lib/systemd/coredump",
	"/var/crash",
	"/var/backups",
	"/var/spool/cron",
	"/var/spool/at",
	"/var/spool/postfix",
	"/var/spool/exim4",
	"/var/spool/cups",
	"/var/log/journal",
	"/var/log/audit",
	"/var/log/btmp",
	"/var/log/wtmp.db",
	"/var/lib/wtmpdb",
	"/var/lib/lastlog",
	NULL,
};

/* System directories: a file system mounted there, or below, belongs to the box. */
const char *const plan_system_dirs[] = { "/usr", "/var", "/opt", "/srv", "/etc", "/bin",
	"/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu", NULL };

/*
 * Programs, libraries and what a site has beside them: with Upper=none the host's own, live, so that
 * an upgrade of the host never shows halfway.
 */
const char *const plan_live_trees[] = { "/usr", "/opt", "/srv", "/nix", "/gnu", NULL };

/*
 * A socket that is opened through the overlay refuses connections, so these are bound.
 * Directories rather than sockets where the directory holds nothing else: a restarted daemon is
 * found again.
 */
const char *const plan_default_sockets[] = {
	"/run/nscd",
	"/run/nslcd",
	"/run/samba/winbindd",
	"/run/.heim_org.h5l.kcm-socket", /* Kerberos credentials kept by SSSD */
	"/run/systemd/resolve",          /* /etc/resolv.conf often leads here */
	"/run/systemd/userdb",
	"/run/systemd/journal/dev-log",
	"/run/resolvconf",
	"/run/NetworkManager/resolv.conf",
	"/run/connman/resolv.conf",
	"/var/lib/sss/pipes",
	"/dev/log", /* a syslog daemon's own, where there is no journal */
	NULL,
};

const char *const plan_default_devices[] = {
	"/dev/null",
	"/dev/zero",
	"/dev/full",
	"/dev/random",
	"/dev/urandom",
	"/dev/tty",
	NULL,
};

/* The first terminfo(5) that there is; Debian's base entries are in /lib. */
const char *const plan_image_wants[] = {
	"/etc/resolv.conf",
	"/etc/localtime",
	"/usr/share/terminfo/x/xterm",
	"/lib/terminfo/x/xterm",
	"/etc/terminfo/x/xterm",
	NULL,
};

const char *const plan_lxcfs_files[] = { "/proc/cpuinfo", "/proc/diskstats",
	"/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
	"/sys/devices/system/cpu/online", NULL };

/* Setuid or setgid on the host. */
const char *const plan_inside_programs[PLAN_INSIDE_PROGRAMS + 1] = { "/usr/bin/newgrp",
	"/usr/bin/sg", "/usr/bin/wall", "/usr/bin/write", NULL };

bool plan_inside_has(const char *name)
{
	for (size_t i = 0; plan_inside_programs[i]; i++)
		if (strcmp(strrchr(plan_inside_programs[i], '/') + 1, name) == 0)
			return true;
	return false;
}
