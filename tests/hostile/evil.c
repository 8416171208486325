/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an attacker plants: a library for ld.so.preload, an NSS module and a PAM module in one.
 * Tells of each process that loads or calls it, in a line of /tmp/nst-evil.log: how, the
 * program, uid, effective capabilities, mount namespace.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int _nss_evil_getpwnam_r(void);
EXPORT int _nss_evil_getpwuid_r(void);
EXPORT int _nss_evil_initgroups_dyn(void);
EXPORT int pam_sm_open_session(void);

static void tell(const char *how)
{
	char program[256] = "?", ns[64] = "?", line[1024], status[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	const char *caps;

	(void)!readlink("/proc/self/exe", program, sizeof(program) - 1);
	(void)!readlink("/proc/self/ns/mnt", ns, sizeof(ns) - 1);
	(void)!read(fd, status, sizeof(status) - 1);
	(void)close(fd);
	caps = strstr(status, "CapEff:\t");
	(void)snprintf(line, sizeof(line), "%s %s uid=%u %.16s %s\n", how, program,
		getuid(), caps ? caps + 8 : "?", ns);
	(void)umask(0);
	fd = open("/tmp/nst-evil.log", O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
	(void)!write(fd, line, strlen(line));
	(void)close(fd);
}

__attribute__((constructor)) static void loaded(void)
{
	tell("loaded");
}

int _nss_evil_getpwnam_r(void)
{
	tell("nss");
	return 0;
}

int _nss_evil_getpwuid_r(void)
{
	tell("nss");
	return 0;
}

int _nss_evil_initgroups_dyn(void)
{
	tell("nss");
	return 0;
}

int pam_sm_open_session(void)
{
	tell("pam");
	return 0;
}
