/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl(8): the admin's command, a table of commands with a file each. */
#include "nsshell/nsctl/nsctl.h"

#include "core/run/cgroup/cgroup_flee.h"
#include "core/run/enter/inside.h"

#include <string.h>
#include <unistd.h>

static const struct nsctl_command commands[] = {
	{ "plan", nsctl_plan, "show what opening a session would do, without doing it" },
	{ "check", nsctl_check,
		"look for what is wrong with config, host and PAM services" },
	{ "enable", nsctl_enable, "let logins of PAM services land in a box" },
	{ "disable", nsctl_disable, "take enable back" },
	{ "list", nsctl_list, "running sessions, one a line" },
	{ "status", nsctl_status, "one session in full" },
	{ "top", nsctl_top, "what sessions use, live" },
	{ "stop", nsctl_stop, "end sessions, and wait until they are gone" },
	{ "kill", nsctl_kill, "send a signal to the processes of sessions" },
	{ "pause", nsctl_pause, "let sessions stand still" },
	{ "resume", nsctl_resume, "let paused sessions go on" },
	{ "set", nsctl_set, "change limits and network rules of an account, at once" },
	{ "run", nsctl_run, "run a command in a session of an account, without a login" },
	{ "image", nsctl_image, "other root file systems than the host's" },
	{ "diff", nsctl_image, "what an account wrote over its rootfs" },
	{ "reset", nsctl_reset, "let an account with Upper=disk begin anew" },
	{ "volume", nsctl_volume, "directories that Volumes= keeps for accounts" },
	{ "log", nsctl_log, "what happened to sessions" },
	{ "net", nsctl_net,
		"addresses of accounts with Network=private, and what leads there" },
	{ "metrics", nsctl_metrics, "numbers for Prometheus" },
	{ "refresh", nsctl_refresh, "have running sessions show lxcfs's numbers" },
	{ "gc", nsctl_gc, "take away what crashed sessions left" },
};

#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

static void help_print(FILE *out)
{
	(void)fputs("usage: nsctl COMMAND [OPTION...] [ARGUMENT...]\n\ncommands:\n", out);
	for (size_t i = 0; i < COMMANDS_N; i++)
		(void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].what);
	(void)fputs("  help      this text, or a command's options\n\n"
		    "options:\n"
		    "  -h, --help     this text\n"
		    "  -V, --version  which nsctl this is\n\n"
		    "\"nsctl help COMMAND\" tells a command's options; see nsctl(8).\n",
		out);
}

static const struct nsctl_command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS_N; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* Inside there are the account's own sessions, and of the host nothing that could be told. */
static bool is_for_inside(const struct nsctl_command *c)
{
	return c->run == nsctl_status ||
	       (geteuid() != 0 && (c->run == nsctl_list || c->run == nsctl_stop ||
					  c->run == nsctl_kill || c->run == nsctl_pause ||
					  c->run == nsctl_resume || c->run == nsctl_log));
}

static int command_run(const char *name, int argc, char **argv)
{
	const struct nsctl_command *command = command_find(name);
	char full[64];
	struct err e;

	if (!command)
		return nsctl_usage("nsctl", "there is no command \"%s\"", name);
	(void)snprintf(full, sizeof(full), "nsctl %s", command->name);
	if (!is_for_inside(command) && !asks_for_help(argc, argv) && inside_session()) {
		(void)inside_no_way(&e);
		return nsctl_failed(full, &e);
	}
	argv[0] = full;
	/* Before any lock. */
	if (geteuid() == 0)
		cgroup_flee();
	return command->run(argc, argv);
}

static int help(int argc, char **argv)
{
	char program[] = "nsctl", option[] = "--help";
	char *words[] = { program, option, NULL };

	if (argc > 3)
		return nsctl_usage("nsctl", "help takes one command");
	if (argc == 3 && strcmp(argv[2], "help") != 0)
		return command_run(argv[2], 2, words);
	help_print(stdout);
	return nsctl_flush("nsctl", NSCTL_OK);
}

int main(int argc, char **argv)
{

	if (argc < 2) {
		help_print(stderr);
		return NSCTL_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		(void)puts(nsctl_version);
		return nsctl_flush("nsctl", NSCTL_OK);
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
		strcmp(argv[1], "-h") == 0)
		return help(argc, argv);
	return command_run(argv[1], argc - 1, argv + 1);
}
