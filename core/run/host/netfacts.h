/* SPDX-License-Identifier: BSD-3-Clause */
/* What Network=private has to know of the host: plan_host.resolv and what follows it. */
#pragma once

#include "core/run/host/host_facts.h"

/* What can't be read isn't there. */
void netfacts_gather(struct host *h);

/* Whether links have IPv6 that are made from now on. */
bool netfacts_ipv6(void);
