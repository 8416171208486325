/* SPDX-License-Identifier: BSD-3-Clause */
/* How the kernel serves a process, which an exec doesn't reset. */
#pragma once

#include <sys/types.h>

/**
 * schedule_reset() - Be served as any process is, whatever the caller had chosen
 *
 * Policy, nice value, ioprio_set(2), CPUs (as far as the cgroup has them), and the timer slack of
 * PR_SET_TIMERSLACK(2const), with which a wait of 20 ms can last for hours. Children inherit it.
 * What can't be set, as for want of CAP_SYS_NICE, stays.
 */
void schedule_reset(void);

/**
 * schedule_take() - Run on the CPUs of another process, and no sooner than it does
 *
 * Its niceness where that is greater than ours, its policy where that is batch or idle, sched(7). Nothing of
 * one that is gone.
 */
void schedule_take(pid_t pid);
