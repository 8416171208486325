/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan, and what it is made of, between nsshell-planner and nsshell-helper: a table a struct, wire.h. A new
 * member takes a row; which of its values the helper believes is for plan_check.h to say.
 */
#pragma once

#include "core/base/wire.h"
#include "core/plan/plan.h"

extern const struct wire_record plan_wire;
extern const struct wire_record plan_wire_command; /* struct command */
/* The parts of it, for who tests the tables; NULL at the end. */
extern const struct wire_record *const plan_wires[];
