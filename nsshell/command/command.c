/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/command/command.h"
#include "nsshell/command/inside.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/terminal/proxy.h"
#include "core/run/terminal/pty.h"
#include "core/run/session/session_socket.h"
#include "core/run/session/session_words.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- the session -------------------------------------------------------------------------- */

static int own_session(char id[PLAN_ID_LEN + 2], struct err *e)
{
	if (io_read_text(AT_FDCWD, PATH_RUN_SESSION, id, PLAN_ID_LEN + 2) < 0)
		return err_set(
			e, 0, "this is run inside of a session, and there is none");
	id[strcspn(id, "\n")] = '\0';
	return record_id_is_valid(id) ? 0 : err_set(e, 0, "this session has no name");
}

static int connect_to(const char *id, int *ret, struct err *e)
{
	int r = session_socket_connect(getuid(), id, ret, e);

	if (r > 0 && getuid() == 0)
		return err_set(e, 0,
			"the host's one is for the account of this box, and not for its root "
			"(HostCommands= in nsshell.conf(5))");
	return r > 0 ? err_set(e, 0, "session %s takes no requests", id) : r;
}

/* ---- what is handed over ------------------------------------------------------------------ */

static int copy(int from, int to, const char *path, struct err *e)
{
	static char buffer[65536];
	size_t size = 0;
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0) {
		size += (size_t)n;
		if (size > COMMAND_FILE_MAX)
			return err_set(e, EFBIG, "%.200s", path);
		if (io_write_all(to, buffer, (size_t)n) < 0)
			return err_set(e, errno, "copy %.200s", path);
	}
	return n < 0 ? err_set(e, errno, "%.200s", path) : 0;
}

/* As it is now: what happens to it later is nothing to the program. Return: a sealed memfd; -1 with @e. */
static int take_file(const char *path, struct err *e)
{
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC), fd = -EBADF;

	if (file < 0)
		return err_set(e, errno, "%.200s", path);
	fd = memfd_create("nsshell file", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, errno, "copy %.200s", path);
	if (copy(file, fd, path, e) < 0)
		return -1;
	if (fcntl(fd, F_ADD_SEALS, SESSION_WORDS_SEALS) < 0)
		return err_set(e, errno, "copy %.200s", path);
	return take_fd(&fd);
}

/* A terminal to type at, and one to read from. */
static int look_at_stdio(struct session_words_head *head, struct err *e)
{
	const char *term = getenv("TERM");

	for (int fd = 0; fd < 3; fd++) {
		int is = pty_is_terminal(fd);

		if (is < 0)
			return err_set(e, errno, "look at the terminal");
		head->on_pty |= (unsigned int)is << fd;
	}
	if (!(head->on_pty & 1) || head->on_pty == 1)
		head->on_pty = 0;
	if (head->on_pty && pty_ask(STDIN_FILENO, &head->manner) < 0)
		return err_set(e, errno, "ask the terminal");
	if (term && strlen(term) < sizeof(head->term))
		(void)snprintf(head->term, sizeof(head->term), "%s", term);
	return 0;
}

/* ---- asking ------------------------------------------------------------------------------- */

struct asking {
	const char *id;
	struct session_words *words;
	int sock;
	struct session_answer answer;
	int fds[IO_FDS_MAX];
	size_t n;
};

static int ask(struct asking *a, int file, struct err *e)
{
	_cleanup_close_ int packed = session_words_pack(a->words, e);
	const int out[] = { packed, file };

	cleanup_close(&a->sock);
	if (packed < 0 || connect_to(a->id, &a->sock, e) < 0)
		return -1;
	return session_socket_ask(
		       a->sock, a->id, SESSION_HOST, 0, out, file >= 0 ? 2 : 1, e) < 0
		       ? -1
		       : session_socket_hear(
				 a->sock, a->id, &a->answer, a->fds, &a->n, e);
}

static int start(struct asking *a, struct proxy *ret, struct err *e)
{
	_cleanup_close_ int file = -EBADF;
	int word;

	if (ask(a, -EBADF, e) < 0)
		return -1;
	word = a->answer.value;
	if (a->n == 0 && word > 0 && word < COMMAND_WORDS_MAX && a->words->words[word]) {
		file = take_file(a->words->words[word], e);
		a->words->head.on_pty = 0;
		if (file < 0 || ask(a, file, e) < 0)
			return -1;
	}
	if (a->n != 3) {
		while (a->n > 0)
			cleanup_close(&a->fds[--a->n]);
		return err_set(e, EPROTO, "hear from the session");
	}
	for (int i = 0; i < 3; i++)
		ret->stdio[i] = a->fds[i];
	if (file >= 0)
		cleanup_close(&ret->stdio[0]);
	ret->far = a->answer.value == SESSION_HOST_TERMINAL;
	ret->remote = take_fd(&a->sock);
	return 0;
}

int command_run(const char *const *words)
{
	static struct session_words w;
	char id[PLAN_ID_LEN + 2];
	struct asking a = { .id = id, .words = &w, .sock = -EBADF };
	struct proxy p = PROXY_NONE;
	struct proxy_end end;
	struct err e;
	size_t n = 0;

	w = (struct session_words){ 0 };
	while (n < COMMAND_WORDS_MAX && words[n]) {
		w.words[n] = words[n];
		n++;
	}
	if (words[n])
		(void)err_set(&e, E2BIG, "more than %d words", COMMAND_WORDS_MAX);
	else if (own_session(id, &e) == 0 && look_at_stdio(&w.head, &e) == 0 &&
		 start(&a, &p, &e) == 0 && proxy_run(&p, &end, &e) == 0)
		return proxy_exit_status(&end);
	cleanup_close(&a.sock);
	(void)fprintf(stderr, "%s: %s\n", words[0], e.msg);
	return COMMAND_FAILED;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool has_word(char **argv, const char *word)
{
	while (*++argv)
		if (strcmp(*argv, word) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	int (*inside)(int argc, char **argv);

	if (argc < 1 || io_fill_stdio() < 0)
		return COMMAND_FAILED;
	if (slash)
		argv[0] = (char *)(uintptr_t)(slash + 1);
	/* Of a login shell's: "-passwd". */
	argv[0] += *argv[0] == '-';
	inside = command_inside(argv[0]);
	if (inside)
		return inside(argc, argv);
	if (strcmp(argv[0], "crontab") == 0 && has_word(argv, "-e"))
		return command_edit(argv);
	if (strcmp(argv[0], "at") == 0 || strcmp(argv[0], "batch") == 0)
		return command_at(argv);
	return command_run((const char *const *)(uintptr_t)argv);
}
