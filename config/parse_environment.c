/* SPDX-License-Identifier: BSD-3-Clause */
/* Environment=: words with quotes and escapes, as in systemd.syntax(7). */
#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/plan/sessionenv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

static const char special[] = "\"'#";

/* Where @c opens one, or closes it. */
static void toggle(char *quote, char c)
{
	if (*quote)
		*quote = '\0';
	else
		*quote = c;
}

/* '"' is 1, '\'' is 2, '#' is 3. */
void config_quotes_mask(char *value)
{
	bool escaped = false;
	char quote = 0;

	for (char *at = value; *at; at++) {
		const char *found = strchr(special, *at);
		bool is_quote = found && *at != '#';
		char plain = *at;

		if (is_quote || (found && quote))
			*at = (char)(found - special + 1);
		if (is_quote && !escaped && (!quote || quote == plain))
			toggle(&quote, plain);
		escaped = plain == '\\' && !escaped;
	}
}

void config_quotes_unmask(char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < sizeof(special))
			*value = special[*value - 1];
}

/* What follows a '\'. Return: how many characters it took, 0 for none of those that there are. */
static size_t unescape(const char *s, char *ret)
{
	static const char from[] = "\\\"'st", to[] = "\\\"' \t";
	const char *found = *s ? strchr(from, *s) : NULL;
	char digits[3] = "";

	if (found) {
		*ret = to[found - from];
		return 1;
	}
	if (*s != 'x' || !isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]))
		return 0;
	memcpy(digits, s + 1, 2);
	*ret = (char)strtol(digits, NULL, 16);
	return *ret ? 3 : 0;
}

/* One word from @at into @word, which has room. Return: what is wrong, or NULL. */
static const char *take_word(const char **at, char *word)
{
	char quote = 0;
	const char *s = *at;

	for (; *s && (quote || !strchr(BLANKS, *s)); s++) {
		if (*s == '\\') {
			size_t n = unescape(s + 1, word);

			if (n == 0)
				return "'\\' stands before '\\', '\"', ''', 's' for a blank, 't' for a tabulator, or 'x' and two hexadecimal digits";
			word++;
			s += n;
		} else if (quote ? *s == quote : *s == '"' || *s == '\'') {
			toggle(&quote, *s);
		} else {
			*word++ = *s;
		}
	}
	*word = '\0';
	*at = s;
	return quote ? "a quote isn't closed" : NULL;
}

static int words_of(const char *value, struct strlist *words, char *why, size_t why_size)
{
	_cleanup_free_ char *word = malloc(strlen(value) + 1);

	if (!word)
		return -ENOMEM;
	for (value += strspn(value, BLANKS); *value; value += strspn(value, BLANKS)) {
		const char *wrong = take_word(&value, word);

		if (wrong) {
			(void)snprintf(why, why_size, "%s", wrong);
			return -EINVAL;
		}
		if (strlist_add(words, word) < 0)
			return -ENOMEM;
		wrong = sessionenv_wrong(word);
		if (wrong) {
			(void)snprintf(why, why_size, "'%.*s' %s",
				(int)strcspn(word, "="), word, wrong);
			return -EINVAL;
		}
	}
	return 0;
}

int config_parse_environment(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	int r = words_of(value, &words, why, why_size);

	(void)key;
	for (size_t i = 0; r == 0 && i < words.n; i++)
		if (strlist_add(field, words.v[i]) < 0)
			r = -ENOMEM;
	return r;
}
