/* SPDX-License-Identifier: BSD-3-Clause */
/* How the kernel serves a process, which an exec doesn't reset. */
#pragma once

#include <sys/types.h>

/**
 * schedule_reset() - Be served as any process is, whatever the caller had chosen
 *
 * Policy, nice value, ioprio_set(2), CPUs (as far as the cgroup has them), where its memory is to come from
 * (set_mempolicy(2)), how soon it is taken when there is none left (oom_score_adj), and the timer slack of
 * PR_SET_TIMERSLACK(2const), with which a wait of 20 ms can last for hours. Children inherit it.
 * What can't be set, as for want of CAP_SYS_NICE, stays.
 */
void schedule_reset(void);

/**
 * schedule_like() - Be served as another process is, where that is no better
 *
 * Nice value, policies for what can wait, CPUs. What can't be set stays.
 */
void schedule_like(pid_t pid);
