/* SPDX-License-Identifier: BSD-3-Clause */
/* The only object that is built anew for a new commit. */
#include "nsshell/nsctl/nsctl.h"

#ifndef VERSION
#define VERSION "unknown"
#endif
#ifndef COMMIT
#define COMMIT "unknown"
#endif

const char nsctl_version[] = "nsctl (nsshell) " VERSION ", commit " COMMIT;
