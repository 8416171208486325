/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal, through libsystemd where that is on the host: loaded when it is asked for, so
 * that hosts without systemd need nothing of it.
 */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define LOCAL_ONLY 1 /* SD_JOURNAL_LOCAL_ONLY, sd_journal_open(3) */

struct sd_journal;

/* sd-journal(3), as of systemd 187 and later */
struct api {
	void *library;
	int (*open)(struct sd_journal **, int);
	int (*open_directory)(struct sd_journal **, const char *, int);
	void (*close)(struct sd_journal *);
	int (*add_match)(struct sd_journal *, const void *, size_t);
	int (*seek_tail)(struct sd_journal *);
	int (*previous)(struct sd_journal *);
	int (*get_data)(struct sd_journal *, const char *, const void **, size_t *);
	int (*get_realtime_usec)(struct sd_journal *, uint64_t *);
};

static int load(struct api *a)
{
	const struct {
		const char *name;
		void *to;
	} symbols[] = {
		{ "sd_journal_open", &a->open },
		{ "sd_journal_open_directory", &a->open_directory },
		{ "sd_journal_close", &a->close },
		{ "sd_journal_add_match", &a->add_match },
		{ "sd_journal_seek_tail", &a->seek_tail },
		{ "sd_journal_previous", &a->previous },
		{ "sd_journal_get_data", &a->get_data },
		{ "sd_journal_get_realtime_usec", &a->get_realtime_usec },
	};

	a->library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; a->library && i < sizeof(symbols) / sizeof(*symbols); i++) {
		void *found = dlsym(a->library, symbols[i].name);

		if (!found)
			return -1;
		memcpy(symbols[i].to, &found, sizeof(found));
	}
	return a->library ? 0 : -1;
}

static void unload(struct api *a)
{
	if (a->library)
		(void)dlclose(a->library);
}

/* As event_log() writes them. Who lives in a box may write to the journal, too, but not as root. */
static int restrict_to(
	const struct api *a, struct sd_journal *j, const struct log_filter *f)
{
	char match[320];
	int r = a->add_match(j, "_UID=0", 0);

	for (size_t i = 0; r >= 0 && i < EVENT_KINDS; i++) {
		(void)snprintf(match, sizeof(match), "NSSHELL_EVENT=%s", event_names[i]);
		r = a->add_match(j, match, 0);
	}
	if (r >= 0 && f->user) {
		(void)snprintf(match, sizeof(match), "NSSHELL_USER=%.256s", f->user);
		r = a->add_match(j, match, 0);
	}
	if (r >= 0 && f->session) {
		(void)snprintf(match, sizeof(match), "NSSHELL_SESSION=%s", f->session);
		r = a->add_match(j, match, 0);
	}
	return r;
}

/* A field's value, cut to the buffer; "" where the entry has none. */
static void field(const struct api *a, struct sd_journal *j, const char *name, char *buf,
	size_t size)
{
	size_t len = 0, skip = strlen(name) + 1;
	const void *bytes = NULL;

	buf[0] = '\0';
	if (a->get_data(j, name, &bytes, &len) < 0 || len < skip)
		return;
	len -= skip;
	if (len >= size)
		len = size - 1;
	memcpy(buf, (const char *)bytes + skip, len);
	buf[len] = '\0';
}

static void take_entry(const struct api *a, struct sd_journal *j, struct log *l,
	const struct log_filter *f)
{
	struct log_event v = { 0 };

	field(a, j, "NSSHELL_EVENT", v.what, sizeof(v.what));
	field(a, j, "NSSHELL_SESSION", v.session, sizeof(v.session));
	field(a, j, "NSSHELL_USER", v.user, sizeof(v.user));
	field(a, j, "MESSAGE", v.text, sizeof(v.text));
	(void)a->get_realtime_usec(j, &v.usec);
	log_take(l, f, &v);
}

/* From the newest on, until there are enough. */
static int walk(const struct api *a, struct sd_journal *j, struct log *l,
	const struct log_filter *f)
{
	int r = a->seek_tail(j);

	while (r >= 0 && !l->no_memory && (f->max == 0 || l->n < f->max)) {
		r = a->previous(j);
		if (r <= 0)
			break;
		take_entry(a, j, l, f);
	}
	return r;
}

int log_read_journal(
	struct log *l, const struct log_filter *f, const char *directory, struct err *e)
{
	_cleanup_(unload) struct api a = { 0 };
	struct sd_journal *j = NULL;
	int r;

	if (load(&a) < 0)
		return 1;
	r = directory ? a.open_directory(&j, directory, 0) : a.open(&j, LOCAL_ONLY);
	if (r >= 0)
		r = restrict_to(&a, j, f);
	if (r >= 0)
		r = walk(&a, j, l, f);
	if (j)
		a.close(j);
	/* elogind's library has that name, too, on hosts without systemd, and no journal. */
	if (r == -ENOSYS || (r == -ENOENT && !directory))
		return 1;
	return r < 0 ? err_set(e, -r, "read the journal%s%s", directory ? " in " : "",
			       directory ? directory : "")
		     : 0;
}
