/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/session_command.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* ---- out ---------------------------------------------------------------------------------- */

static int write_words(int fd, const char *const *words)
{
	for (; *words; words++)
		if (io_write_all(fd, *words, strlen(*words) + 1) < 0)
			return -1;
	return 0;
}

static uint32_t count(const char *const *words)
{
	uint32_t n = 0;

	while (words[n])
		n++;
	return n;
}

void session_command_own_limits(struct session_command *c)
{
	for (int what = 0; what < RLIMIT_NLIMITS; what++)
		if (getrlimit((rlimit_resource)what, &c->head.limits[what]) < 0)
			c->head.limits[what] =
				(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
}

int session_command_pack(const struct session_command *c, struct err *e)
{
	_cleanup_close_ int fd = memfd_create("nsshell command", MFD_CLOEXEC);
	const char *const before[] = { c->directory, c->home, c->file, NULL };
	const char *const behind[] = { c->group, NULL };
	struct session_command_head head = c->head;

	head.n_argv = count(c->argv);
	head.n_env = count(c->env);
	if (fd < 0 || io_write_all(fd, &head, sizeof(head)) < 0 ||
		write_words(fd, before) < 0 || write_words(fd, c->argv) < 0 ||
		write_words(fd, c->env) < 0 || write_words(fd, behind) < 0)
		return err_set(e, errno, "write the command down");
	return take_fd(&fd);
}

/* ---- in ----------------------------------------------------------------------------------- */

/* The next string that ends before @end, or NULL. */
static const char *next(const char **at, const char *end)
{
	const char *word = *at;
	const char *zero = word < end ? memchr(word, '\0', (size_t)(end - word)) : NULL;

	if (zero)
		*at = zero + 1;
	return zero ? word : NULL;
}

/* Return: where the array goes on behind its NULL, or NULL. */
static const char **take_words(
	const char **into, uint32_t n, const char **at, const char *end)
{
	for (; n > 0; n--) {
		*into = next(at, end);
		if (!*into++)
			return NULL;
	}
	*into++ = NULL;
	return into;
}

static int take(
	const char *at, const char *end, struct session_command *c, const char **words)
{
	c->directory = next(&at, end);
	c->home = next(&at, end);
	c->file = next(&at, end);
	c->argv = words;
	c->env = take_words(words, c->head.n_argv, &at, end);
	if (!c->directory || !c->home || !c->file || !c->env ||
		!take_words(c->env, c->head.n_env, &at, end))
		return -1;
	c->group = at < end ? next(&at, end) : NULL;
	return at == end && c->directory[0] == '/' && c->home[0] == '/' && *c->file ? 0
										    : -1;
}

int session_command_parse(
	const char *text, size_t size, struct session_command *ret, struct err *e)
{
	_cleanup_free_ const char **words = NULL;
	struct session_command c = { 0 };

	if (size < sizeof(c.head))
		return err_set(e, EBADMSG, "read the command");
	memcpy(&c.head, text, sizeof(c.head));
	if (c.head.on_pty > 7 || c.head.given > 7 || (c.head.on_pty & c.head.given) ||
		c.head.n_argv == 0 || c.head.n_argv > SESSION_COMMAND_WORDS ||
		c.head.n_env > SESSION_COMMAND_WORDS)
		return err_set(e, EBADMSG, "read the command");
	words = calloc((size_t)c.head.n_argv + c.head.n_env + 2, sizeof(*words));
	if (!words)
		return err_set(e, ENOMEM, "read the command");
	if (take(text + sizeof(c.head), text + size, &c, words) < 0)
		return err_set(e, EBADMSG, "read the command");
	*ret = c;
	words = NULL;
	return 0;
}

void session_command_clear(struct session_command *c)
{
	free(c->argv);
	c->argv = c->env = NULL;
}

static char *read_all(int fd, size_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	off_t size = lseek(fd, 0, SEEK_END);
	size_t len = 0;
	char *taken;
	ssize_t n;

	if (size <= 0 || size > (off_t)SESSION_COMMAND_MAX)
		return NULL;
	text = malloc((size_t)size);
	while (text && len < (size_t)size &&
		(n = pread(fd, text + len, (size_t)size - len, (off_t)len)) > 0)
		len += (size_t)n;
	*ret_size = len;
	taken = text;
	text = NULL;
	return taken;
}

/* What isn't a memfd may never answer: a pipe, say, or a file of a FUSE. */
int session_command_read(
	int fd, struct session_command *ret, char **ret_text, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (fcntl(fd, F_GET_SEALS) < 0)
		return err_set(e, EBADMSG, "read the command");
	text = read_all(fd, &size);
	if (!text)
		return err_set(e, EBADMSG, "read the command");
	if (session_command_parse(text, size, ret, e) < 0)
		return -1;
	*ret_text = text;
	text = NULL;
	return 0;
}
