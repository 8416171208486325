/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/make_plan.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/event.h"
#include "core/base/harmless.h"
#include "core/base/paths.h"
#include "core/base/people.h"
#include "core/plan/plan_check.h"
#include "core/run/cgroup/account_group.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/cgroup/limits_published.h"
#include "core/run/host/host_facts.h"
#include "core/run/host/machine.h"
#include "core/run/host/netfacts.h"
#include "core/run/host/rootfs_choice.h"
#include "core/run/ids/subid.h"
#include "core/run/network/number.h"
#include "core/run/session/record.h"
#include "core/run/terminal/tty.h"
#include "helpers/opener/planning.h"

#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

/* One login's, until it is decided. */
struct deciding {
	const struct proto_request *q;
	const char *config;
	int planner, terminal;
	const struct account *account;
	struct people people;
	struct planning planning;
	bool started;
	struct err why; /* it wasn't */
	struct strlist overrides;
	struct verdict verdict;
	struct host host;
	struct subid subid;
	struct strlist before;
	char group[sizeof(((struct record *)0)->cgroup)];
	char tty[sizeof(((struct proto_request *)0)->tty) + sizeof("/dev/")];
	char said[CHOICE_TEXT];
};

/* ---- what the config says ---------------------------------------------------------------- */

static int start(struct deciding *d, struct err *e)
{
	if (!d->started)
		(void)planning_start(d->planner, d->config, &d->planning, &d->why);
	d->started = true;
	*e = d->why;
	return d->planning.pid > 0 ? 0 : -1;
}

static int ask(struct deciding *d, struct err *e)
{
	/* A user may have a say in these: not before the verdict. */
	struct account bare = *d->account;
	struct ask a = {
		.config = d->config,
		.service = d->q->service,
		.listed = strcmp(d->q->service, PROTO_SERVICE_RUN) == 0,
		.gate = d->q->kind == PROTO_GATE,
		.people_min = d->people.min,
		.people_max = d->people.max,
		.overrides = (const char **)(uintptr_t)d->overrides.v,
		.n_overrides = d->overrides.n,
	};

	bare.home = bare.shell = NULL;
	if (account_tell(&bare, &d->planning.talk.arena, &a.account) < 0)
		return err_set(e, ENOMEM, "ask for the plan");
	return talk_say(&d->planning.talk, MESSAGE_ASK, &a, -1, e);
}

/* The planner is untrusted, and its errors may quote what users wrote: for the log they are made one line. */
static int hear_error(const struct err_told *told, struct err *e)
{
	(void)err_hear(told, e);
	harmless_line(e->msg);
	return -1;
}

static void tell_passed(const struct deciding *d)
{
	if (d->verdict.passed)
		event_log(LOG_WARNING,
			&(const struct event){
				EVENT_UNBOXED, d->q->id, d->account->name },
			"session %s: login of %s is NOT ISOLATED: [Default] means uids from %u to "
			"%u, UID_MIN and UID_MAX of " PATH_LOGIN_DEFS
			", and this is %u: name it in a [User] or [Group]",
			d->q->id, d->account->name, d->people.min, d->people.max,
			d->account->uid);
}

static int take_verdict(struct deciding *d, struct err *e)
{
	union heard *heard = calloc(1, sizeof(*heard));
	int kind, r;

	if (!heard)
		return err_set(e, ENOMEM, "make the plan");
	r = planning_await(
		&d->planning, MESSAGE_VERDICT, MESSAGE_VERDICT, &kind, heard, e);
	if (r == 0)
		d->verdict = heard->verdict;
	free(heard);
	return r;
}

/* ---- what takes rights to know ---------------------------------------------------------- */

static int look(struct deciding *d, struct matters *ret, struct err *e)
{
	const struct account *a = d->account;
	struct policy *policy = &d->verdict.policy;
	int none;

	if (tty_identify(d->terminal, d->q->tty, d->tty, sizeof(d->tty), e) < 0)
		return -1;
	/* What isn't there isn't hidden, and this session may be the one that makes it. A host
	 * where it can't be made has none of it to hide. */
	(void)mkdir(PATH_STATE, 0700);
	if (rootfs_choose(a, policy, d->said, e) < 0)
		return -1;
	if (*d->said)
		event_log(LOG_NOTICE,
			&(const struct event){ EVENT_NOTE, d->q->id, a->name },
			"session %s: %s is told: %s", d->q->id, a->name, d->said);
	if (host_account(a, policy, &d->host, e) < 0)
		return -1;
	none = place_find(a->uid, d->group, sizeof(d->group), e);
	if (none < 0 || limits_now_read(a->uid, &d->before, e) < 0 ||
		number_find(a, policy, true, &ret->number, e) < 0 ||
		subid_find(a, true, &d->subid, e) < 0)
		return -1;
	ret->group = none ? NULL : d->group;
	return 0;
}

