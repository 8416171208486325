/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PAM service files, and nsctl's edits of them: "enable" then "disable" gives back what was
 * there, byte for byte. The first line that is "%%" divides the service's file from one that it
 * may include.
 */
#include "core/plan/pamstack.h"
#include "tests/fuzz/fuzz.h"

static void build(struct pamstack_dir *d, char *text)
{
	char *second = strstr(text, "\n%%\n");

	if (second) {
		second[1] = '\0';
		second += 4;
	}
	must(pamstack_add(d, "svc", "/etc/pam.d/svc", text, NULL) == 0);
	must(pamstack_add(d, "common-session", "/etc/pam.d/common-session",
		     second ? second : "", NULL) == 0);
}

/*
 * Whether a line of ours is there already. What an admin wrote by hand is left to be taken out by
 * hand, and where another service that enters a box can't be understood its gates are left.
 */
static bool has_module(const struct pamstack_dir *d)
{
	return strstr(d->files[0].text, PAMSTACK_MODULE) ||
	       strstr(d->files[1].text, PAMSTACK_MODULE);
}

static void there_and_back(struct pamstack_dir *d)
{
	char *before[2] = { strdup(d->files[0].text), strdup(d->files[1].text) };
	enum pamstack_result result;
	const char *by = NULL;
	struct err e = { 0 };
	bool ours = has_module(d);

	must(before[0] && before[1]);
	if (pamstack_enable(d, "svc", &result, &by, &e) < 0) {
		must(e.msg[0]);
		must(strcmp(d->files[0].text, before[0]) == 0);
	} else if (result == PAMSTACK_CHANGED && !ours) {
		must(pamstack_enable(d, "svc", &result, &by, &e) == 0);
		must(result != PAMSTACK_CHANGED);
		must(pamstack_disable(d, "svc", &result, &by, &e) == 0);
		must(strcmp(d->files[0].text, before[0]) == 0);
		must(strcmp(d->files[1].text, before[1]) == 0);
	} else {
		(void)pamstack_disable(d, "svc", &result, &by, &e);
	}
	free(before[0]);
	free(before[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct pamstack_flat flat = { 0 };
	struct pamstack_dir d = { 0 };
	struct err e = { 0 };

	build(&d, text);
	if (pamstack_flatten(&d, "svc", &flat, &e) == 0) {
		for (size_t i = 0; i < flat.n; i++) {
			(void)pamstack_gated(&flat, i);
			must(pamstack_bypass(&flat, i) <= i);
			must(pamstack_jump(&flat, i, 3) <= flat.n + 1);
		}
		pamstack_flat_clear(&flat);
	}
	there_and_back(&d);
	pamstack_clear(&d);
	free(text);
	return 0;
}
