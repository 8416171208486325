/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of a SESSION_HOST as they come in a sealed memfd: a head, and strings behind it. No path, no
 * environment: what a terminal is like, and the words.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/command.h"
#include "core/run/terminal/pty.h"

#include <stddef.h>
#include <stdint.h>

struct session_words_head {
	uint32_t n; /* words, the command's name first */
	uint32_t
		on_pty; /* bit N: fd N shall be a terminal, 0 among them; 0: no terminal at all */
	struct pty_manner manner;
	char term[64]; /* TERM, "" for none */
};

struct session_words {
	struct session_words_head head;
	const char *words[COMMAND_WORDS_MAX + 1]; /* ended by NULL */
};

/* Seals that keep all that there is from being changed. */
#define SESSION_WORDS_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

/* Return: 0; -1 where it isn't a memfd, or one that may still change. */
int session_words_is_sealed(int fd);

/* Into a sealed memfd. Return: it, the caller's; -1 with @e, where they are too many or too long as well. */
int session_words_pack(const struct session_words *w, struct err *e);

/**
 * session_words_read() - Take some apart that nobody vouches for
 * @ret:	points into @ret_text, which is to free()
 *
 * Return: 0 or -1 with @e.
 */
int session_words_read(int fd, struct session_words *ret, char **ret_text, struct err *e);

/* The same of what was read: @text of @size bytes. */
int session_words_parse(
	const char *text, size_t size, struct session_words *ret, struct err *e);
