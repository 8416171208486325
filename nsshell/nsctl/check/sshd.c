/* SPDX-License-Identifier: BSD-3-Clause */
/* What sshd_config(5) says that leads around a box, and what no box can give. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG    "/etc/ssh/sshd_config"

#define DEPTH_MAX 16 /* of Include, as sshd has it */

struct reading {
	struct findings *f;
	char match[128]; /* the Match line that holds, "" for none */
	int depth;
	bool pam, no_pam; /* what the first UsePAM says; neither: there is none */
	bool door;        /* a ForceCommand is nsshell(1) */
};

static void read_file(struct reading *r, const char *path);

/* Relative ones lie beside the main file. */
static void read_included(struct reading *r, char *words)
{
	char *pattern, path[512];

	while ((pattern = strsep(&words, " \t\""))) {
		glob_t found;

		if (!*pattern)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s",
			*pattern == '/' ? "" : "/etc/ssh/", pattern);
		if (glob(path, 0, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			read_file(r, found.gl_pathv[i]);
		globfree(&found);
	}
}

static void take_chroot(
	const struct reading *r, const char *path, unsigned int line, const char *value)
{
	char whom[192];

	if (strcasecmp(value, "none") == 0)
		return;
	(void)snprintf(whom, sizeof(whom), "%s%s",
		*r->match ? "isolated accounts that this matches: Match "
			  : "all isolated accounts",
		r->match);
	findings_add(r->f, FINDING_WARNING, whom,
		"write ChrootDirectory none for them (a box shows no home but theirs, so "
		"ForceCommand internal-sftp alone gives the same), or Isolate=no",
		"%s:%u: ChrootDirectory %.100s: in a box sshd has no right to chroot, and the "
		"login ends",
		path, line, value);
}

/* The first one of them holds; sshd refuses it below a Match. */
static void take_pam(struct reading *r, const char *value)
{
	bool yes = strcasecmp(value, "yes") == 0;

	if (r->pam || r->no_pam)
		return;
	r->pam = yes;
	r->no_pam = !yes;
}

static void take_forced(struct reading *r, const char *value)
{
	size_t word = strcspn(value, " \t");
	const char *name = memrchr(value, '/', word);

	name = name ? name + 1 : value;
	if ((size_t)(value + word - name) == strlen("nsshell") &&
		strncmp(name, "nsshell", strlen("nsshell")) == 0)
		r->door = true;
}

static void take_line(struct reading *r, const char *path, unsigned int n, char *line)
{
	char *key = line + strspn(line, " \t"), *value;

	line[strcspn(line, "\r\n")] = '\0';
	value = key + strcspn(key, " \t=");
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t=\"");
	value[strcspn(value, "\"#")] = '\0';
	if (strcasecmp(key, "Match") == 0)
		(void)snprintf(r->match, sizeof(r->match), "%s",
			strcasecmp(value, "all") == 0 ? "" : value);
	else if (strcasecmp(key, "Include") == 0)
		read_included(r, value);
	else if (strcasecmp(key, "ChrootDirectory") == 0)
		take_chroot(r, path, n, value);
	else if (strcasecmp(key, "UsePAM") == 0)
		take_pam(r, value);
	else if (strcasecmp(key, "ForceCommand") == 0)
		take_forced(r, value);
}

static void read_file(struct reading *r, const char *path)
{
	_cleanup_file_ FILE *in = r->depth < DEPTH_MAX ? fopen(path, "re") : NULL;
	char line[1024], match[sizeof(r->match)];

	if (!in)
		return;
	/* A Match of a file that is included ends with it. */
	(void)snprintf(match, sizeof(match), "%s", r->match);
	r->depth++;
	for (unsigned int n = 1; fgets(line, sizeof(line), in); n++)
		take_line(r, path, n, line);
	r->depth--;
	(void)snprintf(r->match, sizeof(r->match), "%s", match);
}

/* Without PAM sshd opens no session by which it could get into a box. */
static void tell_without_pam(
	const struct reading *r, const struct strlist *by_pam, struct findings *f)
{
	char names[256];

	if (r->pam || r->door || by_pam->n == 0)
		return;
	check_names(by_pam, names, sizeof(names));
	findings_add(f, FINDING_WARNING, names,
		"write UsePAM yes into it, above its first Match, and reload sshd; nsshell(1) is for "
		"where PAM can't be used",
		CONFIG
		" %s: sshd asks PAM for nothing, and who comes in by ssh has no box",
		r->no_pam ? "says UsePAM no"
			  : "has no UsePAM, which is as good as UsePAM no");
}

void check_sshd(const struct strlist *by_pam, struct findings *f)
{
	struct reading r = { .f = f };

	if (access(CONFIG, R_OK) < 0)
		return;
	read_file(&r, CONFIG);
	tell_without_pam(&r, by_pam, f);
}
