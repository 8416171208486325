/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction of copying: bytes as they are, without waiting for either end. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_ROOM 65536

enum relay_state {
	RELAY_GOES,
	RELAY_ENDED, /* end of what is read: all of it was written */
	RELAY_CUT,   /* nobody takes it any more */
};

struct relay {
	int from, to; /* -EBADF: no such direction */
	bool splice;  /* both are pipes: the bytes stay in the kernel */
	bool blocked; /* splice: waiting for room */
	int kind;     /* of @to: how not to wait for it */
	int failed; /* the error that ended it; 0: an end, or nobody takes it any more */
	uint64_t quota; /* bytes still to be read, once relay_limit() said so */
	void (*shown)(void *arg, const void *text, size_t size); /* of all that is read */
	void *shown_arg;
	size_t at, len; /* what of the buffer is to be written */
	uint8_t buffer[RELAY_ROOM];
};

/**
 * relay_begin() - Copy from one fd to another
 * @own_to:	@to is nobody else's, and becomes non-blocking. Else it is left as it is,
 *		since that would change it for who shares it, and gets so little at a time
 *		that a pipe with room takes it.
 *
 * Both stay the caller's.
 */
void relay_begin(struct relay *r, int from, int to, bool own_to);

/* No more than what is there now (pipes), or than @most bytes (terminals). */
void relay_limit(struct relay *r, bool is_pipe, uint64_t most);

/* What to wait for. */
struct pollfd relay_wants(const struct relay *r);

/* Do what can be done; after poll(2) gave something for relay_wants(). */
enum relay_state relay_go(struct relay *r);

/* Whether something was read and not yet written. */
bool relay_is_pending(const struct relay *r);

/*
 * What is left of a program's output once it has ended: @n ways, and of each what it comes by here: the end of a pipe,
 * or -EBADF for a terminal, whose output may still be on its way, while others may write on.
 */
void relay_drain(struct relay *ways, const int *pipes, size_t n);

/* How long to wait for the next of it, in ms; -1: as long as it takes; 0: when what there was has been passed on. */
int relay_patience(const struct relay *ways, const int *pipes, size_t n);

static inline bool relay_is_on(const struct relay *r)
{
	return r->from >= 0;
}
