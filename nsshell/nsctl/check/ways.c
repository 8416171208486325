/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways in which code runs as an isolated account without a login, and so outside of its box. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/mount/look_once.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the home, seen as its owner ---------------------------------------------------- */

enum {
	HOME_UNITS = 1,
	HOME_FORWARD = 2,
	HOME_PROCMAIL = 4,
	HOME_HTML = 8
};

static bool is_there(int home, const char *path)
{
	struct stat st;

	return fstatat(home, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A unit, or a link that enables one, in the directory of the account's user manager. */
static bool has_units(int home)
{
	int fd = sys_openat2(home, ".config/systemd/user", O_RDONLY | O_DIRECTORY, 0,
		RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH);
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return true;
	return false;
}

static int look_into(const char *path)
{
	_cleanup_close_ int home = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int found = 0;

	if (home < 0)
		return 0;
	found |= has_units(home) ? HOME_UNITS : 0;
	found |= is_there(home, ".forward") ? HOME_FORWARD : 0;
	found |= is_there(home, ".procmailrc") ? HOME_PROCMAIL : 0;
	found |= is_there(home, "public_html/cgi-bin") ? HOME_HTML : 0;
	return found;
}

/* In a process of its own, which isn't root again. */
static int see_home(void *arg, struct err *e)
{
	const struct account *a = arg;

	return privs_look_as(a->uid, a->gid, a->groups, a->n_groups, e) < 0
		       ? -1
		       : look_into(a->home);
}

static int home_look(struct account *a, struct findings *f)
{
	const struct resolve_as as = { a->name, a->uid, a->gid, a->groups, a->n_groups };
	const struct look_job job = { see_home, a, 0 };
	struct err e;
	int found;

	if (geteuid() != 0 || a->home[0] != '/' || a->home[1] == '\0')
		return 0;
	found = look_run(&job, &as, NULL, 0, &e);
	if (found < 0)
		findings_add(f, FINDING_WARNING, a->name,
			"mend or unmount it: logins may be refused meanwhile",
			"%s can't be looked at: %s", a->home, e.msg);
	return found < 0 ? 0 : found;
}

/* ---- what that means ---------------------------------------------------------------- */

static const char *const mail_servers[] = { "/usr/sbin/sendmail", "/usr/lib/sendmail",
	NULL };

static bool any_there(const char *const *paths)
{
	for (; *paths; paths++)
		if (access(*paths, F_OK) == 0)
			return true;
	return false;
}

static void check_manager(
	const struct account *a, int home, const char *whom, struct findings *f)
{
	char path[512];
	bool lingers;

	(void)snprintf(path, sizeof(path), "/var/lib/systemd/linger/%s", a->name);
	lingers = access(path, F_OK) == 0;
	if (lingers)
		findings_add(f, FINDING_WARNING, whom,
			"loginctl disable-linger the account",
			"%s: systemd starts the user manager of %s at boot, outside of any box%s",
			path, a->name,
			home & HOME_UNITS ? ", with the units in its home" : "");
	else if (home & HOME_UNITS)
		findings_add(f, FINDING_NOTE, whom,
			"nothing, as long as nobody starts it: keep the gate above pam_systemd, and don't enable lingering",
			"%s/.config/systemd/user: units of %s, which a user manager would run outside of any box",
			a->home, a->name);
}

static bool has_sendmail(const struct check_account *d)
{
	const struct command_list *l = &d->policy->commands;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, "sendmail") == 0 && !l->v[i].why)
			return true;
	return false;
}

static void check_mail(
	const struct check_account *d, int home, const char *whom, struct findings *f)
{
	static const char todo[] =
		"let the mail server run no programs for users: allow_mail_to_commands= of Postfix, no pipe transport in Exim";
	const struct account *a = d->account;
	bool server = any_there(mail_servers);

	if (home & (HOME_FORWARD | HOME_PROCMAIL))
		findings_add(f, server ? FINDING_WARNING : FINDING_NOTE, whom, todo,
			"%s/%s: mail to %s may run programs as that account, outside of any box%s",
			a->home, home & HOME_FORWARD ? ".forward" : ".procmailrc",
			a->name, server ? "" : " (there is no mail server now)");
	else if (server && has_sendmail(d))
		findings_add(f, FINDING_NOTE, whom, todo,
			"HostCommands=sendmail: mail that %s sends may run programs as that account, outside of any box, "
			"once there is a .forward in its home",
			a->name);
}

