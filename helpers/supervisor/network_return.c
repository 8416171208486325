/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/network/number.h"
#include "helpers/supervisor/network.h"

void network_return(const struct plan *plan)
{
	if (plan->network.kind == NETWORK_PRIVATE && !plan->network.share)
		number_return(plan->network.number);
}
