/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PrivateTmp=account: the sessions of an account have one /tmp, /var/tmp, /dev/shm, /run/lock and
 * runtime directory. Nobody holds these file systems but the sessions themselves: a later one takes
 * clones of what is mounted in one that runs, and they go with the last.
 */
#pragma once

#include "core/run/mount/stage.h"
#include "helpers/supervisor/session.h"

/**
 * tmp_share() - Take the shared file systems from another session of the account, if one runs
 * @account_lock:	the account's lock
 * @stage:	the sources of the plan's shared ops get them; untouched where there is none to share
 *
 * Should:   run in the host's mount namespace, where the records are, and come back to it
 * Mustn't:  look anything up in the other's but mount points of its own, through no link; wait for
 *	     what a user can stop: the other one's processes aren't asked
 *
 * Return: 0 or -1 with @e: never a second /tmp beside one that may be there.
 */
int tmp_share(struct session *s, int account_lock, struct stage *stage, struct err *e);