static void check_cgi(
	const struct account *a, int home, const char *whom, struct findings *f)
{
	static const char *const servers[] = { "/etc/apache2/mods-enabled/userdir.load",
		"/etc/apache2/mods-enabled/suexec.load", "/etc/httpd/conf.d/userdir.conf",
		NULL };

	if (home & HOME_HTML)
		findings_add(f, any_there(servers) ? FINDING_WARNING : FINDING_NOTE, whom,
			"run no CGI of users: a2dismod userdir suexec",
			"%s/public_html/cgi-bin: a web server with per-user CGI runs it as %s, outside of any box",
			a->home, a->name);
}

/* Return: whether there is one, and @ret is its path. */
static bool find_crontab(const char *name, char *ret, size_t size)
{
	static const char *const spools[] = { "/var/spool/cron/crontabs",
		"/var/spool/cron", "/var/spool/cron/tabs" };
	struct stat st;

	for (size_t i = 0; i < sizeof(spools) / sizeof(*spools); i++) {
		(void)snprintf(ret, size, "%s/%s", spools[i], name);
		if (lstat(ret, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

/* cron executes sendmail in the session that it has opened. */
static bool loses_mail(const struct check_account *d)
{
	return any_there(mail_servers) && !has_sendmail(d);
}

static void check_cron(
	const struct check_account *d, const char *whom, struct findings *f)
{
	char path[512];

	if (!find_crontab(d->account->name, path, sizeof(path)))
		return;
	if (!d->cron)
		findings_add(f, FINDING_WARNING, whom,
			"\"nsctl enable cron\" and add cron to Services=, or crontab -r -u the account",
			"%s: cron jobs of %s run outside of any box", path,
			d->account->name);
	else if (loses_mail(d))
		findings_add(f, FINDING_WARNING, whom,
			"add sendmail to HostCommands=: nsshell-commands(5)",
			"%s: what cron mails of the output of its jobs is lost, since no mail server can be reached "
			"from the box of %s",
			path, d->account->name);
}

static void check_at(const struct check_account *d, const char *whom, struct findings *f)
{
	static const char *const spools[] = { "/var/spool/cron/atjobs", "/var/spool/at",
		"/var/spool/atjobs" };

	for (size_t i = 0; !d->at && i < sizeof(spools) / sizeof(*spools); i++) {
		_cleanup_dir_ DIR *dir = opendir(spools[i]);
		const struct dirent *entry;
		size_t n = 0;
		struct stat st;

		/* Jobs are "a" and digits for a queue, the account's own. */
		while (dir && (entry = readdir(dir)))
			n += entry->d_name[0] != '.' &&
			     fstatat(dirfd(dir), entry->d_name, &st,
				     AT_SYMLINK_NOFOLLOW) == 0 &&
			     S_ISREG(st.st_mode) && st.st_uid == d->account->uid;
		if (n > 0)
			findings_add(f, FINDING_WARNING, whom,
				"\"nsctl enable atd\" and add atd to Services=, or atrm the jobs",
				"%s: %zu at job%s of %s will run outside of any box",
				spools[i], n, n == 1 ? "" : "s", d->account->name);
	}
}

static void check_shell(const struct account *a, const char *whom, struct findings *f)
{
	const char *shell;

	if (!a->shell[0])
		return;
	setusershell();
	while ((shell = getusershell()))
		if (strcmp(shell, a->shell) == 0)
			break;
	endusershell();
	if (!shell)
		findings_add(f, FINDING_NOTE, whom,
			"add it to /etc/shells, or give the account a listed one",
			"%s, the shell of %s, isn't in /etc/shells: pam_shells and chsh refuse it",
			a->shell, a->name);
	else if (access(a->shell, X_OK) < 0)
		findings_add(f, FINDING_WARNING, whom, "install it, or change the shell",
			"%s, the shell of %s, can't be run: %m", a->shell, a->name);
}

void check_ways_out(const struct check_account *d, struct findings *f)
{
	const struct account *a = d->account;
	int home = home_look((struct account *)(uintptr_t)a, f);
	char whom[300];

	(void)snprintf(whom, sizeof(whom), "%.250s, which is to be isolated", a->name);
	check_manager(a, home, whom, f);
	check_mail(d, home, whom, f);
	check_cgi(a, home, whom, f);
	check_cron(d, whom, f);
	check_at(d, whom, f);
	check_shell(a, whom, f);
}
