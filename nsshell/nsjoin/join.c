/* SPDX-License-Identifier: BSD-3-Clause */
/* The privileged part of nsjoin: from a request to a running command. */
#include "nsshell/nsjoin/nsjoin.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/loginenv.h"
#include "core/run/terminal/wall.h"
#include "core/run/terminal/observe.h"
#include "core/run/terminal/observe_inside.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

static int choose(const struct nsjoin_request *q, struct nsjoin_joined *j, struct err *e)
{
	const struct find_query query = { q->target, q->session };

	if (find_sessions(&query, &j->sessions, &j->n_sessions, e) < 0)
		return -1;
	if (j->n_sessions == 0)
		return err_set(e, 0, "%s has no running session%s%s: see `nsctl list`",
			q->target, q->session ? " " : "", q->session ? q->session : "");
	j->record = j->sessions[j->n_sessions - 1];
	return find_hold(&j->record, &j->held, e);
}

/* The host's, as its login programs take it. */
static const char *language(char *buf, size_t size)
{
	static const char *const files[] = { "/etc/default/locale", "/etc/locale.conf" };

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *lang = NULL;

		if (io_read_text(AT_FDCWD, files[i], buf, size) >= 0)
			lang = loginenv_lang(buf);
		if (lang)
			return lang;
	}
	return NULL;
}

int nsjoin_env(const struct nsjoin_request *q, const struct loginenv *person,
	struct strlist *list, const char ***ret, struct err *e)
{
	struct loginenv in = *person;
	char text[4096];

	in.term = q->term;
	in.lang = language(text, sizeof(text));
	in.extra = (const char *const *)q->env.v;
	in.n_extra = q->env.n;
	if (loginenv_make(&in, list, e) < 0)
		return -1;
	*ret = calloc(list->n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < list->n; i++)
		(*ret)[i] = list->v[i];
	return *ret ? 0 : err_set(e, ENOMEM, "make the environment");
}

static void make_notice(const struct nsjoin_request *q, char *buf, size_t size)
{
	char now[16] = "";
	time_t t = time(NULL);
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)strftime(now, sizeof(now), "%H:%M", &tm);
	joinlog_notice(&q->who, now, buf, size);
}

static int exit_status(enum enter_result r, const struct err *e)
{
	switch (r) {
	case ENTER_RUNS:
		return 0;
	case ENTER_NO_EXEC:
		return e->num == ENOENT ? NSJOIN_NOT_FOUND : NSJOIN_NO_EXEC;
	default:
		return NSJOIN_FAILED;
	}
}

static int enter(const struct nsjoin_request *q, struct nsjoin_joined *j,
	const struct nsjoin_person *p, const char *const *env, struct err *e)
{
	const char *base = strrchr(p->shell, '/');
	char dashed[64], notice[512];
	const char *shell[] = { dashed, NULL };
	struct enter in = {
		.record = &j->record,
		.held = &j->held,
		.person = p->ids,
		.file = q->command ? q->command[0] : p->shell,
		.argv = q->command ? q->command : shell,
		.env = env,
		.directory = q->directory ? q->directory : p->home,
		.directory_must = q->directory != NULL,
		.on_pty = q->on_pty,
		.manner = q->manner,
		.given = { -1, -1, -1 },
		.mask = 022,
	};
	int status;

	(void)snprintf(dashed, sizeof(dashed), "-%s", base ? base + 1 : p->shell);
	if (j->record.notify_join) {
		make_notice(q, notice, sizeof(notice));
		in.notice = notice;
	}
	status = exit_status(enter_session(&in, &j->proxy, e), e);
	if (status == 0 && in.notice)
		notice_lent(&j->record, notice);
	return status;
}

static int enter_as(const struct nsjoin_request *q, struct nsjoin_joined *j,
	const struct nsjoin_person *p, struct err *e)
{
	_cleanup_free_ const char **env = NULL;
	const struct loginenv person = {
		.user = p->name,
		.home = p->home,
		.shell = p->shell,
		.uid = p->ids.uid,
		.session = j->record.id,
		.in_session = true,
	};
	struct strlist list = { 0 };
	int status = NSJOIN_FAILED;

	if (nsjoin_env(q, &person, &list, &env, e) == 0)
		status = enter(q, j, p, env, e);
	strlist_clear(&list);
	return status;
}

/* No process goes in: who stands in front of the session's pty shows what passes. */
static int look(const struct nsjoin_request *q, struct nsjoin_joined *j, struct err *e)
{
	char notice[512];
	const char *text = j->record.notify_join ? notice : NULL;
	int r;

	make_notice(q, notice, sizeof(notice));
	r = observe_connect(j->record.id, text, &j->observed, e);
	if (r > 0)
		r = observe_inside_connect(j->held.proc, text, &j->observed, &j->terminal,
			&j->n_terminals, e);
	if (r == OBSERVE_INSIDE_NONE)
		return err_set(e, 0,
			"session %s of %s has no terminal to look at: with Record=yes only "
			"those behind nsshell(1) can be, as the login shell or from a profile",
			j->record.id, j->record.user);
	if (r == OBSERVE_INSIDE_OFF)
		return err_set(e, 0,
			"session %s of %s has no terminal to look at: it didn't come through "
			"nsshell(1), and Record= of nsshell.conf isn't yes for it",
			j->record.id, j->record.user);
	return r;
}

int nsjoin_join(const struct nsjoin_request *q, struct nsjoin_joined *ret, struct err *e)
{
	struct nsjoin_person p;
	int status;

	*ret = (struct nsjoin_joined){
		.held = FIND_HELD_NONE, .observed = -EBADF, .proxy = PROXY_NONE
	};
	if (q->observe)
		return choose(q, ret, e) < 0 || look(q, ret, e) < 0 ? NSJOIN_FAILED : 0;
	if (choose(q, ret, e) < 0 ||
		nsjoin_person(q, &ret->record, &ret->held, &p, e) < 0)
		return NSJOIN_FAILED;
	status = enter_as(q, ret, &p, e);
	nsjoin_person_clear(&p);
	return status;
}

void nsjoin_release(struct nsjoin_joined *j)
{
	free(j->sessions);
	j->sessions = NULL;
	find_release(&j->held);
	cleanup_close(&j->observed);
}
