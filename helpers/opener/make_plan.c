/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/make_plan.h"

#include "config/config.h"
#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/run/host/host_facts.h"
#include "core/run/host/rootfs_choice.h"
#include "core/run/cgroup/limits_published.h"
#include "core/run/network/number.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/cgroup/account_group.h"
#include "core/run/session/record.h"
#include "core/run/ids/subid.h"
#include "core/run/terminal/tty.h"

#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

static int plan_with(const struct account *a, const struct policy *policy,
	const struct plan_login *login, const struct host *host, struct plan **ret,
	struct err *e)
{
	_cleanup_(strlist_clear) struct strlist before = { 0 };
	char group[sizeof(((struct record *)0)->cgroup)];
	struct subid s;
	uint32_t number;
	int none = place_find(a->uid, group, sizeof(group), e), r;

	if (none < 0 || limits_now_read(a->uid, &before, e) < 0 ||
		number_find(a, policy, true, &number, e) < 0 ||
		subid_find(a, true, &s, e) < 0)
		return -1;
	const struct plan_input in = {
		.account = a,
		.policy = policy,
		.login = login,
		.host = &host->facts,
		.uid_ranges = s.uids,
		.n_uid_ranges = s.n_uids,
		.gid_ranges = s.gids,
		.n_gid_ranges = s.n_gids,
		.account_group = none ? NULL : group,
		.limits_before = &before,
		.number = number,
	};
	r = plan_make(&in, ret, e);
	subid_clear(&s);
	return r;
}

static int make_plan(const struct account *a, struct policy *policy,
	const struct proto_request *q, int terminal, struct plan **ret, struct err *e)
{
	char tty[sizeof(q->tty) + sizeof("/dev/")], said[CHOICE_TEXT];
	const struct plan_login login = {
		.id = q->id,
		.service = q->service,
		.rhost = q->rhost,
		.tty = tty,
		.tmpdir = q->tmpdir,
		.ticket = q->ticket,
		.said = said,
	};
	struct host host;
	int r;

	if (tty_identify(terminal, q->tty, tty, sizeof(tty), e) < 0)
		return -1;
	/* What isn't there isn't hidden, and this session may be the one that makes it. A host
	 * where it can't be made has none of it to hide. */
	(void)mkdir(PATH_STATE, 0700);
	if (rootfs_choose(a, policy, said, e) < 0)
		return -1;
	if (*said)
		syslog(LOG_NOTICE, "session %s: %s is told: %s", q->id, a->name, said);
	if (host_gather(a, policy, &host, e) < 0)
		return -1;
	r = plan_with(a, policy, &login, &host, ret, e);
	host_clear(&host);
	return r;
}

/* A directory service's people may well be meant, and no list of accounts names them. */
static void tell_passed(const struct account *a, const struct policy *policy,
	const struct people *people, const struct proto_request *q)
{
	if (policy->passed == PASSED_ABOVE && q->kind == PROTO_OPEN &&
		strlist_has(&policy->services, q->service))
		syslog(LOG_WARNING,
			"session %s: login of %s is NOT ISOLATED: [Default] means uids from %u to "
			"%u, UID_MIN and UID_MAX of " PATH_LOGIN_DEFS
			", and this is %u: name it in a [User] or [Group]",
			q->id, a->name, people->min, people->max, a->uid);
}

static enum decision follow_policy(const struct account *a, struct policy *policy,
	const struct proto_request *q, int terminal, struct decided *ret, struct err *e)
{
	if (policy->shell)
		(void)snprintf(ret->shell, sizeof(ret->shell), "%s", policy->shell);
	if (!policy->isolate || (strcmp(q->service, PROTO_SERVICE_RUN) != 0 &&
					!strlist_has(&policy->services, q->service)))
		return DECIDE_IGNORE;
	if (q->kind == PROTO_GATE)
		return DECIDE_ISOLATED;
	ret->allow = policy->on_error == ON_ERROR_ALLOW;
	return make_plan(a, policy, q, terminal, &ret->plan, e) < 0 ? DECIDE_FAILED
								    : DECIDE_OPEN;
}

/* What nsctl set says as long as the account has sessions. */
static int override_policy(const struct account *a, struct policy *policy, struct err *e)
{
	struct strlist lines = { 0 };
	int r = override_read(a->uid, a->name, &lines, e);

	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = config_policy_set(policy, lines.v[i], e);
	strlist_clear(&lines);
	return r;
}

static enum decision decide_account(const struct account *a,
	const struct proto_request *q, const char *config, int terminal,
	struct decided *ret, struct err *e)
{
	enum decision d = DECIDE_FAILED;
	struct policy policy;
	struct config *c;

	if (policy_is_exempt(a))
		return DECIDE_IGNORE;
	if (config_load(config, &c, e) < 0)
		return DECIDE_FAILED;
	if (config_policy(c, a, &policy, e) == 0) {
		if (override_policy(a, &policy, e) == 0)
			d = follow_policy(a, &policy, q, terminal, ret, e);
		tell_passed(a, &policy, config_people(c), q);
		policy_clear(&policy);
	}
	config_free(c);
	return d;
}

enum decision decide(const struct proto_request *q, const char *config, int terminal,
	struct decided *ret, struct err *e)
{
	struct account a;
	enum decision d;
	int r = account_read(q->user, &a, e);

	*ret = (struct decided){ .uid = (uid_t)-1 };
	if (r > 0)
		(void)err_set(e, 0, "there is no account \"%s\"", q->user);
	if (r != 0)
		return DECIDE_FAILED;
	ret->uid = a.uid;
	d = decide_account(&a, q, config, terminal, ret, e);
	account_clear(&a);
	return d;
}
