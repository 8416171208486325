/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/scope.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/property.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define _cleanup_list_ _cleanup_(strlist_clear)

/* ---- the program ------------------------------------------------------------------------ */

/* What it says, to its end; it ends by itself, whatever systemd does (SCOPE_PATIENCE_S). */
static void listen_to(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, buf + len, size - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size - 1) || (n < 0 && errno == EINTR));
	buf[len] = '\0';
}

static int spawn_with(char **argv, int out, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	char *envp[] = { NULL };
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return r;
	r = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(ret, PATH_SCOPE, &files, NULL, argv, envp);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

static int spawn(const struct strlist *words, pid_t *ret, int *ret_out, struct err *e)
{
	_cleanup_free_ char **argv = calloc(words->n + 1, sizeof(*argv));
	int ends[2], r;

	if (!argv)
		return err_set(e, ENOMEM, "ask systemd");
	memcpy(argv, words->v, words->n * sizeof(*argv));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "ask systemd");
	r = spawn_with(argv, ends[1], ret);
	(void)close(ends[1]);
	if (r != 0) {
		(void)close(ends[0]);
		return err_set(e, r, "start %s", PATH_SCOPE);
	}
	*ret_out = ends[0];
	return 0;
}

static int run(const struct strlist *words, struct err *e)
{
	_cleanup_close_ int out = -EBADF;
	char said[sizeof(e->msg)];
	int status = 0;
	pid_t pid = 0;

	if (spawn(words, &pid, &out, e) < 0)
		return -1;
	listen_to(out, said, sizeof(said));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(
		e, 0, "%s", said[0] ? said : "systemd didn't answer nsshell-scope");
}

/* ---- what is asked ---------------------------------------------------------------------- */

/* Two files of one property: the first says it. One of several devices is one more word. */
static bool is_told(const struct strlist *words, size_t from, const char *word)
{
	size_t len = strcspn(word, "=") + 1;

	for (size_t i = from; i < words->n; i++)
		if (strncmp(words->v[i], word, len) == 0 && !strchr(word, '/'))
			return true;
	return false;
}

static int add_limits(
	struct strlist *words, const struct plan_cgroup_setting *v, size_t n)
{
	char word[PROPERTY_MAX];
	size_t from = words->n;

	for (size_t i = 0; i < n; i++)
		if (property_of(v[i].name, v[i].value, word, sizeof(word)) && *word &&
			!is_told(words, from, word) && strlist_add(words, word) < 0)
			return -1;
	return 0;
}

static const char *slice_of(const struct plan_cgroup *plan)
{
	const char *last = strrchr(plan->slice, '/');

	return last ? last + 1 : "nsshell.slice";
}

static int add_start(struct strlist *words, const struct plan_cgroup *plan, pid_t pid)
{
	char number[16];
	int r;

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	r = strlist_add(words, PATH_SCOPE) | strlist_add(words, "start") |
	    strlist_add(words, plan->scope) | strlist_add(words, number) |
	    strlist_add(words, slice_of(plan)) | strlist_add(words, plan->scope_title);
	if (r == 0)
		r = add_limits(words, plan->settings, plan->n_settings);
	/* The slice may be there with limits that the config doesn't have any more. */
	if (r == 0 && *plan->slice)
		r = strlist_add(words, "--");
	if (r == 0 && *plan->slice)
		r = add_limits(words, plan->slice_settings, plan->n_slice_settings);
	return r;
}

int scope_start(const struct plan_cgroup *plan, pid_t supervisor, struct err *e)
{
	_cleanup_list_ struct strlist words = { 0 };

	if (add_start(&words, plan, supervisor) < 0)
		return err_set(e, ENOMEM, "ask systemd for %s", plan->scope);
	return run(&words, e);
}

int scope_set(const char *unit, const struct plan_cgroup_setting *settings, size_t n,
	struct err *e)
{
	_cleanup_list_ struct strlist words = { 0 };

	if (strlist_add(&words, PATH_SCOPE) < 0 || strlist_add(&words, "set") < 0 ||
		strlist_add(&words, unit) < 0 || add_limits(&words, settings, n) < 0)
		return err_set(e, ENOMEM, "set limits of %s", unit);
	return words.n > 3 ? run(&words, e) : 0;
}
