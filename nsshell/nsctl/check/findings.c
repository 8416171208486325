/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/nsctl/check/findings.h"

#include "core/base/harmless.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[FINDING_NOTE] = "note",
	[FINDING_WARNING] = "warning",
	[FINDING_ERROR] = "error",
};

static void finding_free(struct finding *v)
{
	free(v->what);
	free(v->whom);
	free(v->todo);
}

void findings_add(struct findings *f, enum finding_severity severity, const char *whom,
	const char *todo, const char *fmt, ...)
{
	struct finding v = {
		.severity = severity, .whom = strdup(whom), .todo = strdup(todo)
	};
	char **texts[] = { &v.what, &v.whom, &v.todo };
	struct finding *grown;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&v.what, fmt, args) < 0)
		v.what = NULL;
	va_end(args);
	for (size_t i = 0; i < 3; i++)
		if (*texts[i])
			harmless_line(*texts[i]);
	grown = realloc(f->v, (f->n + 1) * sizeof(*f->v));
	if (grown)
		f->v = grown;
	if (!grown || !v.what || !v.whom || !v.todo) {
		f->no_memory = true;
		finding_free(&v);
		return;
	}
	f->v[f->n++] = v;
}

void findings_failed(
	struct findings *f, const char *whom, const char *todo, const struct err *e)
{
	if (e->num == ENOMEM)
		f->no_memory = true;
	else
		findings_add(f, FINDING_ERROR, whom, todo, "%s", e->msg);
}

void findings_clear(struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		finding_free(&f->v[i]);
	free(f->v);
	*f = (struct findings){ 0 };
}

enum finding_severity findings_worst(const struct findings *f)
{
	enum finding_severity worst = FINDING_NOTE;

	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].severity > worst)
			worst = f->v[i].severity;
	return worst;
}

size_t findings_count(const struct findings *f, enum finding_severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->v[i].severity == severity;
	return n;
}

void findings_brief(const struct findings *f, FILE *out)
{
	for (int s = FINDING_ERROR; s >= FINDING_NOTE; s--)
		for (size_t i = 0; i < f->n; i++)
			if ((int)f->v[i].severity == s)
				(void)fprintf(out, "%s: %s; to do: %s\n", names[s],
					f->v[i].what, f->v[i].todo);
}

void findings_print(const struct findings *f, FILE *out)
{
	for (int s = FINDING_ERROR; s >= FINDING_NOTE; s--) {
		for (size_t i = 0; i < f->n; i++) {
			const struct finding *v = &f->v[i];

			if ((int)v->severity != s)
				continue;
			(void)fprintf(out, "%s: %s\n", names[s], v->what);
			(void)fprintf(out, "    concerns: %s\n    to do:    %s\n",
				v->whom, v->todo);
		}
	}
}

int findings_json(const struct findings *f, FILE *out)
{
	json_t *array = json_array(), *object;
	int r = 0;

	for (size_t i = 0; i < f->n && r == 0; i++)
		r = json_array_append_new(
			array, json_pack("{s:s, s:s, s:s, s:s}", "severity",
				       names[f->v[i].severity], "what", f->v[i].what,
				       "concerns", f->v[i].whom, "todo", f->v[i].todo));
	object = json_pack("{s:o, s:i, s:i, s:i}", "findings", array, "errors",
		(int)findings_count(f, FINDING_ERROR), "warnings",
		(int)findings_count(f, FINDING_WARNING), "notes",
		(int)findings_count(f, FINDING_NOTE));
	if (r == 0)
		r = object ? json_dumpf(object, out, JSON_INDENT(2)) : -1;
	json_decref(object);
	if (r == 0)
		(void)fputc('\n', out);
	return r;
}
