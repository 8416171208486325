/* SPDX-License-Identifier: BSD-3-Clause */
/* Who to be inside. */
#include "nsshell/nsjoin.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/plan/idmap.h"
#include "core/run/privs.h"

#include <string.h>

/* With --force, root of the box gets what a login program has, and no more. */
static const char *const forced_caps[] = { "cap_chown", "cap_dac_override", "cap_fowner",
	"cap_kill", "cap_setgid", "cap_setuid" };

static int copy_account(const struct account *a, struct nsjoin_person *ret, struct err *e)
{
	ret->ids.uid = a->uid;
	ret->ids.gid = a->gid;
	for (size_t i = 0; i < a->n_groups && i < ENTER_GROUPS_MAX; i++)
		ret->ids.groups[ret->ids.n_groups++] = a->groups[i];
	ret->name = strdup(a->name);
	ret->home = strdup(a->home[0] == '/' ? a->home : "/");
	ret->shell = strdup(a->shell);
	return ret->name && ret->home && ret->shell
		       ? 0
		       : err_set(e, ENOMEM, "look up %s", a->name);
}

/* A uid that the host has no name for, or that is meant as a number. */
static int plain_uid(uid_t uid, struct nsjoin_person *ret, struct err *e)
{
	ret->ids.uid = uid;
	ret->ids.gid = uid;
	ret->home = strdup("/");
	ret->shell = strdup("/bin/sh");
	if (asprintf(&ret->name, "%u", uid) < 0)
		ret->name = NULL;
	return ret->name && ret->home && ret->shell ? 0
						    : err_set(e, ENOMEM, "be %u", uid);
}

static int look_up(const char *name, struct nsjoin_person *ret, struct err *e)
{
	struct account a;
	uint32_t uid;
	int r = account_read(name, &a, e);

	if (r > 0 && parse_u32(name, &uid) == 0)
		return plain_uid(uid, ret, e);
	if (r > 0)
		return err_set(e, 0,
			"there is no account \"%s\" on the host; who exists only in the box is "
			"given by uid",
			name);
	if (r < 0)
		return -1;
	r = copy_account(&a, ret, e);
	account_clear(&a);
	return r;
}

static int allow_root(const struct nsjoin_request *q, const struct record *r,
	struct nsjoin_person *p, struct err *e)
{
	if (p->ids.uid != 0)
		return 0;
	p->ids.n_groups = 0;
	p->ids.gid = 0;
	p->ids.caps = UINT64_MAX;
	if (!r->no_new_privs)
		return 0;
	if (!q->force)
		return err_set(e, 0,
			"the box of %s has no root for its user (Root=no); say --force to be it "
			"nevertheless",
			r->user);
	return privs_cap_mask(
		forced_caps, sizeof(forced_caps) / sizeof(*forced_caps), &p->ids.caps, e);
}

static int fit(const struct record *r, const struct find_held *held,
	struct nsjoin_person *p, struct err *e)
{
	char uids[IDMAP_TEXT_MAX * 4], gids[IDMAP_TEXT_MAX * 4];

	if (io_read_text(held->proc, "uid_map", uids, sizeof(uids)) < 0 ||
		io_read_text(held->proc, "gid_map", gids, sizeof(gids)) < 0)
		return err_set(e, errno, "read the id maps of session %s", r->id);
	if (!enter_map_has(uids, p->ids.uid) || !enter_map_has(gids, p->ids.gid))
		return err_set(e, 0, "the box of %s has no uid %u or no gid %u", r->user,
			p->ids.uid, p->ids.gid);
	enter_keep_mapped(gids, &p->ids);
	p->ids.no_new_privs = r->no_new_privs;
	return 0;
}

static int decide(const struct nsjoin_request *q, const struct record *r,
	const struct find_held *held, struct nsjoin_person *p, struct err *e)
{
	if (look_up(q->root ? "root" : q->as ? q->as : r->user, p, e) < 0)
		return -1;
	if (!q->root && !q->as && p->ids.uid != r->uid)
		return err_set(e, 0,
			"account %s has another uid than when session %s began: refused",
			r->user, r->id);
	return allow_root(q, r, p, e) < 0 ? -1 : fit(r, held, p, e);
}

int nsjoin_person(const struct nsjoin_request *q, const struct record *r,
	const struct find_held *held, struct nsjoin_person *ret, struct err *e)
{
	*ret = (struct nsjoin_person){ 0 };
	if (decide(q, r, held, ret, e) == 0)
		return 0;
	nsjoin_person_clear(ret);
	return -1;
}

void nsjoin_person_clear(struct nsjoin_person *p)
{
	free(p->name);
	free(p->home);
	free(p->shell);
	p->name = p->home = p->shell = NULL;
}
