/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/image.h"

#include "core/base/cleanup.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* As nsctl's own table. */
static const struct nsctl_command commands[] = {
	{ "import", image_import, "make an image of an archive or a directory" },
	{ "pull", image_pull, "fetch an image from a registry, by skopeo" },
	{ "push", image_push, "take an image to a registry, by skopeo" },
	{ "list", image_list, "images, one a line" },
	{ "show", image_show, "one image in full" },
	{ "tag", image_tag, "give an image one more name" },
	{ "remove", image_remove, "take a name away, and what nobody uses then" },
	{ "export", image_export, "write an image as docker, podman and skopeo take it" },
	{ "commit", image_commit,
		"make what an account wrote over one a layer of another" },
	{ "gc", image_gc, "remove what has no name and no user" },
	{ "fsck", image_fsck, "look whether the store is whole" },
};

#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

const char *image_architecture(void)
{
	static const char *const names[][2] = { { "x86_64", "amd64" }, { "i686", "386" },
		{ "aarch64", "arm64" }, { "armv7l", "arm" }, { "armv6l", "arm" } };
	static struct utsname u;

	(void)uname(&u);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(u.machine, names[i][0]) == 0)
			return names[i][1];
	return u.machine; /* riscv64, ppc64le, s390x, loongarch64 */
}

static void help_print(FILE *out)
{
	(void)fputs("usage: nsctl image COMMAND [OPTION...]\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMANDS_N; i++)
		(void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].what);
	(void)fputs("\n\"nsctl image COMMAND --help\" tells a command's options; see "
		    "nsctl-image(8).\n",
		out);
}

static const struct nsctl_command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS_N; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 ||
	       strcmp(word, "-h") == 0;
}

/* @full: for what is said, "nsctl diff" */
static int run(const struct nsctl_command *command, char *full, int argc, char **argv)
{
	/* What hangs up is told by what is written to it, and files are as they are said to be. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	argv[0] = full;
	if (geteuid() != 0 && !(argc > 1 && asks_for_help(argv[1]))) {
		(void)fprintf(stderr,
			"%s: images, and what was written over them, are root's\n", full);
		return NSCTL_FAILED;
	}
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	static const struct nsctl_command diff = { "diff", image_diff, "" };
	const struct nsctl_command *command;
	char full[64];

	if (argc > 0 && strcmp(argv[0], "nsctl diff") == 0)
		return run(&diff, argv[0], argc, argv);
	if (argc < 2) {
		help_print(stderr);
		return NSCTL_USAGE;
	}
	if (asks_for_help(argv[1])) {
		help_print(stdout);
		return nsctl_flush("nsctl image", NSCTL_OK);
	}
	command = command_find(argv[1]);
	if (!command)
		return nsctl_usage("nsctl image", "there is no command \"%s\"", argv[1]);
	(void)snprintf(full, sizeof(full), "nsctl image %s", command->name);
	return run(command, full, argc - 1, argv + 1);
}
