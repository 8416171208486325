/* SPDX-License-Identifier: BSD-3-Clause */
/* From where a traced process makes a system call. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/**
 * site_of() - a number for the place in the programs' text from which a call is made.
 * @pid: a stopped, traced process
 * @ip: where its system call is
 * @sp: its stack pointer
 *
 * The same for each call that comes from the same instruction by way of the same callers, in every run and
 * whatever address things are mapped at. What an earlier function has left on the stack may tell two calls apart
 * that come from the same place; it never makes one of two.
 *
 * Return: the number; 0 where the process can't be read.
 */
uint64_t site_of(pid_t pid, uint64_t ip, uint64_t sp);
