/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal, through libsystemd where that is on the host: loaded when it is asked for, so
 * that hosts without systemd need nothing of it.
 */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"

#include <dlfcn.h>
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
	int (*add_disjunction)(struct sd_journal *);
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
		{ "sd_journal_add_disjunction", &a->add_disjunction },
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

/* Our programs, what PAM modules say, and the kernel. Who lives in a box may write to the
 * journal too, under any name, but not as root. */
static int restrict_to(const struct api *a, struct sd_journal *j)
{
	static const char *const matches[] = { "_UID=0", "SYSLOG_IDENTIFIER=nsshell",
		"SYSLOG_IDENTIFIER=nsctl", "SYSLOG_IDENTIFIER=nsjoin", NULL, "_UID=0",
		"SYSLOG_FACILITY=10", NULL, "_TRANSPORT=kernel" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(matches) / sizeof(*matches); i++)
		r = matches[i] ? a->add_match(j, matches[i], 0) : a->add_disjunction(j);
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
	char tag[64], text[LOG_TEXT_MAX];
	uint64_t usec = 0;

	field(a, j, "SYSLOG_IDENTIFIER", tag, sizeof(tag));
	field(a, j, "MESSAGE", text, sizeof(text));
	(void)a->get_realtime_usec(j, &usec);
	(void)log_take(l, f, usec, tag, text);
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
	l->proven = true;
	r = directory ? a.open_directory(&j, directory, 0) : a.open(&j, LOCAL_ONLY);
	if (r >= 0)
		r = restrict_to(&a, j);
	if (r >= 0)
		r = walk(&a, j, l, f);
	if (j)
		a.close(j);
	if (r == -ENOENT && !directory)
		return 1;
	return r < 0 ? err_set(e, -r, "read the journal%s%s", directory ? " in " : "",
			       directory ? directory : "")
		     : 0;
}
