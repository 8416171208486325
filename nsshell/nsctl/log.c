/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl log: what happened to sessions. */
#include "nsshell/nsctl/log.h"
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <jansson.h>
#include <pwd.h>
#include <string.h>

struct from {
	const char *directory, *file;
};

static int gather(
	struct log *l, const struct log_filter *f, const struct from *from, struct err *e)
{
	int r;

	if (from->directory)
		r = log_read_journal(l, f, from->directory, e);
	else if (from->file)
		r = log_read_file(l, f, from->file, e);
	else
		r = log_read(l, f, e);
	if (r > 0)
		return err_set(e, 0,
			from->directory
				? "there is no libsystemd on this host"
				: "there is neither a journal with events nor " PATH_EVENTS
				  " to read");
	log_finish(l, f);
	return r;
}

static void print(const struct log *l)
{
	for (size_t i = 0; i < l->n; i++) {
		char when[64];

		nsctl_time(l->v[i].usec / 1000000, when, sizeof(when));
		(void)printf("%s %-8s %s\n", when, l->v[i].what, l->v[i].text);
	}
}

/* Of a name that is mistyped, say: no word would look as if all were well. */
static void tell_none(const char *command, const char *word)
{
	if (word)
		(void)fprintf(stderr,
			"%s: nothing is known of \"%s\": no event has that account, or session\n",
			command, word);
	else
		(void)fprintf(stderr, "%s: no event is known\n", command);
}

static int print_json(const struct log *l)
{
	json_t *array = json_array(), *object = json_pack("{s:o}", "events", array);
	int r = object ? 0 : -1;

	for (size_t i = 0; r == 0 && i < l->n; i++) {
		const struct log_event *v = &l->v[i];
		char when[64];

		nsctl_time(v->usec / 1000000, when, sizeof(when));
		r = json_array_append_new(array,
			json_pack("{s:s, s:s, s:s*, s:s*, s:s}", "time", when, "event",
				v->what, "session", v->session[0] ? v->session : NULL,
				"user", v->user[0] ? v->user : NULL, "text", v->text));
	}
	if (r == 0)
		r = json_dumpf(object, stdout, JSON_INDENT(2));
	if (r == 0)
		(void)putchar('\n');
	json_decref(object);
	return r;
}

/* An account of that name, else a session's id. */
static void filter_by(const char *word, struct log_filter *f)
{
	/* An account that has gone is still in the log. */
	if (!getpwnam(word) && strlen(word) == PLAN_ID_LEN)
		f->session = word;
	else
		f->user = word;
}

int nsctl_log(int argc, char **argv)
{
	_cleanup_(log_clear) struct log l = { 0 };
	struct log_filter f = { .max = 50 };
	struct from from = { 0 };
	const char *lines = NULL;
	bool json = false;
	const struct nsctl_option options[] = {
		{ 'n', "lines", "N", "the newest N; 0 for all, 50 if not given", NULL,
			&lines },
		{ 'J', "json", NULL, "one JSON object", &json, NULL },
		{ 'D', "directory", "DIR", "read the journal in this directory", NULL,
			&from.directory },
		{ 0, "file", "FILE", "read this file of events", NULL, &from.file },
		{ 0 },
	};
	int first, r = nsctl_options(options, "[USER|SESSION]", argc, argv, &first);
	struct err e = { 0 };
	uint32_t n = 50;

	if (r >= 0)
		return r;
	if (argc - first > 1)
		return nsctl_usage(argv[0], "takes one account's name or session's id");
	if (lines && parse_u32(lines, &n) < 0)
		return nsctl_usage(argv[0], "\"%s\" is no number of lines", lines);
	f.max = n;
	if (argc - first == 1)
		filter_by(argv[first], &f);
	if (gather(&l, &f, &from, &e) < 0)
		return nsctl_failed(argv[0], &e);
	if (l.no_memory || (json && print_json(&l) < 0)) {
		(void)err_set(&e, ENOMEM, "gather the lines");
		return nsctl_failed(argv[0], &e);
	}
	if (!json)
		print(&l);
	if (!json && l.n == 0)
		tell_none(argv[0], first < argc ? argv[first] : NULL);
	return nsctl_flush(argv[0], NSCTL_OK);
}
