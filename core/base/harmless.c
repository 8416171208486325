/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/harmless.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Of a character of UTF-8 that takes more than a byte, and is no control. Return: its bytes, or 0. */
static size_t letter(const unsigned char *s, size_t len)
{
	/* No longer than need be; below 0xa0 are controls. */
	static const uint32_t least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	size_t n = s[0] < 0xc0 || s[0] > 0xf4 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	if (n == 0 || n > len)
		return 0;
	c = s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c >= least[n] && c <= 0x10ffff && (c & ~0x7ffU) != 0xd800 ? n : 0;
}

static bool is_plain(unsigned char c)
{
	return (c >= ' ' && c < 0x7f) || c == '\a' || c == '\t' || c == '\r' || c == '\n';
}

void harmless_make(char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = letter((const unsigned char *)text + i, len - i);

		if (n == 0 && !is_plain((unsigned char)text[i]))
			text[i] = '?';
		i += n > 0 ? n : 1;
	}
}

void harmless_line(char *text)
{
	harmless_make(text, strlen(text));
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			*text = '?';
}

void harmless_utf8(char *text)
{
	for (size_t n; *text; text += n > 0 ? n : 1) {
		n = letter((const unsigned char *)text, strlen(text));
		if (n == 0 && (unsigned char)*text > 0x7f)
			*text = '?';
	}
}
