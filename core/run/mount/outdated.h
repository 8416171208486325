/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sessions still run on files that the host has replaced: programs and libraries that a process
 * has mapped, and that have no name on the host any more.
 */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <stdbool.h>

/* What is looked at of a session at most, and for how long. */
#define OUTDATED_PROCESSES 512
#define OUTDATED_MAPS      (512U << 10) /* bytes of a process' maps */
#define OUTDATED_FILES     512 /* that are told apart, so as to look at each once */
#define OUTDATED_MS        250

struct outdated {
	bool all;  /* all of it was looked at, or one was found */
	pid_t pid; /* of a process that has such a file; 0: none */
	char file
		[192]; /* who lives there may have chosen its name: not to be printed as it is */
};

/**
 * outdated_look() - Look for one such process, the session's supervisor being one, too
 *
 * Should:   run as root
 * Mustn't:  wait for the session: a process of ours looks, and is killed when its time is over; and no
 *	     file is asked for anything but those of the host's file systems that make up the box
 *
 * Of a session that is about to end nothing is found. Return: 0 or -1 with @e.
 */
int outdated_look(const struct record *r, struct outdated *ret, struct err *e);
