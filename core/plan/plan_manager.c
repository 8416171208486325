/* SPDX-License-Identifier: BSD-3-Clause */
/* UserManager=: systemd --user inside, in a part of the session's group that is the account's. */
#include "core/plan/planner.h"

static const char *why_not(const struct plan_host *host)
{
	if (host->image)
		return "the box is over an image, whose systemd isn't the host's";
	if (host->cgroup != PLAN_CGROUP_V2)
		return "needs cgroup v2, as only there a part of it can be handed to an account: "
		       "boot with systemd.unified_cgroup_hierarchy=1";
	if (!host->user_manager)
		return "this host has no /usr/lib/systemd/systemd: install systemd";
	return NULL;
}

void plan_manager(struct planner *b)
{
	const char *why = why_not(b->in->host);
	struct plan *p = b->p;
	struct plan_cgroup *c = &p->cgroup;

	p->user_manager = c->manager = "";
	if (!b->in->policy->user_manager)
		return;
	if (why) {
		planner_note(b,
			"UserManager=yes: %s; sessions have no user manager until then",
			why);
		return;
	}
	p->user_manager = planner_copy(b, b->in->host->user_manager);
	c->manager = planner_text(b, "%s/user", c->session);
	c->manager_uid = p->uid;
	c->manager_gid = p->gid;
}

/* sd_booted(3): without this directory it doesn't start. */
void plan_manager_ops(struct planner *b)
{
	if (*b->p->user_manager)
		plan_mount_point(b, "/run/systemd/system", PLAN_PATH_DIR);
}
