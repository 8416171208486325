/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* prctl(FAULT_MARK, 1) and (FAULT_MARK, 0), which the kernel refuses: calls in between count. */
#define FAULT_MARK 0x4e534641
