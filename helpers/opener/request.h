/* SPDX-License-Identifier: BSD-3-Clause */
/* The first message that the helper takes. */
#pragma once

#include "helpers/client/protocol.h"

/**
 * request_take() - Receive and check a request
 * @q:		every text in it ends within its field afterwards
 * @terminal:	gets the fd that came along, the caller's to close; untouched where none came
 *
 * Return: 0, or -1 for what no module of this version sends.
 */
int request_take(int sock, struct proto_request *q, int *terminal);
