/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-planner: reads the config and makes the plan of a login, for nsshell-helper, which starts it with
 * ids of its own, without a right, with a socket as fd 3. What it says is held against what that one knows: core/plan/plan_check.h.
 */
#include "config/config.h"
#include "core/base/cleanup.h"
#include "core/run/host/host_facts.h"
#include "helpers/planner/confine.h"
#include "helpers/planner/messages.h"
#include "helpers/planner/reach.h"

#include <string.h>

struct work {
	struct talk talk;
	union heard ask; /* kept: the account points into it */
	struct account account;
	struct policy policy;
	struct host host;
};

static int says(struct work *w, const struct verdict *v, struct err *e)
{
	return talk_say(&w->talk, MESSAGE_VERDICT, v, -1, e);
}

static int override(
	struct policy *policy, const char *const *lines, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (config_policy_set(policy, lines[i], e) < 0)
			return -1;
	return 0;
}

/* A directory service's people may well be meant, and no list of accounts names them. */
static bool is_passed(const struct policy *policy, const struct ask *ask)
{
	return policy->passed == PASSED_ABOVE && !ask->gate &&
	       strlist_has(&policy->services, ask->service);
}

static int judge(struct work *w, struct verdict *v, struct err *e)
{
	const struct ask *ask = &w->ask.ask;
	struct config *c;
	int r;

	if (config_load(ask->config, &c, e) < 0)
		return -1;
	r = config_policy(c, &w->account, &w->policy, e);
	config_free(c);
	if (r < 0)
		return -1;
	v->passed = is_passed(&w->policy, ask);
	if (override(&w->policy, ask->overrides, ask->n_overrides, e) < 0)
		return -1;
	v->shell = w->policy.shell ? w->policy.shell : "";
	v->kind = VERDICT_IGNORE;
	if (!w->policy.isolate ||
		(!ask->listed && !strlist_has(&w->policy.services, ask->service)))
		return 0;
	v->kind = ask->gate ? VERDICT_ISOLATED : VERDICT_OPEN;
	v->allow = w->policy.on_error == ON_ERROR_ALLOW;
	v->policy = w->policy;
	v->guests = w->policy.guests;
	v->n_guests = w->policy.n_guests;
	return 0;
}

/* Return: 1 where a plan is wanted; 0; -1 with @e. */
static int give_verdict(struct work *w, struct err *e)
{
	struct verdict v = { .kind = VERDICT_FAILED, .shell = "", .e.msg = "" };
	struct err why = { 0 };

	if (judge(w, &v, &why) < 0) {
		v.kind = VERDICT_FAILED;
		err_tell(&why, &v.e);
	}
	if (says(w, &v, e) < 0)
		return -1;
	return v.kind == VERDICT_OPEN;
}

static struct strlist list_of(const char **v, size_t n)
{
	return (struct strlist){ (char **)(uintptr_t)v, n };
}

static char *word(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* What the helper has looked up, beside what anybody may look at. */
static int make(struct work *w, const struct matters *m, struct plan **ret, struct err *e)
{
	const struct plan_image image = {
		.text = m->image_text,
		.lower = m->image_lower,
		.layers = (char *const *)(uintptr_t)m->image_layers,
		.n_layers = m->n_image_layers,
		.environment = (char *const *)(uintptr_t)m->image_environment,
		.n_environment = m->n_image_environment,
	};
	const struct strlist before = list_of(m->before, m->n_before);
	const struct plan_login login = {
		.id = m->id,
		.service = w->ask.ask.service,
		.rhost = m->rhost,
		.tty = m->tty,
		.tmpdir = m->tmpdir,
		.ticket = m->ticket,
		.said = m->said,
	};
	const struct plan_input in = {
		.account = &w->account,
		.policy = &w->policy,
		.login = &login,
		.host = &w->host.facts,
		.uid_ranges = m->uids,
		.n_uid_ranges = m->n_uids,
		.gid_ranges = m->gids,
		.n_gid_ranges = m->n_gids,
		.account_group = m->group,
		.limits_before = &before,
		.number = m->number,
	};

	w->account.home = word(m->home);
	w->account.shell = word(m->shell);
	w->host.facts.paths = m->paths;
	w->host.facts.n_paths = m->n_paths;
	w->host.facts.image = m->image_text ? &image : NULL;
	return plan_make(&in, ret, e);
}

/* As it may have been chosen otherwise. */
static int take_image(struct policy *policy, const char *image, struct err *e)
{
	free(policy->image);
	policy->image = image ? strdup(image) : NULL;
	return image && !policy->image ? err_set(e, ENOMEM, "make the plan") : 0;
}

static int plan(struct work *w, struct plan **ret, struct err *e)
{
	const struct matters *m;

	/* While the helper looks. */
	if (host_world(&w->policy, &reach_eyes, &w->host, e) < 0 ||
		reach_matters(&m, e) < 0 || take_image(&w->policy, m->image, e) < 0)
		return -1;
	return make(w, m, ret, e);
}

static int give_plan(struct work *w, struct err *e)
{
	struct plan *p = NULL;
	struct err_told why;
	struct err first;

	if (plan(w, &p, &first) == 0 &&
		talk_say(&w->talk, MESSAGE_PLAN, p, -1, &first) == 0)
		return 0;
	err_tell(&first, &why);
	return talk_say(&w->talk, MESSAGE_FAILED, &why, -1, e);
}

static int serve(struct work *w, struct err *e)
{
	static struct people people;
	int fd, r = talk_hear(&w->talk, &w->ask, &fd, e);

	if (r != MESSAGE_ASK ||
		account_hear(&w->ask.ask.account, &w->talk.arena, &w->account) < 0)
		return -1;
	people = (struct people){ w->ask.ask.people_min, w->ask.ask.people_max };
	reach_begin(&w->talk, &people);
	r = give_verdict(w, e);
	return r > 0 ? give_plan(w, e) : r;
}

/* Memory is left to the end of the process. */
int main(void)
{
	static struct work w = { .talk = { .sock = PLANNER_FD, .patience_ms = -1 } };
	struct err e = { 0 };

	if (confine(&e) < 0) {
		const struct verdict v = { .kind = VERDICT_FAILED,
			.shell = "",
			.e = { (uint32_t)e.num, ERR_BY_ANYONE, e.msg } };

		(void)says(&w, &v, &e);
		_exit(1);
	}
	_exit(serve(&w, &e) < 0);
}
