/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening a session without PAM: the helper does what it does for the module. */
#include "nsshell/door/door.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "helpers/client/client.h"
#include "helpers/client/session_id.h"

#include <pwd.h>
#include <string.h>
#include <syslog.h>

/* Who it is, by the kernel's word. */
static int look_up(struct door *d, struct err *e)
{
	const struct passwd *pw;
	int r;

	errno = 0;
	pw = getpwuid(d->before.uid);
	if (!pw)
		return err_set(e, errno, "uid %u has no account", d->before.uid);
	r = account_read(pw->pw_name, &d->account, e);
	if (r == 0 && d->account.uid == d->before.uid)
		return 0;
	return r < 0 ? -1
		     : err_set(e, 0, "uid %u has no account of its own", d->before.uid);
}

/* As the PAM module does when there is no helper to ask. */
static enum door_opened never_isolated(struct door *d, const struct err *why)
{
	if (d->reply.kind == PROTO_JOIN || !policy_is_exempt(&d->account))
		return DOOR_FAILS;
	syslog(LOG_ALERT,
		"%s is let in although sessions can't be opened (root or member of %s): %s",
		d->account.name, POLICY_BREAK_GLASS_GROUP, why->msg);
	return DOOR_UNBOXED;
}

enum door_opened door_open(struct door *d, struct err *e)
{
	session_id_make(d->reply.id);
	if (look_up(d, e) < 0)
		return DOOR_FAILS;
	if (client_open(PATH_HELPER, NULL, d->account.name, PROTO_SERVICE_DOOR, &d->lease,
		    &d->reply, e) < 0)
		return never_isolated(d, e);
	return d->reply.kind == PROTO_JOIN ? DOOR_HOLDS : DOOR_UNBOXED;
}
