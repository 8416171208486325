/* SPDX-License-Identifier: BSD-3-Clause */
/* Session ids: made by the PAM module, so that its log line has one whatever happens next. */
#pragma once

#include "core/plan/plan.h"

#include <stdbool.h>

/* A new one, from getrandom(2). */
void session_id_make(char id[PLAN_ID_LEN + 1]);
bool session_id_is_valid(const char *id);
