/* SPDX-License-Identifier: BSD-3-Clause */
/* What an account writes into the memfd of a SESSION_HOST, held against forms that root may have written. */
#include "core/run/session/session_words.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const char *const good[] = { "", "-l", "[-u %u] <file>", "-f <text?>",
	"[-t|-i|-f <text>|-f<text>]... [--] [<text>]...",
	"[a|a a|<name>|a a a]... [a]... <number>..." };

/* The first line is a form, too; behind it are the words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size < 512 ? size : 512);
	size_t len = newline ? (size_t)(newline - data) : 0, file, n = 0;
	const char *forms[(sizeof(good) / sizeof(*good)) + 1];
	struct command c = { .name = "x", .forms = forms };
	struct session_words w;
	struct err e = { 0 };
	char form[512] = "";

	memcpy(form, data, len);
	for (size_t i = 0; i < (sizeof(good) / sizeof(*good)); i++)
		forms[c.n_forms++] = good[i];
	if (!command_form_wrong(form))
		forms[c.n_forms++] = form;
	data += newline ? len + 1 : 0;
	size -= newline ? len + 1 : 0;
	if (session_words_parse((const char *)data, size, &w, &e) < 0) {
		must(e.msg[0]);
		return 0;
	}
	must(w.head.n > 0 && w.head.n <= COMMAND_WORDS_MAX && !w.words[w.head.n]);
	must(w.head.on_pty <= 7 && (w.head.on_pty == 0 || (w.head.on_pty & 1)));
	for (size_t i = 0; i < w.head.n; i++)
		n += strlen(w.words[i]) + 1;
	must(n + sizeof(w.head) == size);
	if (command_match(&c, "alice", w.words, w.head.n, &file))
		must(file < w.head.n && (file == 0 || w.words[file][0] != '-'));
	else
		must(file == 0);
	return 0;
}
