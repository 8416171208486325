/* SPDX-License-Identifier: BSD-3-Clause */
/* The caller's cgroup, where somebody else than root may freeze it. */
#pragma once

/**
 * cgroup_flee() - Leave a group that others than root may freeze, for the root's
 *
 * systemd delegates groups to users (Delegate=, user managers), and admins do. A process that is
 * frozen in one while it has a lock keeps root waiting. Of cgroup v1 the freezer's hierarchy is meant.
 *
 * Should:   run before any lock is taken
 * Mustn't:  be called by who becomes somebody else later: that group's limits are left, too
 *
 * Where it can't be left, as in a container whose groups are read-only, it is stayed in.
 */
void cgroup_flee(void);
