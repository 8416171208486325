/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/session_words.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define TEXT_MAX (sizeof(struct session_words_head) + COMMAND_TEXT_MAX)

int session_words_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SESSION_WORDS_SEALS) == SESSION_WORDS_SEALS ? 0
										  : -1;
}

/* ---- out ---------------------------------------------------------------------------- */

static int check_size(const struct session_words *w, struct err *e)
{
	size_t size = 0, n = 0;

	for (; n < COMMAND_WORDS_MAX && w->words[n]; n++) {
		size_t len = strlen(w->words[n]) + 1;

		if (len > COMMAND_WORD_MAX)
			return err_set(e, E2BIG, "a word of %zu bytes", len - 1);
		size += len;
	}
	if (w->words[n])
		return err_set(e, E2BIG, "more than %d words", COMMAND_WORDS_MAX);
	return size > COMMAND_TEXT_MAX ? err_set(e, E2BIG, "words of %zu bytes", size)
				       : 0;
}

int session_words_pack(const struct session_words *w, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct session_words_head head = w->head;

	if (check_size(w, e) < 0)
		return -1;
	fd = memfd_create("nsshell words", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	for (head.n = 0; w->words[head.n];)
		head.n++;
	if (fd < 0 || io_write_all(fd, &head, sizeof(head)) < 0)
		return err_set(e, errno, "write the words down");
	for (size_t i = 0; i < head.n; i++)
		if (io_write_all(fd, w->words[i], strlen(w->words[i]) + 1) < 0)
			return err_set(e, errno, "write the words down");
	if (fcntl(fd, F_ADD_SEALS, SESSION_WORDS_SEALS) < 0)
		return err_set(e, errno, "write the words down");
	return take_fd(&fd);
}

/* ---- in ----------------------------------------------------------------------------- */

int session_words_parse(
	const char *text, size_t size, struct session_words *ret, struct err *e)
{
	const char *at = text + sizeof(ret->head), *end = text + size;

	if (size < sizeof(ret->head))
		return err_set(e, EBADMSG, "read the words");
	memcpy(&ret->head, text, sizeof(ret->head));
	if (ret->head.n == 0 || ret->head.n > COMMAND_WORDS_MAX || ret->head.on_pty > 7 ||
		(ret->head.on_pty && !(ret->head.on_pty & 1)) ||
		!memchr(ret->head.term, '\0', sizeof(ret->head.term)))
		return err_set(e, EBADMSG, "read the words");
	for (size_t i = 0; i < ret->head.n; i++) {
		const char *zero = memchr(at, '\0', (size_t)(end - at));

		if (!zero || zero - at >= COMMAND_WORD_MAX)
			return err_set(e, EBADMSG, "read the words");
		ret->words[i] = at;
		at = zero + 1;
	}
	ret->words[ret->head.n] = NULL;
	return at == end ? 0 : err_set(e, EBADMSG, "read the words");
}

/* It can't change meanwhile, nor have to be waited for. */
static char *read_all(int fd, size_t *ret_size)
{
	off_t size = session_words_is_sealed(fd) == 0 ? lseek(fd, 0, SEEK_END) : -1;
	char *text = size > 0 && (uint64_t)size <= TEXT_MAX ? malloc((size_t)size) : NULL;

	if (text && pread(fd, text, (size_t)size, 0) != size) {
		free(text);
		text = NULL;
	}
	*ret_size = (size_t)size;
	return text;
}

int session_words_read(int fd, struct session_words *ret, char **ret_text, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	text = read_all(fd, &size);
	if (!text)
		return err_set(e, EBADMSG, "read the words");
	if (session_words_parse(text, size, ret, e) < 0)
		return -1;
	*ret_text = text;
	text = NULL;
	return 0;
}
