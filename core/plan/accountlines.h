/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of an account in a file of an image's: passwd(5), group(5), shadow(5). */
#pragma once

/**
 * accountlines_merge() - A file's text with lines of ours in it
 * @text:	as somebody wrote it
 * @lines:	whole ones, "NAME:WORD:ID:..."; without an id "NAME:WORD::..."
 *
 * Lines of the text that begin with one of our names go. Ours are before each that has one of our ids, so that
 * who asks for the name of an id is told ours, and else at the end.
 *
 * Return: to free(), ends with a newline; NULL without memory.
 */
char *accountlines_merge(const char *text, const char *lines);

/**
 * accountlines_without() - A file's text without lines of ours
 * @lines:	as above
 *
 * A line is ours that has one of our names and its id, whatever else of it was changed; where ours has no id, the
 * name. Return: to free(); NULL without memory.
 */
char *accountlines_without(const char *text, const char *lines);
