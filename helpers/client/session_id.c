/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/client/session_id.h"

#include <string.h>
#include <sys/random.h>

/* 32 of them, without l and 1, o and 0: an id is read out over the telephone. */
static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";

void session_id_make(char id[PLAN_ID_LEN + 1])
{
	unsigned char random[PLAN_ID_LEN] = { 0 };

	/* Never fails for 256 bytes or fewer once the kernel is up (getrandom(2)). */
	(void)!getrandom(random, sizeof(random), 0);
	for (size_t i = 0; i < PLAN_ID_LEN; i++)
		id[i] = letters[random[i] % (sizeof(letters) - 1)];
	id[PLAN_ID_LEN] = '\0';
}

bool session_id_is_valid(const char *id)
{
	return strlen(id) == PLAN_ID_LEN && strspn(id, letters) == PLAN_ID_LEN;
}
