/* SPDX-License-Identifier: BSD-3-Clause */
/* wall(1): something to say to everybody at the own sessions' terminals. */
#include "nsshell/command/inside.h"

#include "core/base/cleanup.h"
#include "core/run/session/own_sessions.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

/* Twice: a line feed takes a carriage return where a program has the terminal raw. */
struct text {
	char v[2 * SESSION_SAY_MAX];
	size_t n;
	bool cut;
};

static void put(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (t->n + 2 > sizeof(t->v)) {
			t->cut = true;
			return;
		}
		if (*s == '\n')
			t->v[t->n++] = '\r';
		t->v[t->n++] = *s;
	}
}

/* ---- what is said ------------------------------------------------------------------------- */

static int usage(FILE *to)
{
	(void)fputs("Usage:\n wall [file | message ...]\n"
		    "Write a message to all terminals of your sessions.\n",
		to);
	return to == stderr ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void put_banner(struct text *t, const char *user)
{
	const char *where = command_terminal_name();
	char line[512], host[65] = "?", date[64] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	(void)gethostname(host, sizeof(host) - 1);
	(void)snprintf(line, sizeof(line),
		"\nBroadcast message from %s@%s (%s) (%s):\a\a\n\n", user, host,
		where ? where : "somewhere", date);
	put(t, line);
}

static int put_file(struct text *t, int fd, const char *name)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0 && !t->cut) {
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] == '\0')
				buf[i] = '?';
		buf[n] = '\0';
		put(t, buf);
	}
	if (n < 0)
		(void)fprintf(stderr, "wall: %s: %s\n", name, strerror(errno));
	return n < 0 ? -1 : 0;
}

/* One word that is a file is that, several or another one are what is said. */
static int put_words(struct text *t, int argc, char **argv)
{
	_cleanup_close_ int file = -EBADF;

	if (argc == 0)
		return put_file(t, STDIN_FILENO, "standard input");
	if (argc == 1)
		file = open(argv[0], O_RDONLY | O_CLOEXEC);
	if (file >= 0)
		return put_file(t, file, argv[0]);
	for (int i = 0; i < argc; i++) {
		put(t, argv[i]);
		put(t, i + 1 < argc ? " " : "\n");
	}
	return 0;
}

/* ---- to whom ------------------------------------------------------------------------------ */

static int say(const struct record *own, size_t n, const struct text *t)
{
	struct session_answer a;
	int status = EXIT_SUCCESS;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		if (own[i].state != RECORD_OPEN && own[i].state != RECORD_LINGERING)
			continue;
		if (own_say(own[i].id, SESSION_SAY_ALL, t->v, t->n, &a, &e) >= 0)
			continue;
		(void)fprintf(stderr, "wall: %s\n", e.msg);
		status = EXIT_FAILURE;
	}
	return status;
}

/* Return: -1 to go on, or an exit status. */
static int heed_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+ng:t:hV")) != -1) {
		if (option == 'n' || option == 'g') {
			(void)fprintf(stderr,
				"wall: -%c is for root, on the host: in a session wall "
				"reaches your sessions, with a banner\n",
				option);
			return EXIT_FAILURE;
		}
		/* No terminal is waited for as long as that. */
		if (option != 't')
			return usage(option == 'h' ? stdout : stderr);
	}
	return -1;
}

int command_wall(int argc, char **argv)
{
	_cleanup_free_ struct record *own = NULL;
	static struct text t;
	struct err e;
	size_t n = 0;
	int status = heed_options(argc, argv);

	if (status >= 0)
		return status;
	if (own_sessions(&own, &n, &e) < 0 || n == 0) {
		(void)fprintf(stderr, "wall: %s\n",
			n == 0 ? "no session of yours can be reached" : e.msg);
		return EXIT_FAILURE;
	}
	put_banner(&t, own[0].user);
	if (put_words(&t, argc - optind, argv + optind) < 0)
		return EXIT_FAILURE;
	put(&t, "\n");
	if (t.cut || t.n > SESSION_SAY_MAX) {
		(void)fprintf(stderr,
			"wall: that is too much: at most %d bytes are said\n",
			SESSION_SAY_MAX);
		return EXIT_FAILURE;
	}
	return say(own, n, &t);
}
