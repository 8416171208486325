/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session has of before: files that the host has replaced, rules that have changed. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/run/mount/outdated.h"

#include <unistd.h>

/* A session that isn't through in time costs OUTDATED_MS; users may have many such. */
#define LATE_MAX 8

static void look_at_files(const struct record *r, struct nsctl_outdated *o)
{
	static int late;
	struct outdated found = { 0 };
	struct err ignored;

	if (late >= LATE_MAX || outdated_look(r, &found, &ignored) < 0)
		return;
	late += !found.all;
	o->files = found.pid > 0 ? NSCTL_YES : found.all ? NSCTL_NO : NSCTL_UNKNOWN;
	o->pid = found.pid;
	(void)snprintf(o->file, sizeof(o->file), "%s", found.file);
	nsctl_printable(o->file);
}

void nsctl_outdated_look(struct nsctl_session *s, const char *config)
{
	const struct record *r = &s->record;
	struct nsctl_outdated o = { .files = NSCTL_UNKNOWN, .rules = NSCTL_UNKNOWN };
	struct err ignored;
	int differs;

	if (geteuid() == 0 && r->state != RECORD_OPENING) {
		look_at_files(r, &o);
		differs = nsctl_plan_differs(r, config, &ignored);
		if (differs >= 0)
			o.rules = differs ? NSCTL_YES : NSCTL_NO;
	}
	s->outdated = o;
}

const char *nsctl_outdated_text(const struct nsctl_outdated *o)
{
	if (o->files == NSCTL_YES)
		return o->rules == NSCTL_YES ? "files,rules" : "files";
	if (o->rules == NSCTL_YES)
		return "rules";
	return o->files == NSCTL_UNKNOWN || o->rules == NSCTL_UNKNOWN ? "?" : "";
}
