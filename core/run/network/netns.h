/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network namespaces. All of them are the host's user namespace's: what is done to a link, an address
 * or a rule in one takes a capability that nobody in a box has, whatever user namespaces there are.
 */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* ip-netns(8) */
#define NETNS_DIR "/run/netns"

/**
 * netns_create() - A new one, with its loopback up, and nobody in it
 * @proc:	fd of the host's /proc
 * @all_ports:	whoever is in it may listen below port 1024, too: no box has the capability for that
 * @ret_fd:	O_CLOEXEC, the caller's; the namespace goes with the last fd and process
 *
 * Who may ping(8) without a capability is as on the host. Should be called as single thread, with
 * CAP_SYS_ADMIN and CAP_NET_ADMIN; the caller comes back to its own. Return: 0 or -1 with @e.
 */
int netns_create(int proc, bool all_ports, int *ret_fd, struct err *e);

/**
 * netns_open() - One that the admin made: NETNS_DIR/NAME
 * @name:	of a checked form, without a '/'
 *
 * Refused: what is no network namespace, the caller's own, and one that isn't the host's user
 * namespace's. Return: 0 or -1 with @e.
 */
int netns_open(int proc, const char *name, int *ret_fd, struct err *e);

/* Its inode number, by which records name it. Return: 0 or -1 with @e. */
int netns_inode(int fd, uint64_t *ret, struct err *e);

/* Whether @fd is a namespace of that kind (CLONE_NEW*) and number. Return: 1, 0, or -1 with errno. */
int netns_is(int fd, int kind, uint64_t ino);

/**
 * netns_enter() - Stand in it until netns_return()
 * @ret_home:	what that takes
 *
 * What fails on the way back for want of memory is tried again; who can't go back mustn't go on.
 * Return: 0 or -1 with @e.
 */
int netns_enter(int proc, int ns, int *ret_home, struct err *e);
int netns_return(int home, struct err *e);
