/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/whose.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/run/mount/imagestore.h"

#include <stdlib.h>
#include <string.h>

int whose_find(const char *word, struct whose *ret, struct err *e)
{
	int r = account_read(word, &ret->account, e);

	ret->session.id[0] = '\0';
	if (r <= 0)
		return r;
	ret->account = (struct account){ 0 };
	if (parse_u32(word, &ret->account.uid) == 0)
		return 0;
	if (!record_id_is_valid(word) || record_read_live(word, &ret->session, e) != 0)
		return err_set(e, 0, "there is no account and no session %.80s", word);
	r = account_read(ret->session.user, &ret->account, e);
	return r > 0 ? err_set(e, 0, "there is no account %s on this host",
			       ret->session.user)
		     : r;
}

/* ---- of an account ------------------------------------------------------------------ */

static const char *name_of(const struct whose *w)
{
	return w->account.name ? w->account.name : "who has that uid";
}

static bool is_over(const struct record *r, const char *image)
{
	char name[IMAGE_NAME_MAX], full[IMAGE_NAME_MAX], hex[IMAGE_HEX + 1];

	return !image || (imagename_parse(image, full) == 0 &&
				 image_text_parse(r->image, name, hex) == 0 &&
				 strcmp(name, full) == 0);
}

static int two(const struct whose *w, const char *a, const char *b, struct err *e)
{
	return err_set(e, 0,
		"%s has more than one session with Upper=tmpfs, %s and %s: say which instead of the account",
		name_of(w), a, b);
}

/* Which session has something in memory: one, or which it is must be said. */
static int add_live(const struct whose *w, const char *image, struct upper **all,
	size_t *n, struct err *e)
{
	_cleanup_free_ struct record *records = NULL;
	const struct record *found = NULL;
	size_t n_records, bad;

	if (record_list(&records, &n_records, &bad, e) < 0)
		return -1;
	for (size_t i = 0; i < n_records; i++) {
		const struct record *r = &records[i];

		if (r->uid != w->account.uid || r->upper == 0 || !is_over(r, image) ||
			record_is_alive(r->id, e) <= 0)
			continue;
		if (found)
			return two(w, found->id, r->id, e);
		found = r;
	}
	return found ? upper_list_live(found, all, n, e) : 0;
}

/* ---- of a session ------------------------------------------------------------------- */

/* With Upper=disk: what its account has over what that one lies over. */
static int of_its_account(
	const struct whose *w, struct upper **ret, size_t *ret_n, struct err *e)
{
	char name[IMAGE_NAME_MAX], hex[IMAGE_HEX + 1];
	bool image = image_text_parse(w->session.image, name, hex) == 0;
	size_t n = 0;

	if (upper_list(w->account.uid, image ? name : NULL, ret, ret_n, e) < 0)
		return -1;
	for (size_t i = 0; i < *ret_n; i++)
		if (image || !*(*ret)[i].image)
			(*ret)[n++] = (*ret)[i];
	*ret_n = n;
	return 0;
}

int whose_uppers(const struct whose *w, const char *image, struct upper **ret,
	size_t *ret_n, struct err *e)
{
	int r;

	*ret = NULL;
	*ret_n = 0;
	if (!*w->session.id) {
		r = upper_list(w->account.uid, image, ret, ret_n, e);
		return r < 0 ? -1 : add_live(w, image, ret, ret_n, e);
	}
	if (!is_over(&w->session, image))
		return err_set(e, 0, "session %s lies over %s", w->session.id,
			*w->session.image ? w->session.image : "the host's root");
	return w->session.upper != 0 ? upper_list_live(&w->session, ret, ret_n, e)
				     : of_its_account(w, ret, ret_n, e);
}

int whose_nothing(const struct whose *w, const char *image, struct err *e)
{
	if (*w->session.id)
		return err_set(e, 0, "session %s has written nothing that is kept",
			w->session.id);
	return err_set(e, 0,
		"%s has written nothing%s%s with Upper=disk, and has no session with Upper=tmpfs%s: what was "
		"written there goes with the session",
		name_of(w), image ? " over " : "", image ? image : "",
		image ? " over that" : "");
}
