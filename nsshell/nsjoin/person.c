/* SPDX-License-Identifier: BSD-3-Clause */
/* Who to be inside. */
#include "nsshell/nsjoin/nsjoin.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/plan/idmap.h"
#include "core/run/ids/privs.h"

#include <pwd.h>
#include <string.h>

/* With --force, root of the box gets what a login program has, and no more. */
static const char *const forced_caps[] = { "cap_chown", "cap_dac_override", "cap_fowner",
	"cap_kill", "cap_setgid", "cap_setuid" };

static int keep_strings(const char *name, const char *home, const char *shell,
	struct nsjoin_person *ret, struct err *e)
{
	ret->name = strdup(name);
	ret->home = strdup(home && home[0] == '/' ? home : "/");
	ret->shell = strdup(shell && *shell ? shell : "/bin/sh");
	return ret->name && ret->home && ret->shell
		       ? 0
		       : err_set(e, ENOMEM, "look up %s", name);
}

/* The session's own user: all that is asked of NSS is the passwd entry. */
static int own_user(const struct record *r, const char *gid_map,
	struct nsjoin_person *ret, struct err *e)
{
	const struct passwd *pw = getpwnam(r->user);

	if (!pw || pw->pw_uid != r->uid)
		return err_set(e, 0,
			"account %s isn't what it was when session %s began: refused",
			r->user, r->id);
	ret->ids.uid = pw->pw_uid;
	ret->ids.gid = pw->pw_gid;
	enter_own_groups(gid_map, &ret->ids);
	return keep_strings(pw->pw_name, pw->pw_dir, pw->pw_shell, ret, e);
}

static int copy_account(const struct account *a, struct nsjoin_person *ret, struct err *e)
{
	ret->ids.uid = a->uid;
	ret->ids.gid = a->gid;
	for (size_t i = 0; i < a->n_groups && i < ENTER_GROUPS_MAX; i++)
		ret->ids.groups[ret->ids.n_groups++] = a->groups[i];
	return keep_strings(a->name, a->home, a->shell, ret, e);
}

/* A uid that the host has no name for, or that is meant as a number. */
static int plain_uid(uid_t uid, struct nsjoin_person *ret, struct err *e)
{
	char name[16];

	ret->ids.uid = uid;
	ret->ids.gid = uid;
	(void)snprintf(name, sizeof(name), "%u", uid);
	return keep_strings(name, NULL, NULL, ret, e);
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

/* The session's id maps, as the kernel has them. */
struct maps {
	char uids[IDMAP_TEXT_MAX * 4], gids[IDMAP_TEXT_MAX * 4];
};

static int read_maps(const struct record *r, const struct find_held *held,
	struct maps *ret, struct err *e)
{
	if (io_read_text(held->proc, "uid_map", ret->uids, sizeof(ret->uids)) < 0 ||
		io_read_text(held->proc, "gid_map", ret->gids, sizeof(ret->gids)) < 0)
		return err_set(e, errno, "read the id maps of session %s", r->id);
	return 0;
}

static int fit(const struct record *r, const struct maps *maps, struct nsjoin_person *p,
	struct err *e)
{
	if (!enter_map_has(maps->uids, p->ids.uid) ||
		!enter_map_has(maps->gids, p->ids.gid))
		return err_set(e, 0, "the box of %s has no uid %u or no gid %u", r->user,
			p->ids.uid, p->ids.gid);
	enter_keep_mapped(maps->gids, &p->ids);
	return 0;
}

static int decide(const struct nsjoin_request *q, const struct record *r,
	const struct find_held *held, struct nsjoin_person *p, struct err *e)
{
	struct maps maps;
	int found;

	if (read_maps(r, held, &maps, e) < 0)
		return -1;
	if (q->root || q->as)
		found = look_up(q->root ? "root" : q->as, p, e);
	else
		found = own_user(r, maps.gids, p, e);
	p->ids.no_new_privs = r->no_new_privs;
	if (found < 0 || enter_caps(&p->ids, e) < 0 || allow_root(q, r, p, e) < 0)
		return -1;
	/* Not scoped, whatever the logins are: to a stranger to it, Landlock shows no process of the
	 * session in full (ptrace(2)), and that is what admins come for. */
	return fit(r, &maps, p, e);
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
