/* SPDX-License-Identifier: BSD-3-Clause */
/* A host command, nsshell-commands(5): what is asked for and whether that may be. How it runs: host_run.h. */
#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/plan/joinlog.h"
#include "core/run/session/account_log.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/host/host_facts.h"
#include "core/run/ids/rlimits_set.h"
#include "core/run/session/session_words.h"
#include "helpers/worker/host_run.h"
#include "helpers/worker/work.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>

/* ---- what is asked for -------------------------------------------------------------------- */

static void account_drop(struct account *a)
{
	account_clear(a);
}

static bool has_group(const struct plan *p, gid_t gid)
{
	for (size_t i = 0; i < p->n_groups; i++)
		if (p->groups[i] == gid)
			return true;
	return gid == p->gid;
}

/* As it is on the host now. */
static int account_of(const struct work *w, struct account *ret, struct err *e)
{
	const struct record *r = w->record;
	int found = account_read(r->user, ret, e);

	if (found < 0)
		return -1;
	if (found > 0 || ret->uid != r->uid || ret->uid == 0 || ret->gid == 0 ||
		!has_group(w->plan, ret->gid)) {
		if (found == 0)
			account_clear(ret);
		return err_set(e, 0,
			"account %s isn't what it was when session %s began: refused",
			r->user, r->id);
	}
	return 0;
}

/* No group that the box hasn't. Return: how many. */
static size_t keep_groups(const struct plan *p, const struct account *a, gid_t *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_groups; i++)
		for (size_t k = 0; k < a->n_groups; k++)
			if (p->groups[i] == a->groups[k]) {
				ret[kept++] = p->groups[i];
				break;
			}
	return kept;
}

static int may_now(const struct work *w, struct err *e)
{
	if (w->root)
		return err_set(e, 0, "root has the host's commands without this");
	if (w->record->state == RECORD_OPENING)
		return err_set(e, 0, "session %s is being opened", w->record->id);
	if (freeze_get(w->plan->cgroup.kind, w->record->cgroup) == 1)
		return err_set(e, 0, "session %s is paused", w->record->id);
	return 0;
}

/* Return: 0; 1 where the word *ret_file is a file that is still to come; -1 with @e. */
static int allowed(const struct work *w, const struct session_words *words,
	const struct command **ret, size_t *ret_file, struct err *e)
{
	const struct command *c = plan_command(w->plan, words->words[0]);

	if (!c)
		return err_set(e, 0,
			"%.60s isn't among the host's commands that this account may run from a box "
			"(HostCommands= in nsshell.conf(5))",
			words->words[0]);
	if (!command_match(c, w->record->user, words->words, words->head.n, ret_file))
		return err_set(e, 0,
			"from a box, %.60s doesn't take these arguments (nsshell-commands(5))",
			words->words[0]);
	/* By now it may have been let out of the boxes. */
	if (*c->service && host_is_guarded(c->service) <= 0)
		return err_set(e, 0,
			"what %.60s leaves to the PAM service %.60s would run outside of a box (nsctl enable %.60s)",
			words->words[0], c->service, c->service);
	*ret = c;
	if (*ret_file > 0 && w->n_fds == 1)
		return 1;
	return w->n_fds == (*ret_file > 0 ? 2U : 1U)
		       ? 0
		       : err_set(e, EBADMSG, "read what is handed over");
}

/* Another description of it, so that nobody else moves its offset. Return: it; -1 with @e. */
static int take_file(int fd, struct err *e)
{
	char path[32];
	struct stat st;
	int file;

	if (session_words_is_sealed(fd) < 0 || fstat(fd, &st) < 0)
		return err_set(e, 0,
			"what is handed over must be a memfd that is sealed (memfd_create(2))");
	if (st.st_size > (off_t)COMMAND_FILE_MAX)
		return err_set(e, EFBIG, "the file has more than %u MiB",
			COMMAND_FILE_MAX >> 20);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	return file < 0 ? err_set(e, errno, "open what is handed over") : file;
}

/* ---- the log ------------------------------------------------------------------------------ */

/* Bytes of a call's words: what is around them has room in EVENT_TEXT_MAX. */
#define WORDS_TOLD 1200

static void tell(
	const struct work *w, enum event_kind kind, const char *words, const char *what)
{
	account_event(kind == EVENT_REFUSED ? LOG_NOTICE : LOG_INFO, w->record->uid,
		EVENT_OF(kind, w->record), "session %s: %s %s", w->record->id, words,
		what);
}

