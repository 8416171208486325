/* SPDX-License-Identifier: BSD-3-Clause */
/* The options of a command, from its table: getopt_long(3) and the help text. */
#include "nsshell/nsctl/nsctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What getopt_long() gives for row i that has no letter. */
#define LONG_ONLY 256

static int options_help(
	const struct nsctl_option *o, const char *command, const char *synopsis)
{
	(void)printf(
		"usage: %s [OPTION...]%s%s\n\n", command, *synopsis ? " " : "", synopsis);
	for (; o->name; o++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "--%s%s%s", o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
		(void)printf("  %c%c%c %-20s %s\n", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ',' : ' ', text,
			o->what);
	}
	(void)printf("  -h, %-20s %s\n", "--help", "this text");
	return nsctl_flush(command, NSCTL_OK);
}

/* The row of what getopt_long() gave. */
static const struct nsctl_option *option_row(const struct nsctl_option *o, int c)
{
	if (c >= LONG_ONLY)
		return &o[c - LONG_ONLY];
	for (; o->name; o++)
		if (o->letter == c)
			return o;
	return NULL;
}

/* @order: "", or "+" where options end at the first operand. Return: as nsctl_options(). */
static int parse(const struct nsctl_option *o, const char *synopsis, const char *order,
	int argc, char **argv)
{
	struct option longs[NSCTL_OPTIONS_MAX + 2] = { 0 };
	char shorts[2 * NSCTL_OPTIONS_MAX + 3], *s = stpcpy(shorts, order);
	size_t n = 0;
	int c;

	for (; n < NSCTL_OPTIONS_MAX && o[n].name; n++) {
		longs[n] = (struct option){ o[n].name,
			o[n].arg ? required_argument : no_argument, NULL,
			o[n].letter ? o[n].letter : LONG_ONLY + (int)n };
		if (o[n].letter)
			*s++ = o[n].letter;
		if (o[n].letter && o[n].arg)
			*s++ = ':';
	}
	longs[n] = (struct option){ "help", no_argument, NULL, 'h' };
	*s++ = 'h';
	*s = '\0';
	optind = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct nsctl_option *row;

		if (c == 'h')
			return options_help(o, argv[0], synopsis);
		if (c == '?') {
			(void)fprintf(stderr, "Try \"%s --help\".\n", argv[0]);
			return NSCTL_USAGE;
		}
		row = option_row(o, c);
		if (row && row->flag)
			*row->flag = true;
		if (row && row->value)
			*row->value = optarg;
	}
	return -1;
}

int nsctl_options(const struct nsctl_option *o, const char *synopsis, int argc,
	char **argv, int *first)
{
	int r = parse(o, synopsis, "", argc, argv);

	if (r >= 0)
		return r;
	if (first)
		*first = optind;
	else if (optind != argc)
		return nsctl_usage(argv[0], "takes no arguments");
	return -1;
}

int nsctl_options_of_command(const struct nsctl_option *o, const char *synopsis, int argc,
	char **argv, const char **ret_user, int *ret_command)
{
	int r = parse(o, synopsis, "+", argc, argv), at = optind + 1;

	if (r >= 0)
		return r;
	*ret_user = argv[optind];
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	else if (at < argc && argv[at][0] == '-')
		return nsctl_usage(argv[0], "takes its options before the first operand");
	if (at >= argc)
		return nsctl_usage(argv[0], "takes an account's name and a command");
	*ret_command = at;
	return -1;
}
