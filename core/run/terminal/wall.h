/* SPDX-License-Identifier: BSD-3-Clause */
/* Telling the people at a session's terminals something, as wall(1) does. */
#pragma once

#include "core/run/session/record.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a session has its own ptys. */
#define NOTICE_PTS "/dev/pts"

/**
 * notice_ptys() - Write to every pty of the devpts that is at NOTICE_PTS here
 *
 * Should:   run inside the session, as root of the box
 * Mustn't:  wait for longer than 200 ms for terminals that don't take it, or open what isn't a pty
 *
 * Return: how many took it.
 */
size_t notice_ptys(const char *text);

/**
 * notice_ptys_in() - The same for a devpts that is held
 * @devpts:	directory fd, the caller's
 *
 * From outside: what lies in there, the kernel made.
 */
size_t notice_ptys_in(int devpts, const char *text);

/* The same for one of them, pts/N. Return: whether it took it. */
bool notice_pty(int devpts, unsigned int n, const char *text);

/**
 * notice_list() - What there is to write to
 * @buf:	gets a line each: its name, "pts/0", the seconds since somebody typed there, and whether
 *		mesg(1) lets others write there, y or n; as many as there is room for
 *
 * That of the terminal that was lent is what comes behind /dev/ outside.
 */
void notice_list(const struct record *r, int devpts, char *buf, size_t size);

/* Write to the terminal that was lent to the session, from outside; if it still is. Return: whether it took it. */
bool notice_lent(const struct record *r, const char *text);

/* Whether an fd is in a devpts: what a box may have put in its place isn't. */
int notice_is_devpts(int fd);
