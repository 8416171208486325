/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a session without PAM: the helper does what it does for the module. */
#include "nsshell/door/door.h"

#include "core/base/cleanup.h"
#include "core/base/event.h"
#include "core/base/paths.h"
#include "helpers/client/client.h"
#include "helpers/client/session_id.h"

#include <grp.h>
#include <string.h>
#include <syslog.h>

/* Who it is, by the kernel's word. The helper goes by the name, and so that has to lead back to the uid. */
static int look_up(struct door *d, struct err *e)
{
	_cleanup_free_ char *name = NULL;
	const struct passwd *pw = (errno = 0, getpwuid(d->before.uid));

	if (!pw)
		return err_set(e, errno, "uid %u has no account", d->before.uid);
	name = strdup(pw->pw_name);
	if (!name)
		return err_set(e, ENOMEM, "look up uid %u", d->before.uid);
	pw = (errno = 0, getpwnam(name));
	if (!pw || pw->pw_uid != d->before.uid)
		return err_set(
			e, errno, "uid %u has no account of its own", d->before.uid);
	d->who = pw;
	return 0;
}

static bool is_exempt(const struct passwd *who)
{
	const struct group *gr;

	if (who->pw_uid == 0)
		return true;
	gr = getgrnam(POLICY_BREAK_GLASS_GROUP);
	for (char **member = gr ? gr->gr_mem : NULL; member && *member; member++)
		if (strcmp(*member, who->pw_name) == 0)
			return true;
	return gr && gr->gr_gid == who->pw_gid;
}

/* As the PAM module does when there is no helper to ask. */
static enum door_opened never_isolated(struct door *d, const struct err *why)
{
	if (d->reply.kind == PROTO_JOIN || !is_exempt(d->who))
		return DOOR_FAILS;
	event_log(LOG_ALERT,
		&(const struct event){ EVENT_EXEMPT, d->reply.id, d->who->pw_name },
		"nsshell-door: %s is let in although sessions can't be opened (root or member of %s): %s",
		d->who->pw_name, POLICY_BREAK_GLASS_GROUP, why->msg);
	return DOOR_UNBOXED;
}

enum door_opened door_open(struct door *d, struct err *e)
{
	session_id_make(d->reply.id);
	if (look_up(d, e) < 0)
		return DOOR_FAILS;
	if (client_open(PATH_HELPER, NULL, d->who->pw_name, PROTO_SERVICE_DOOR, &d->lease,
		    &d->reply, e) < 0)
		return never_isolated(d, e);
	return d->reply.kind == PROTO_JOIN ? DOOR_HOLDS : DOOR_UNBOXED;
}
