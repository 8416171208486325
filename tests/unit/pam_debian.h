/* SPDX-License-Identifier: BSD-3-Clause */
/* Debian 12's session stacks as they are shipped, and helpers for the tests that edit
 * them. */
#pragma once

#include "core/base/cleanup.h"
#include "core/plan/pamstack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define ENTER PAMSTACK_ENTER " " PAMSTACK_MARK "\n"
#define GATE  PAMSTACK_GATE " " PAMSTACK_MARK "\n"
#define SELINUX                                                                          \
	"session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so "

static const char common_session[] = "# shared by all\n"
				     "session\t[default=1]\t\t\tpam_permit.so\n"
				     "session\trequisite\t\t\tpam_deny.so\n"
				     "session\trequired\t\t\tpam_permit.so\n"
				     "# and here are more per-package modules\n"
				     "session\trequired\tpam_unix.so \n"
				     "session\toptional\tpam_systemd.so \n"
				     "# end of pam-auth-update config\n";
static const char common_session_gated[] =
	"# shared by all\n"
	"session\t[default=1]\t\t\tpam_permit.so\n"
	"session\trequisite\t\t\tpam_deny.so\n"
	"session\trequired\t\t\tpam_permit.so\n"
	"# and here are more per-package modules\n"
	"session\trequired\tpam_unix.so \n" GATE "session\toptional\tpam_systemd.so \n"
	"# end of pam-auth-update config\n";
static const char common_noninteractive[] = "session\t[default=1]\t\t\tpam_permit.so\n"
					    "session\trequisite\t\t\tpam_deny.so\n"
					    "session\trequired\t\t\tpam_permit.so\n"
					    "session\trequired\tpam_unix.so \n";
static const char common_auth[] = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n"
				  "auth\trequisite\t\t\tpam_deny.so\n"
				  "auth\trequired\t\t\tpam_permit.so\n";
static const char sshd[] = "# PAM configuration for the Secure Shell service\n"
			   "@include common-auth\n"
			   "account    required     pam_nologin.so\n" SELINUX "close\n"
			   "session    required     pam_loginuid.so\n"
			   "session    optional     pam_keyinit.so force revoke\n"
			   "@include common-session\n"
			   "session    optional     pam_motd.so  motd=/run/motd.dynamic\n"
			   "session    optional     pam_motd.so noupdate\n"
			   "session    optional     pam_mail.so standard noenv # [1]\n"
			   "session    required     pam_limits.so\n"
			   "session    required     pam_env.so # [1]\n" SELINUX "open\n";
static const char su[] = "auth       sufficient pam_rootok.so\n"
			 "session       required   pam_env.so readenv=1\n"
			 "session    optional   pam_mail.so nopen\n"
			 "session    required   pam_limits.so\n"
			 "@include common-auth\n"
			 "@include common-session\n"
			 "\n\n";
static const char su_l[] = "auth\t\tinclude\t\tsu\n"
			   "session\t\toptional\tpam_keyinit.so force revoke\n"
			   "session\t\tinclude\t\tsu\n";
static const char runuser[] = "auth\tsufficient\tpam_rootok.so\n"
			      "session\toptional\tpam_keyinit.so revoke\n"
			      "session\trequired\tpam_limits.so\n"
			      "session\trequired\tpam_unix.so\n";
static const char runuser_l[] = "auth\tinclude\trunuser\n"
				"session\toptional\tpam_keyinit.so force revoke\n"
				"-session\toptional\tpam_systemd.so\n"
				"session\tinclude\trunuser\n";
static const char runuser_l_gated[] =
	"auth\tinclude\trunuser\n"
	"session\toptional\tpam_keyinit.so force revoke\n" GATE
	"-session\toptional\tpam_systemd.so\n"
	"session\tinclude\trunuser\n";
static const char login[] =
	"auth       optional   pam_faildelay.so  delay=3000000\n" SELINUX "close\n"
	"session    required     pam_loginuid.so\n" SELINUX "open\n"
	"session       required   pam_env.so readenv=1\n"
	"@include common-auth\n"
	"session    required   pam_limits.so\n"
	"session    optional   pam_lastlog.so\n"
	"@include common-session\n";
static const char cron[] = "@include common-auth\n"
			   "session    required     pam_loginuid.so\n"
			   "session       required   pam_env.so\n"
			   "@include common-session-noninteractive \n"
			   "session    required   pam_limits.so\n";

static const struct {
	const char *name, *text;
} debian[] = {
	{ "common-auth", common_auth },
	{ "common-session", common_session },
	{ "common-session-noninteractive", common_noninteractive },
	{ "cron", cron },
	{ "login", login },
	{ "runuser", runuser },
	{ "runuser-l", runuser_l },
	{ "sshd", sshd },
	{ "su", su },
	{ "su-l", su_l },
};
#define DEBIAN_N (sizeof(debian) / sizeof(debian[0]))

static inline void put(
	struct pamstack_dir *d, const char *name, const char *text, const char *locked)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/etc/pam.d/%s", name);
	assert_int_equal(pamstack_add(d, name, path, text, locked), 0);
}

static inline int host_up(void **state)
{
	struct pamstack_dir *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	for (size_t i = 0; i < DEBIAN_N; i++)
		put(d, debian[i].name, debian[i].text, NULL);
	*state = d;
	return 0;
}

static inline int host_down(void **state)
{
	pamstack_clear(*state);
	free(*state);
	return 0;
}

static inline void rewrite(struct pamstack_dir *d, const char *name, const char *text)
{
	assert_int_equal(pamstack_set_text(pamstack_find(d, name), strdup(text)), 0);
}

static const char *text_of(struct pamstack_dir *d, const char *name)
{
	return pamstack_find(d, name)->text;
}

static inline void same_as_shipped(struct pamstack_dir *d)
{
	for (size_t i = 0; i < DEBIAN_N; i++)
		assert_string_equal(text_of(d, debian[i].name), debian[i].text);
}

static inline enum pamstack_result enable(struct pamstack_dir *d, const char *service)
{
	enum pamstack_result r;
	const char *by;
	struct err e = { 0 };

	if (pamstack_enable(d, service, &r, &by, &e) < 0)
		fail_msg("enable %s: %s", service, e.msg);
	return r;
}

static inline enum pamstack_result disable(struct pamstack_dir *d, const char *service)
{
	enum pamstack_result r;
	const char *by;
	struct err e = { 0 };

	if (pamstack_disable(d, service, &r, &by, &e) < 0)
		fail_msg("disable %s: %s", service, e.msg);
	return r;
}

/* Enabling is refused, says @why, and changes nothing. */
static inline void refused(struct pamstack_dir *d, const char *service, const char *why)
{
	struct pamstack_dir before = { 0 };
	enum pamstack_result r;
	const char *by;
	struct err e = { 0 };

	assert_int_equal(pamstack_copy(d, &before), 0);
	assert_int_equal(pamstack_enable(d, service, &r, &by, &e), -1);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" doesn't say \"%s\"", e.msg, why);
	for (size_t i = 0; i < d->n; i++)
		assert_string_equal(d->files[i].text, before.files[i].text);
	pamstack_clear(&before);
}

static inline bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static inline size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *s = text; (s = strstr(s, what)); s += strlen(what))
		n++;
	return n;
}

#define host_test(f) cmocka_unit_test_setup_teardown(f, host_up, host_down)
