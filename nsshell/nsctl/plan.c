/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl plan: the whole plan of a login, in words or JSON. Needs no privilege. */
#include "nsshell/nsctl/nsctl.h"

#include "config/config.h"
#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/harmless.h"
#include "core/base/paths.h"
#include "core/run/host/host_facts.h"
#include "core/run/host/rootfs_choice.h"
#include "core/run/cgroup/limits_published.h"
#include "core/run/network/number.h"
#include "core/run/cgroup/account_group.h"
#include "core/run/session/record.h"
#include "core/run/ids/subid.h"
#include "helpers/client/protocol.h"

#include <string.h>

/* Shown where no range is recorded yet: the first that subid_find() could give out. */
#define STANDIN_START 1879048192U

/* All that a plan is made from; cleared at once. */
struct materials {
	struct account account;
	struct config *config;
	struct policy policy;
	struct host host;
	struct subid subid;
	struct strlist before; /* limits of the account's running sessions */
	struct plan *plan;
};

static void materials_clear(struct materials *m)
{
	plan_free(m->plan);
	strlist_clear(&m->before);
	subid_clear(&m->subid);
	host_clear(&m->host);
	policy_clear(&m->policy);
	config_free(m->config);
	account_clear(&m->account);
}

/* Whether such a login is put in a box, in the order in which the helper decides it. */
static struct nsctl_verdict verdict_of(const struct materials *m, const char *service)
{
	if (m->account.uid == 0)
		return (struct nsctl_verdict){ .why = "root is never isolated" };
	if (policy_is_exempt(&m->account))
		return (struct nsctl_verdict){
			.why = "the account is a member of the break-glass group " POLICY_BREAK_GLASS_GROUP
		};
	if (m->policy.passed != PASSED_NOT)
		return (struct nsctl_verdict){
			.why = "[Default] isolates accounts from UID_MIN to UID_MAX of " PATH_LOGIN_DEFS
			       ", and this one has another uid: it takes a [User] or [Group]"
		};
	if (!m->policy.isolate)
		return (struct nsctl_verdict){
			.why = "the config says Isolate=no for the "
			       "account (see nsshell.conf(5))"
		};
	if (strcmp(service, PROTO_SERVICE_RUN) != 0 &&
		!strlist_has(&m->policy.services, service))
		return (struct nsctl_verdict){
			.why = "Services= of the config doesn't list "
			       "the service for the account"
		};
	return (struct nsctl_verdict){ .isolated = true,
		.why = "the config says Isolate=yes and lists the service" };
}

static int plan_build(
	struct materials *m, const char *service, struct nsctl_verdict *v, struct err *e)
{
	static const struct id_range standin = { STANDIN_START, 65536 };
	char said[CHOICE_TEXT];
	const struct plan_login login = { .id = "000000000000",
		.service = service,
		.rhost = "",
		.tty = "",
		.said = said };
	struct plan_input in = {
		.account = &m->account, .policy = &m->policy, .login = &login
	};
	char group[sizeof(((struct record *)0)->cgroup)];
	int none;

	if (rootfs_choose(&m->account, &m->policy, said, e) < 0)
		return -1;
	if (host_gather(&m->account, &m->policy, &m->host, e) < 0)
		return err_wrap(e, "look at the host");
	if (subid_find(&m->account, false, &m->subid, e) < 0)
		return err_wrap(e, "look for the account's subordinate ids");
	if (limits_now_read(m->account.uid, &m->before, e) < 0)
		return -1;
	if (number_find(&m->account, &m->policy, false, &in.number, e) < 0)
		return err_wrap(e, "look for the account's address");
	v->standin = m->subid.n_uids == 0 || m->subid.n_gids == 0;
	in.host = &m->host.facts;
	in.uid_ranges = v->standin ? &standin : m->subid.uids;
	in.n_uid_ranges = v->standin ? 1 : m->subid.n_uids;
	in.gid_ranges = v->standin ? &standin : m->subid.gids;
	in.n_gid_ranges = v->standin ? 1 : m->subid.n_gids;
	none = place_find(m->account.uid, group, sizeof(group), e);
	if (none < 0)
		return -1;
	if (!none)
		in.account_group = group;
	in.limits_before = &m->before;
	return plan_make(&in, &m->plan, e);
}

