/* SPDX-License-Identifier: BSD-3-Clause */
/* What the host itself lacks, of that without which there is no box for anybody. */
#pragma once

#include "core/base/err.h"

/**
 * blame_host() - Whether a login failed for want of what the host must have
 * @e:	why it failed; where the host is to blame, that is put before it, with its cause
 *
 * Looks at the host and not at what failed: ERR_BY_KERNEL where the kernel lacks a system call, a
 * file system or namespaces that each box needs, ERR_BY_STATE where nothing can be written in
 * /run/nsshell. A file system that is full counts only where no user may write to it.
 *
 * Should:   run as root, outside of any box; only once a login has failed, as it takes a while
 */
void blame_host(struct err *e);
