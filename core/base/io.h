/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole reads and writes, messages with fds, and opens that trust nobody. */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IO_FDS_MAX 16

/**
 * io_send() - One message, with fds, over a SOCK_SEQPACKET socket
 * @fds:	stay the caller's
 *
 * Never raises SIGPIPE. Return: 0 or -1 with errno.
 */
int io_send(int sock, const void *msg, size_t size, const int *fds, size_t n_fds);

/* The same, for an untrusted peer: never blocks, EAGAIN where the socket is full. */
int io_send_now(int sock, const void *msg, size_t size, const int *fds, size_t n_fds);

/**
 * io_pass_over() - Take one message, and drop it with its fds
 * @ms:	how long it is waited for
 *
 * A socket of AF_UNIX that is closed with a message in it that nobody took takes from the other end what that has
 * been sent (ECONNRESET first).
 */
void io_pass_over(int sock, int ms);

/**
 * io_recv() - Take one message of exactly @size bytes
 * @fds:	room for IO_FDS_MAX; what arrives is O_CLOEXEC and the caller's; NULL: none get in
 * @n_fds:	out
 *
 * What was sent before the other end hung up is heard, also where that one had left something unread.
 *
 * Return: 0; 1 when the other end is closed; -1 with errno, EBADMSG for any other size, EMFILE where the
 * process can't have more fds.
 */
int io_recv(int sock, void *msg, size_t size, int *fds, size_t *n_fds);

/* Write all of it. Return: 0 or -1 with errno. */
int io_write_all(int fd, const void *buf, size_t size);

/**
 * io_read_text() - A whole small text file
 * @dir:	directory fd, or AT_FDCWD
 * @buf:	gets the text and a 0; a longer file is an error (EFBIG)
 *
 * Return: length, or -1 with errno.
 */
ssize_t io_read_text(int dir, const char *path, char *buf, size_t size);

/* Write a short text into an existing file, in one write(2). Return: 0 or -1 with errno.
 */
int io_write_text(int dir, const char *path, const char *text);

/**
 * io_open_state() - Open a directory of our state, making it if need be, and PATH_RUN above it
 * @mode:	for making it, 0700 mostly
 *
 * Refuses a directory that isn't root's or that others can write. Return: fd, or -1 with @e.
 */
int io_open_state(const char *path, mode_t mode, struct err *e);

/*
 * Have a file of @dir hold @text, the old or the new at any time, on the disk once this returns: by ".new", which
 * two at once would share. Return: 0 or -1 with errno.
 */
int io_replace_text(int dir, const char *name, const char *text);

/* Open /dev/null for those of 0 to 2 that are closed: what is opened next would be taken for one. Return: 0 or -1. */
int io_fill_stdio(void);

/* Have 0 to 2 lead to /dev/null. Return: 0 or -1 with errno. */
int io_null_stdio(void);

/* Start time of a process in clock ticks, proc_pid_stat(5) field 22. Return: 0, -1 with
 * errno. */
int io_process_start(pid_t pid, uint64_t *ret);

/* The same of the text of proc_pid_stat(5). */
int io_stat_start(const char *stat, uint64_t *ret);

/* A pidfd of the process that began then. Return: fd, the caller's; -1 with errno, ESRCH where it is gone. */
int io_process_hold(pid_t pid, uint64_t start);

/* Parent of a process, proc_pid_stat(5) field 4. Return: 0 where it is gone, or has none. */
pid_t io_process_parent(pid_t pid);

/**
 * io_is_still() - Whether an open file is what a name in a directory stands for
 *
 * For lock files that are removed under their lock: one that was waited for may be gone.
 */
bool io_is_still(int dir, const char *name, int fd);