/* Gather all, up to the plan where there is one. Return: 0 or -1 with @e. */
static int materials_gather(struct materials *m, const char *user, const char *service,
	const char *config, struct nsctl_verdict *v, struct err *e)
{
	int r = account_read(user, &m->account, e);

	if (r > 0)
		(void)err_set(e, 0, "there is no account %s on this host", user);
	if (r != 0)
		return -1;
	/* The exempt ones stay so however broken the config is. */
	if (policy_is_exempt(&m->account)) {
		*v = verdict_of(m, service);
		return 0;
	}
	if (config_load(config, &m->config, e) < 0)
		return -1;
	if (config_policy(m->config, &m->account, &m->policy, e) < 0)
		return err_wrap(e,
			"the config doesn't hold for %s (\"nsctl check\" shows all)",
			user);
	if (nsctl_override(&m->account, &m->policy, e) < 0)
		return -1;
	*v = verdict_of(m, service);
	if (v->isolated && plan_build(m, service, v, e) < 0)
		return err_wrap(
			e, "a login of %s through %s would be refused", user, service);
	return 0;
}

int nsctl_plan_differs(const struct record *r, const char *config, struct err *e)
{
	_cleanup_(materials_clear) struct materials m = { 0 };
	struct nsctl_verdict v = { 0 };

	if (materials_gather(&m, r->user, r->service, config, &v, e) < 0)
		return -1;
	return !v.isolated || m.account.uid != r->uid ||
	       plan_rootfs_digest(m.plan) != r->rootfs ||
	       plan_rules_digest(m.plan) != r->rules;
}

/* A mount point's name is for who makes it to choose. Return: 0 or -1, without memory. */
static int print_harmless(const struct plan *p)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -1;
	plan_print(p, out);
	if (fclose(out) != 0)
		return -1;
	harmless_make(text, len);
	(void)fputs(text, stdout);
	return 0;
}

static int plan_in_words(
	const struct materials *m, const char *service, const struct nsctl_verdict *v)
{
	if (!v->isolated) {
		(void)printf("%s through %s: not isolated: %s.\n", m->account.name,
			service, v->why);
		return 0;
	}
	(void)printf("%s through %s: isolated: %s.\n", m->account.name, service, v->why);
	if (v->standin)
		(void)printf(
			"No subordinate id range is recorded for %s yet: the first login "
			"records one.\nThe outside ids from %u on below are a STAND-IN for "
			"it.\n",
			m->account.name, STANDIN_START);
	(void)putchar('\n');
	return print_harmless(m->plan);
}

int nsctl_plan(int argc, char **argv)
{
	_cleanup_(materials_clear) struct materials m = { 0 };
	const char *service = "sshd", *config = NULL, *user;
	struct nsctl_verdict v = { 0 };
	struct err e = { 0 };
	bool json = false;
	const struct nsctl_option options[] = {
		{ 's', "service", "NAME", "PAM service of the login (sshd)", NULL,
			&service },
		{ 'c', "config", "FILE", "read this nsshell.conf", NULL, &config },
		{ 'J', "json", NULL, "one JSON object", &json, NULL },
		{ 0 },
	};
	int first, r = nsctl_options(options, "USER", argc, argv, &first);

	if (r >= 0)
		return r;
	if (argc - first != 1)
		return nsctl_usage(argv[0], "takes one account's name");
	user = argv[first];
	if (materials_gather(&m, user, service, config, &v, &e) < 0)
		return nsctl_failed(argv[0], &e);
	if (!json) {
		r = plan_in_words(&m, service, &v);
	} else if (v.isolated) {
		r = nsctl_plan_json(m.plan, &v, stdout);
	} else {
		r = nsctl_verdict_json(m.account.name, service, &v, stdout);
	}
	if (r < 0) {
		(void)fprintf(stderr, "%s: no memory to print it\n", argv[0]);
		return NSCTL_FAILED;
	}
	return nsctl_flush(argv[0], NSCTL_OK);
}
