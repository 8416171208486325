/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixture for each story, made before and freed after it. */
#pragma once

#include "tests/unit/plan_input.h"

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plan_free(f.plan);
	f.plan = NULL;
	return 0;
}