static void tell_end(const struct work *w, const char *said, const struct host_end *end)
{
	char what[128];

	if (end->why)
		(void)snprintf(what, sizeof(what), "on the host, ended: %s", end->why);
	else if (WIFSIGNALED(end->status))
		(void)snprintf(what, sizeof(what), "on the host, signal %d",
			WTERMSIG(end->status));
	else
		(void)snprintf(what, sizeof(what), "on the host, status %d",
			WEXITSTATUS(end->status));
	tell(w, EVENT_COMMAND, said, what);
}

/* "alice ran crontab -l", in one line whatever the words are. */
static void say(const struct work *w, const char *verb, const struct session_words *words,
	char *ret, size_t size)
{
	char line[WORDS_TOLD];

	joinlog_command(words->words, line, sizeof(line));
	(void)snprintf(ret, size, "%s %s %s", w->record->user, verb, line);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static int start(const struct work *w, const struct session_words *words,
	const struct command *c, size_t file, struct host_running *ret, struct err *e)
{
	_cleanup_(account_drop) struct account a = { 0 };
	_cleanup_free_ gid_t *groups = NULL;
	_cleanup_close_ int input = -EBADF;
	const char *argv[COMMAND_WORDS_MAX + 1];
	struct host_run run = { .command = c,
		.account = &a,
		.argv = argv,
		.term = words->head.term,
		.input = -EBADF,
		.on_pty = c->terminal == COMMAND_TERMINAL_NO ? 0 : words->head.on_pty,
		.manner = words->head.manner };

	memcpy(argv, words->words, (words->head.n + 1) * sizeof(*argv));
	if (file > 0 && file < words->head.n) {
		argv[file] = COMMAND_FILE_AS;
		input = take_file(w->fds[1], e);
		if (input < 0)
			return -1;
		run.input = input;
	}
	if (account_of(w, &a, e) < 0)
		return -1;
	if (command_leaves_nsshell(c->name, a.shell))
		return err_set(
			e, 0, "the login shell is nsshell now: root may change it");
	groups = calloc(w->plan->n_groups + 1, sizeof(*groups));
	if (!groups)
		return err_set(e, ENOMEM, "become %.60s", a.name);
	run.groups = groups;
	run.n_groups = keep_groups(w->plan, &a, groups);
	if (rlimits_of(&w->record->caller, run.limits) < 0)
		rlimits_usual(run.limits);
	work_be_like_login(w);
	return host_start(&run, ret, e);
}

static void close_given(struct work *w)
{
	for (size_t i = 0; i < w->n_fds; i++)
		cleanup_close(&w->fds[i]);
	w->n_fds = 0;
}

/* Return: 0 or 1, where it has answered; -1 with @e. */
static int serve(struct work *w, const struct session_words *words,
	struct session_answer *a, struct err *e)
{
	struct host_running run = HOST_RUNNING_NONE;
	const struct command *c = NULL;
	struct host_end end;
	char said[WORDS_TOLD + 100];
	size_t file = 0;
	int r = allowed(w, words, &c, &file, e);

	if (r > 0) {
		a->value = (int32_t)file;
		return 0;
	}
	r = r == 0 && c ? start(w, words, c, file, &run, e) : -1;
	close_given(w);
	if (r < 0) {
		say(w, "was refused", words, said, sizeof(said));
		tell(w, EVENT_REFUSED, said, "on the host");
		return -1;
	}
	say(w, "ran", words, said, sizeof(said));
	/* The words' last use: they aren't kept for as long as it runs. */
	a->value = run.on_pty ? SESSION_HOST_TERMINAL : 0;
	r = work_answer(w, a, run.out, 3);
	if (r < 0)
		(void)err_set(e, errno, "hand out a command's pipes");
	for (int i = 0; i < 3; i++)
		cleanup_close(&run.out[i]);
	host_follow(&run, r == 0 ? w->sock : -EBADF, c, &end);
	tell_end(w, said, &end);
	if (r < 0)
		return -1;
	a->value = end.status;
	(void)work_answer(w, a, NULL, 0);
	return 1;
}

int work_host(struct work *w, struct session_answer *a, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct session_words words;

	if (may_now(w, e) < 0)
		return -1;
	if (w->n_fds == 0 || w->n_fds > 2)
		return err_set(e, EBADMSG, "read the words");
	if (session_words_read(w->fds[0], &words, &text, e) < 0)
		return -1;
	return serve(w, &words, a, e);
}
