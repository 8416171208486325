/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of somebody's that is shown on another one's terminal. */
#pragma once

#include <stddef.h>

/**
 * harmless_make() - Leave nothing that steers a terminal
 * @text:	changed; needs no 0 at its end, and has none in it afterwards
 *
 * Bell, tab, line feed and carriage return stay; other controls, those above 0x7f too (they are
 * escape sequences of one byte, or of two in UTF-8), and what isn't UTF-8 become '?'.
 */
void harmless_make(char *text, size_t len);

/* The same of a text that ends with a 0, which is to stay one line: bell, tab and ends of lines become '?', too. */
void harmless_line(char *text);

/* What isn't UTF-8 becomes '?', and nothing else: JSON has a way to write any other control. */
void harmless_utf8(char *text);
