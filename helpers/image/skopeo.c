/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/skopeo.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM  "/usr/bin/skopeo"
#define POLICY   "/etc/containers/policy.json"
#define NOBODY   65534
#define AUTH_MAX 65536
#define WORDS    16

int skopeo_check(struct err *e)
{
	return access(PROGRAM, X_OK) < 0
		       ? err_set(e, 0,
				 "there is no %s, which speaks to registries: apt-get install skopeo",
				 PROGRAM)
		       : 0;
}

int skopeo_give(int dir, const char *name)
{
	return fchownat(dir, name, NOBODY, NOBODY, AT_SYMLINK_NOFOLLOW);
}

/* ---- what registries want to know ---------------------------------------------------- */

/* Where skopeo login, run by root, keeps them. */
static const char *auth_file(const struct skopeo *s)
{
	const char *named = s->auth ? s->auth : getenv("REGISTRY_AUTH_FILE");

	return named ? named : "/run/containers/0/auth.json";
}

/* Return: 1; 0 where there is none that must be; -1. */
static int copy_auth(const struct skopeo *s, int dir, struct err *e)
{
	_cleanup_free_ char *text = malloc(AUTH_MAX);
	_cleanup_close_ int fd = -EBADF;

	if (!text || io_read_text(AT_FDCWD, auth_file(s), text, AUTH_MAX) < 0)
		return text && errno == ENOENT && !s->auth
			       ? 0
			       : err_set(e, errno, "read %s", auth_file(s));
	fd = openat(dir, "auth.json",
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_write_all(fd, text, strlen(text)) < 0 ||
		skopeo_give(dir, "auth.json") < 0)
		return err_set(e, errno, "copy %s", auth_file(s));
	return 1;
}

/* ---- in the child -------------------------------------------------------------------- */

/* All of the host's is there, as nobody sees it, but /tmp is the directory. */
static int take_tmp(int dir, struct err *e)
{
	const struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
	};
	_cleanup_close_ int tree = sys_clone_tree(dir, "", false, MS_PRIVATE),
			    at = -EBADF;

	if (tree < 0 || unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make a mount namespace");
	at = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0 || sys_mount_setattr(tree, false, &attr) < 0 ||
		sys_attach(tree, at) < 0 || chdir("/tmp") < 0)
		return err_set(e, errno, "mount on /tmp");
	return 0;
}

/*
 * Should:   keep the network
 * Mustn't:  keep an id, a capability, an fd but 0 to 2, or a way to more
 */
static int become_nobody(struct err *e)
{
	if (setgroups(0, NULL) < 0 ||
		privs_keep_caps(1ULL << CAP_SETGID | 1ULL << CAP_SETUID, e) < 0)
		return err_set(e, errno, "become nobody");
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
		setresuid(NOBODY, NOBODY, NOBODY) < 0 || privs_drop_caps(0) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sys_close_from(3) < 0)
		return err_set(e, errno, "become nobody");
	return 0;
}

static void keep_variable(const char *name, char **envp, size_t *n)
{
	const char *value = getenv(name);

	if (value && asprintf(&envp[*n], "%s=%s", name, value) >= 0)
		(*n)++;
}

static void run(const struct skopeo *s, bool auth, struct err *e)
{
	static const char *const kept[] = { "http_proxy", "https_proxy", "no_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"TERM" };
	char path[] = "PATH=/usr/bin:/bin", home[] = "HOME=/tmp", tmp[] = "TMPDIR=/tmp";
	char *envp[WORDS] = { path, home, tmp };
	const char *words[WORDS] = { PROGRAM };
	size_t n = 1, vars = 3;

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		keep_variable(kept[i], envp, &vars);
	/* As registries.conf(5) and docker have it where nobody has said whom to trust; digests are checked anyway. */
	if (access(POLICY, F_OK) < 0)
		words[n++] = "--insecure-policy";
	words[n++] = "--override-os=linux";
	words[n++] = "copy";
	if (!isatty(STDERR_FILENO))
		words[n++] = "--quiet";
	if (auth)
		words[n++] = "--authfile=/tmp/auth.json";
	if (s->insecure)
		words[n++] = strncmp(s->from, "docker:", 7) == 0
				     ? "--src-tls-verify=false"
				     : "--dest-tls-verify=false";
	words[n++] = s->from;
	words[n] = s->to;
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)execve(PROGRAM, (char **)(uintptr_t)words, envp);
	(void)err_set(e, errno, "start %s", PROGRAM);
}

int skopeo_copy(const struct skopeo *s, int dir, struct err *e)
{
	int auth = copy_auth(s, dir, e), status = 0;
	pid_t pid;

	if (auth < 0)
		return -1;
	if (fchmod(dir, 0700) < 0 || fchown(dir, NOBODY, NOBODY) < 0)
		return err_set(e, errno, "give a directory to skopeo");
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "start %s", PROGRAM);
	if (pid == 0) {
		if (take_tmp(dir, e) == 0 && become_nobody(e) == 0)
			run(s, auth > 0, e);
		(void)fprintf(stderr, "skopeo: %s\n", e->msg);
		_exit(1);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : err_set(e, 0, "skopeo couldn't copy %s", s->from);
}
