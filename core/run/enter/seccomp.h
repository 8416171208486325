/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * System call filters as programs of the kernel's, seccomp(2): where they are kept, and how a
 * process puts itself under one. They are made in seccomp_make.c, which is what needs libseccomp;
 * this is linked into the PAM module.
 */
#pragma once

#include "core/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A program, mapped read-only: no fd has to stay open, and exec lets go of it. */
struct filter {
	void *code; /* NULL: no filter */
	size_t size;
};

/**
 * filter_open() - The program that a running session was given
 * @key:	of its record; 0: it has none
 * @ret_fd:	O_CLOEXEC; -EBADF for none
 *
 * Return: 0 or -1 with @e.
 */
int filter_open(uint64_t key, int *ret_fd, struct err *e);

/**
 * filter_map() - Take the program out of a file
 * @fd:	may be closed afterwards; negative: no filter
 * @ret:	free with filter_unmap()
 *
 * Return: 0 or -1 with @e, for what can't be a program.
 */
int filter_map(int fd, struct filter *ret, struct err *e);
void filter_unmap(struct filter *f);

/* Both in one: what filter_open() opens, mapped. */
int filter_map_key(uint64_t key, struct filter *ret, struct err *e);

/**
 * filter_install() - Put the calling thread, and what it will fork and execute, under a program
 *
 * Should:   be called with CAP_SYS_ADMIN in the own user namespace, or no_new_privs set
 * Mustn't:  be followed by a keyctl(2), mount(2) or clone3(2) of our own
 *
 * It can't be undone (seccomp(2), Linux 3.17). Return: 0 or -1 with @e.
 */
int filter_install(const struct filter *f, struct err *e);
