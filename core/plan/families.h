/* SPDX-License-Identifier: BSD-3-Clause */
/* The families of sockets that a session may open, address_families(7), as data. */
#pragma once

#include "core/base/strlist.h"

#include <stdbool.h>
#include <stdint.h>

/* One past the highest number that is told apart; the kernel has 46 of them (Linux 6.18). */
#define FAMILIES_MAX 64

/* "AF_INET" -> its number, or -1. */
int family_number(const char *name);
/* The name, or NULL. */
const char *family_name(int number);

struct families {
	uint64_t allowed; /* bit N: family N */
	bool others;      /* those from FAMILIES_MAX on */
};

/**
 * families_of() - What the words of RestrictAddressFamilies= make
 * @words:	"no", "none" and "default" begin anew; AF_X allows one more, ~AF_X refuses it
 *
 * A later word wins. No words at all, as after an empty value, restrict nothing.
 */
struct families families_of(const struct strlist *words);

/* Whether nothing is refused. */
bool families_are_all(const struct families *f);

/*
 * Whether RestrictAddressFamilies= refuses any, SystemCallFilter= being @calls: "no" there stands for it,
 * too, unless it is set.
 */
bool families_refuse(const struct strlist *words, const struct strlist *calls);
