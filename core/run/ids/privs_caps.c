/* SPDX-License-Identifier: BSD-3-Clause */
/* The capabilities of privs.h. */
#include "core/run/ids/privs.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/capability.h>

/* How many capabilities the kernel knows, as libcap found when it was loaded; -1 with errno where it knows the next one, too. */
static int count_caps(void)
{
	cap_value_t n = cap_max_bits();
	int more = cap_get_bound(n);

	if (more >= 0)
		errno = EBADMSG;
	return more < 0 && errno == EINVAL ? n : -1;
}

static int raise_cap(cap_t caps, cap_value_t c)
{
	if (cap_set_flag(caps, CAP_PERMITTED, 1, &c, CAP_SET) < 0)
		return -1;
	return cap_set_flag(caps, CAP_EFFECTIVE, 1, &c, CAP_SET);
}

int privs_drop_bound(uint64_t keep)
{
	int n = count_caps(), r = n > 0 ? 0 : -1;

	for (cap_value_t c = 0; r == 0 && c < n; c++)
		if (!(keep >> c & 1))
			r = cap_drop_bound(c);
	return r;
}

static bool is_bound(uint64_t keep)
{
	int n = count_caps();
	bool is = n > 0;

	for (cap_value_t c = 0; is && c < n; c++)
		is = keep >> c & 1 || cap_get_bound(c) == 0;
	return is;
}

int privs_keep_caps(uint64_t keep, struct err *e)
{
	if (privs_drop_bound(keep) < 0 || privs_drop_caps(keep) < 0)
		return err_set(e, errno, "drop capabilities");
	return is_bound(keep) ? 0
			      : err_set(e, EPERM, "prove that the capabilities are gone");
}

int privs_held(uint64_t *ret, struct err *e)
{
	cap_t caps = cap_get_proc();
	int n = caps ? count_caps() : -1;
	uint64_t held = 0;

	if (n < 0) {
		(void)err_set(e, errno, "look at the capabilities");
		(void)cap_free(caps);
		return -1;
	}
	for (cap_value_t c = 0; c < n; c++) {
		cap_flag_value_t have = CAP_CLEAR;

		if (cap_get_flag(caps, c, CAP_PERMITTED, &have) == 0 && have == CAP_SET)
			held |= 1ULL << c;
	}
	(void)cap_free(caps);
	*ret = held;
	return 0;
}

int privs_drop_caps(uint64_t keep)
{
	cap_t want = cap_init(), have = NULL;
	int r = want ? 0 : -1;

	/* One that this kernel has not nobody can have. */
	for (cap_value_t c = 0; r == 0 && c < cap_max_bits(); c++)
		if (keep >> c & 1)
			r = raise_cap(want, c);
	if (r == 0)
		r = cap_set_proc(want);
	if (r == 0)
		have = cap_get_proc();
	if (have && cap_compare(have, want) != 0)
		errno = EPERM;
	if (!have || cap_compare(have, want) != 0)
		r = -1;
	(void)cap_free(have);
	(void)cap_free(want);
	return r;
}

int privs_cap_mask(const char *const *names, size_t n, uint64_t *ret, struct err *e)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < n; i++) {
		cap_value_t c;

		if (cap_from_name(names[i], &c) < 0)
			return err_set(e, EINVAL, "capability %s", names[i]);
		mask |= 1ULL << c;
	}
	*ret = mask;
	return 0;
}
