/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs of this version that a helper starts, while an upgrade may take them away. */
#pragma once

/* O_PATH and O_CLOEXEC, above the fds that any of them finds taken; the negative of an errno where one can't be had. */
struct programs {
	int planner, init, supervisor, worker;
};

/**
 * programs_open() - Have hold of all, before anything is read: an upgrade of the package removes those of this version
 * @argv:	the helper's
 *
 * Where it has removed one, the helper of the version that came is executed in our place: nothing was read yet, and it
 * finds the request where we would have.
 */
struct programs programs_open(char *const argv[]);
