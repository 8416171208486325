/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/account.h"
#include "core/base/parse.h"

int account_uid(const char *word, uid_t *ret, struct err *e)
{
	struct account a;
	int r = account_read(word, &a, e);

	if (r < 0)
		return -1;
	if (r > 0)
		return parse_u32(word, ret) == 0
			       ? 0
			       : err_set(e, 0, "there is no account %.80s on this host",
					 word);
	*ret = a.uid;
	account_clear(&a);
	return 0;
}
