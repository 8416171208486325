/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A terminal that several sessions have been lent: "su alice &", "su bob &". Whichever of them ends last, it gets back to
 * whose it was before the first.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/idmap.h"
#include "core/run/session/record.h"

/**
 * lent_order() - Have nobody else take or return a terminal, until a record is written
 * @ret:	fd to be closed then; -EBADF when it isn't to be had in time, which keeps nobody out
 */
void lent_order(int *ret);

/**
 * lent_remember() - tty_remember(), where it is a session's now: what that one remembers
 *
 * The record is written before lent_order()'s fd is closed. Return: 0 or -1 with @e.
 */
int lent_remember(int fd, const char *path, struct record_tty *ret, struct err *e);

/**
 * lent_return() - tty_give_back(), to an open session of the same terminal before anybody else
 * @r:		is no open session's record by now
 *
 * Return: 0 or -1 with @e.
 */
int lent_return(int fd, const struct record *r, const struct idmap *ids, struct err *e);
