/* SPDX-License-Identifier: BSD-3-Clause */
/* Events that were read: which are of interest, and in what order they are told. */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"
#include "nsshell/nsctl/sessions.h"

#include <string.h>

void log_take(struct log *l, const struct log_filter *f, const struct log_event *v)
{
	if ((f->session && strcmp(v->session, f->session) != 0) ||
		(f->user && strcmp(v->user, f->user) != 0))
		return;
	if (l->n == l->room) {
		struct log_event *more = reallocarray(l->v, l->room + 64, sizeof(*l->v));

		if (!more) {
			l->no_memory = true;
			return;
		}
		l->v = more;
		l->room += 64;
	}
	l->v[l->n] = *v;
	/* Also for JSON, which has no bytes that aren't UTF-8. */
	nsctl_printable(l->v[l->n].what);
	nsctl_printable(l->v[l->n].session);
	nsctl_printable(l->v[l->n].user);
	nsctl_printable(l->v[l->n++].text);
}

static int by_time(const void *a, const void *b)
{
	const struct log_event *x = a, *y = b;

	return x->usec < y->usec ? -1 : x->usec > y->usec;
}

void log_finish(struct log *l, const struct log_filter *f)
{
	/* glibc's qsort is a merge sort, and stable, as long as there is memory for it. */
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_time);
	if (f->max > 0 && l->n > f->max) {
		memmove(l->v, l->v + l->n - f->max, f->max * sizeof(*l->v));
		l->n = f->max;
	}
}

void log_clear(struct log *l)
{
	free(l->v);
	*l = (struct log){ 0 };
}
