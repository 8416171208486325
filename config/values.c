/* SPDX-License-Identifier: BSD-3-Clause */
/* The values: libeconf reads the gate's copy, the keys' parsers try each. */
#include "config/internal.h"
#include "core/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <string.h>

static void econf_file_clear(econf_file **kf)
{
	econf_freeFile(*kf);
}

static void econf_value_clear(econf_ext_value **v)
{
	econf_freeExtValue(*v);
}

/*
 * What libeconf has for an entry. That its line is the gate's too is checked: a libeconf
 * which reads a file in another way than the gate must not go unnoticed.
 */
static int value_get(struct config *c, const struct config_section *s, econf_file *kf,
	struct config_entry *entry, struct err *e)
{
	_cleanup_(econf_value_clear) econf_ext_value *v = NULL;
	char name[64];
	econf_err r;

	if (entry->repeated)
		(void)snprintf(
			name, sizeof(name), "%s@%" PRIu64, entry->key->name, entry->line);
	else
		(void)snprintf(name, sizeof(name), "%s", entry->key->name);
	r = econf_getExtValue(kf, s->title, name, &v);
	if (r == ECONF_NOMEM)
		return config_no_memory(e);
	if (r != ECONF_SUCCESS || !v->values[0] || v->values[1] ||
		v->line_number != entry->line)
		return err_set(e, 0,
			"%s:%" PRIu64 ": libeconf reads %s= in another way: %s", s->file,
			entry->line, entry->key->name, econf_errString(r));
	if (entry->key->quoted)
		config_quotes_unmask(v->values[0]);
	entry->value = arena_strdup(&c->arena, v->values[0]);
	return entry->value ? 0 : config_no_memory(e);
}

static int value_try(struct config *c, const struct config_section *s,
	struct config_entry *entry, struct err *e)
{
	_cleanup_(policy_clear) struct policy scratch = { 0 };
	char why[512] = "";
	int r = config_key_apply(entry->key, entry->value, &scratch, why, sizeof(why));

	if (r == -ENOMEM)
		return config_no_memory(e);
	if (r < 0)
		return config_problem_add(c, s->file, entry->line, s->title,
			entry->key->name, e, "%s=%.80s: %s", entry->key->name,
			entry->value, why);
	entry->ok = true;
	return 0;
}

int config_values_read(struct config *c, const char *path, int fd,
	struct config_section *first, struct err *e)
{
	_cleanup_(econf_file_clear) econf_file *kf = NULL;
	char copy[64];
	econf_err r;

	(void)snprintf(copy, sizeof(copy), "/proc/self/fd/%d", fd);
	r = econf_readFile(&kf, copy, "=", "#");
	if (r != ECONF_SUCCESS) {
		kf = NULL;
		return err_set(
			e, 0, "libeconf doesn't read %s: %s", path, econf_errString(r));
	}
	for (const struct config_section *s = first; s; s = s->next) {
		for (struct config_entry *entry = s->entries; entry;
			entry = entry->next) {
			if (entry->value)
				continue; /* empty */
			if (value_get(c, s, kf, entry, e) < 0 ||
				value_try(c, s, entry, e) < 0)
				return -1;
		}
	}
	return 0;
}
