/* SPDX-License-Identifier: BSD-3-Clause */
/* write(1): line by line to one terminal of an own session; there is nobody else in a box. */
#include "nsshell/command/inside.h"

#include "core/base/cleanup.h"
#include "core/run/enter/inside.h"
#include "core/run/session/own_sessions.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A terminal that can be written to. */
struct place {
	const struct record *session;
	char name[32]; /* "pts/0" */
	long long idle;
	bool lent, open, ours; /* of outside; mesg(1); the one that we are on */
};

#define PLACES_MAX 256
struct places {
	struct place v[PLACES_MAX];
	size_t n;
};

/* ---- what there is ------------------------------------------------------------------------ */

/* Whether it is the terminal that was lent: the first of the list, by its name outside. */
static bool is_lent(const struct record *r, const char *name, bool first)
{
	return first && r->lent.path[0] &&
	       strcmp(r->lent.path + strlen("/dev/"), name) == 0;
}

static void take_list(struct places *p, const struct record *r, char *list)
{
	const char *tty = command_terminal_name();
	bool here = inside_is(r->id), first = true;
	char *line;

	while ((line = strsep(&list, "\n")) && p->n < PLACES_MAX) {
		struct place *x = &p->v[p->n];
		char mesg;

		if (sscanf(line, "%31s %lld %c", x->name, &x->idle, &mesg) != 3)
			continue;
		x->session = r;
		x->open = mesg == 'y';
		x->lent = is_lent(r, x->name, first);
		/* What was lent has another name inside. */
		x->ours = here && tty &&
			  (x->lent ? strncmp(tty, "pts/", 4) != 0
				   : strcmp(tty, x->name) == 0);
		first = false;
		p->n++;
	}
}

static void look(struct places *p, const struct record *own, size_t n)
{
	struct session_answer a;
	struct err ignored;

	for (size_t i = 0; i < n; i++)
		if (own_say(own[i].id, SESSION_SAY_LIST, NULL, 0, &a, &ignored) >= 0)
			take_list(p, &own[i], a.text);
}

/* ---- which -------------------------------------------------------------------------------- */

/* A session is meant by its id, and by what who(1) on the host and nsctl list have as its terminal. */
static bool is_named(const struct place *x, const char *tty)
{
	return strcmp(tty, x->name) == 0 || strcmp(tty, x->session->id) == 0 ||
	       strcmp(tty, x->session->line) == 0;
}

/* The one that was typed at last; our own only where it is named, or there is no other. */
static const struct place *choose(const struct places *p, const char *tty, bool shut)
{
	const struct place *best = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct place *x = &p->v[i];

		if ((tty && !is_named(x, tty)) || (!x->open && !shut))
			continue;
		if (!best || (!tty && best->ours && !x->ours) ||
			((tty || best->ours == x->ours) && x->idle < best->idle))
			best = x;
	}
	return best;
}

static const struct place *find(const struct places *p, const char *user, const char *tty)
{
	const struct place *x = choose(p, tty, false);

	if (x)
		return x;
	x = choose(p, tty, true);
	if (x && tty)
		(void)fprintf(
			stderr, "write: %s has messages disabled on %s\n", user, tty);
	else if (x)
		(void)fprintf(stderr, "write: %s has messages disabled\n", user);
	else if (tty)
		(void)fprintf(stderr, "write: %s is not logged in on %s\n", user, tty);
	else
		(void)fprintf(stderr, "write: %s is not logged in\n", user);
	return NULL;
}

/* ---- saying it ---------------------------------------------------------------------------- */

static volatile sig_atomic_t done;

static void stop(int sig)
{
	(void)sig;
	done = 1;
}

static int say(const struct place *to, const char *text, size_t size)
{
	unsigned int number = 0;
	struct session_answer a;
	struct err e;
	int r;

	if (!to->lent && sscanf(to->name, "pts/%u", &number) != 1)
		return -1;
	r = own_say(to->session->id, to->lent ? SESSION_SAY_LENT : (int)number, text,
		size, &a, &e);
	if (r > 0)
		return 0;
	(void)fprintf(stderr, "write: %s: %s\n", to->name,
		r < 0 ? e.msg : "it takes nothing at the moment");
	return -1;
}

static int greet(const struct place *to)
{
	const char *tty = command_terminal_name();
	char text[512], host[65] = "?", now[8] = "";
	time_t t = time(NULL);
	struct tm tm;
	int len;

	if (localtime_r(&t, &tm))
		(void)strftime(now, sizeof(now), "%H:%M", &tm);
	(void)gethostname(host, sizeof(host) - 1);
	len = snprintf(text, sizeof(text),
		"\r\n\a\a\aMessage from %s@%s on %s at %s ...\r\n", to->session->user,
		host, tty ? tty : "no terminal", now);
	return say(to, text, (size_t)len);
}

/* A line feed takes a carriage return where a program has the terminal raw. */
static int say_lines(const struct place *to)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while (!done && (n = getline(&line, &room, stdin)) > 0) {
		char *more = realloc(line, (size_t)n + 2);

		if (!more)
			return -1;
		line = more;
		room = (size_t)n + 2;
		if (line[n - 1] == '\n')
			n--;
		line[n++] = '\r';
		line[n++] = '\n';
		if (say(to, line, (size_t)n) < 0)
			return -1;
	}
	return say(to, "EOF\r\n", strlen("EOF\r\n"));
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void hear_signals(void)
{
	/* Without SA_RESTART: the line that is being read is the last one. */
	const struct sigaction s = { .sa_handler = stop };

	(void)sigaction(SIGINT, &s, NULL);
	(void)sigaction(SIGHUP, &s, NULL);
}

static bool can_be_answered(void)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd))
			return fstat(fd, &st) == 0 && st.st_mode & S_IWGRP;
	return true;
}

int command_write(int argc, char **argv)
{
	_cleanup_free_ struct record *own = NULL;
	static struct places p;
	const char *tty = argc == 3 ? argv[2] : NULL;
	const struct place *to;
	struct err e;
	size_t n = 0;

	if (tty && strncmp(tty, "/dev/", 5) == 0)
		tty += 5;
	if (argc < 2 || argc > 3 || argv[1][0] == '-') {
		(void)fputs("Usage:\n write user [ttyname]\n", stderr);
		return EXIT_FAILURE;
	}
	if (own_sessions(&own, &n, &e) < 0) {
		(void)fprintf(stderr, "write: %s\n", e.msg);
		return EXIT_FAILURE;
	}
	/* In a box nobody else is, as who(1) shows there, too. */
	if (n > 0 && strcmp(argv[1], own[0].user) == 0)
		look(&p, own, n);
	to = find(&p, argv[1], tty);
	if (!to)
		return EXIT_FAILURE;
	if (!can_be_answered()) {
		(void)fputs("write: you have write permission turned off\n", stderr);
		return EXIT_FAILURE;
	}
	hear_signals();
	return greet(to) == 0 && say_lines(to) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