static const char **texts(const struct strlist *l)
{
	return (const char **)(uintptr_t)l->v;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static void tell(const struct deciding *d, struct matters *m)
{
	const struct plan_host *f = &d->host.facts;

	m->home = text(d->account->home);
	m->shell = text(d->account->shell);
	m->id = d->q->id;
	m->rhost = d->q->rhost;
	m->tty = d->tty;
	m->tmpdir = d->q->tmpdir;
	m->ticket = d->q->ticket;
	m->said = d->said;
	m->image = d->verdict.policy.image;
	m->paths = f->paths;
	m->n_paths = f->n_paths;
	m->image_text = f->image ? f->image->text : NULL;
	m->image_lower = f->image ? f->image->lower : NULL;
	m->image_layers = texts(&d->host.found.layers);
	m->n_image_layers = d->host.found.layers.n;
	m->image_environment = texts(&d->host.found.environment);
	m->n_image_environment = d->host.found.environment.n;
	m->uids = d->subid.uids;
	m->n_uids = d->subid.n_uids;
	m->gids = d->subid.gids;
	m->n_gids = d->subid.n_gids;
	m->before = texts(&d->before);
	m->n_before = d->before.n;
}

/* ---- the plan ---------------------------------------------------------------------------- */

static int hold_against(
	struct deciding *d, const struct matters *m, const struct plan *p, struct err *e)
{
	const struct plan_login login = { .id = m->id,
		.service = d->q->service,
		.rhost = m->rhost,
		.tty = m->tty,
		.tmpdir = m->tmpdir,
		.ticket = m->ticket,
		.said = m->said };
	struct plan_host facts;
	const struct plan_input in = {
		.account = d->account,
		.policy = &d->verdict.policy,
		.login = &login,
		.host = &facts,
		.uid_ranges = m->uids,
		.n_uid_ranges = m->n_uids,
		.gid_ranges = m->gids,
		.n_gid_ranges = m->n_gids,
		.account_group = m->group,
		.number = m->number,
	};

	if (policy_has_address(&d->verdict.policy))
		netfacts_gather(&d->host);
	facts = d->host.facts;
	facts.systemd = access(PATH_SYSTEMD, F_OK) == 0;
	facts.memory = machine_memory();
	facts.tasks = machine_tasks();
	return plan_check(p, &in, d->verdict.guests, d->verdict.n_guests, e);
}

/* The plan has what it came as for its own from here on. */
static int keep(
	struct deciding *d, const struct plan *from, struct plan **ret, struct err *e)
{
	struct plan *p = malloc(sizeof(*p));

	if (!p)
		return err_set(e, ENOMEM, "make the plan");
	*p = *from;
	for (size_t i = 0; i < p->n_notes; i++)
		harmless_line((char *)(uintptr_t)p->notes[i]);
	p->arena = d->planning.talk.arena;
	d->planning.talk.arena = (struct arena){ 0 };
	*ret = p;
	return 0;
}

static int take_plan(
	struct deciding *d, const struct matters *m, struct plan **ret, struct err *e)
{
	union heard *heard = calloc(1, sizeof(*heard));
	int kind = 0, r;

	if (!heard)
		return err_set(e, ENOMEM, "make the plan");
	r = planning_await(&d->planning, MESSAGE_PLAN, MESSAGE_FAILED, &kind, heard, e);
	if (r == 0 && kind == MESSAGE_FAILED)
		r = hear_error(&heard->failed, e);
	if (r == 0)
		r = hold_against(d, m, &heard->plan, e);
	if (r == 0)
		r = keep(d, &heard->plan, ret, e);
	free(heard);
	return r;
}

static int make_plan(struct deciding *d, struct plan **ret, struct err *e)
{
	struct matters m = { 0 };
	int r = look(d, &m, e);

	if (r == 0) {
		tell(d, &m);
		r = talk_say(&d->planning.talk, MESSAGE_MATTERS, &m, -1, e);
	}
	if (r == 0)
		r = take_plan(d, &m, ret, e);
	return r;
}

static enum decision follow(struct deciding *d, struct decided *ret, struct err *e)
{
	const struct verdict *v = &d->verdict;

	tell_passed(d);
	if (v->kind != VERDICT_FAILED)
		(void)snprintf(ret->shell, sizeof(ret->shell), "%s", v->shell);
	switch (v->kind) {
	case VERDICT_IGNORE:
		return DECIDE_IGNORE;
	case VERDICT_ISOLATED:
		return DECIDE_ISOLATED;
	case VERDICT_OPEN:
		ret->allow = v->allow;
		return make_plan(d, &ret->plan, e) < 0 ? DECIDE_FAILED : DECIDE_OPEN;
	case VERDICT_FAILED:
		break;
	}
	(void)hear_error(&v->e, e);
	return DECIDE_FAILED;
}

static pid_t clear(struct deciding *d)
{
	strlist_clear(&d->overrides);
	strlist_clear(&d->before);
	d->verdict.policy.commands = (struct command_list){ 0 };
	policy_clear(&d->verdict.policy);
	subid_clear(&d->subid);
	host_clear(&d->host);
	return planning_end(&d->planning);
}

static enum decision decide_account(
	struct deciding *d, struct decided *ret, struct err *e)
{
	const struct account *a = d->account;
	enum decision what = DECIDE_FAILED;

	if (policy_is_exempt(a))
		return DECIDE_IGNORE;
	people_read(&d->people);
	/* What nsctl set says as long as the account has sessions. */
	if (override_read(a->uid, a->name, &d->overrides, e) == 0 && start(d, e) == 0 &&
		ask(d, e) == 0 && take_verdict(d, e) == 0)
		what = follow(d, ret, e);
	return what;
}

enum decision decide(const struct proto_request *q, const char *config, int planner,
	int terminal, struct decided *ret, struct err *e)
{
	struct account a;
	struct deciding d = { .q = q,
		.config = config,
		.planner = planner,
		.terminal = terminal,
		.account = &a,
		.planning = PLANNING_NONE };
	enum decision what = DECIDE_FAILED;
	int r;

	*ret = (struct decided){ .uid = (uid_t)-1 };
	/* It gets ready while NSS is asked, which takes as long; for root nobody has a plan. */
	if (strcmp(q->user, "root") != 0)
		(void)start(&d, e);
	r = account_read(q->user, &a, e);
	if (r > 0)
		(void)err_set(e, 0, "there is no account \"%s\"", q->user);
	if (r == 0) {
		ret->uid = a.uid;
		what = decide_account(&d, ret, e);
		account_clear(&a);
	}
	ret->dying = clear(&d);
	return what;
}
