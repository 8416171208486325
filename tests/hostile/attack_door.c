/* SPDX-License-Identifier: BSD-3-Clause */
/* By the other doors into the kernel: calls of a 32-bit program, and x32's numbers. */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <unistd.h>

#ifdef __x86_64__
static long by_int80(long nr, unsigned long a, unsigned long b)
{
	__asm__ volatile("int $0x80"
			 : "+a"(nr)
			 : "b"(a), "c"(b), "d"(0), "S"(0), "D"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)nr;
}
#endif

/* door-32 NUMBER A B: a call of i386; what a 64-bit program does with int 0x80, and a 32-bit one always */
static int door_32(char **argv)
{
#ifdef __x86_64__
	long r = by_int80(attack_number(argv[0]), (unsigned long)attack_number(argv[1]),
		(unsigned long)attack_number(argv[2]));

	return r < 0 ? (int)-r : 0;
#else
	(void)argv;
	return ENOSYS;
#endif
}

/* door-x32 NUMBER A: the same numbers with bit 30, which older kernels took for x32's */
static int door_x32(char **argv)
{
	return attack_result(syscall(0x40000000L | attack_number(argv[0]),
		attack_number(argv[1]), 0, 0, 0, 0));
}

const struct attack attacks_door[] = {
	{ "door-32", door_32 },
	{ "door-x32", door_x32 },
	{ NULL, NULL },
};
