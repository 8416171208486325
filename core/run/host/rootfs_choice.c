/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/rootfs_choice.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/plan/imagename.h"
#include "core/run/ids/privs.h"
#include "core/run/mount/imagestore.h"
#include "core/run/mount/look_once.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct choice {
	const struct account *account;
	const struct strlist *allowed;
};

/* ---- in the child --------------------------------------------------------------------- */

/* Return: 0; 1 where there is nothing; -1 where it isn't one of ours to read. */
static int read_file(const struct account *a, char *text, size_t size)
{
	_cleanup_close_ int home = open(a->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	ssize_t n;

	if (home < 0) /* one that isn't theirs to enter has no choice of theirs */
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 1 : -1;
	fd = sys_openat2(home, CHOICE_FILE, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != a->uid)
		return -1;
	n = read(fd, text, size - 1);
	if (n < 0 || (size_t)n == size - 1 || memchr(text, '\0', (size_t)n))
		return -1;
	text[n] = '\0';
	return text[strspn(text, " \t\n")] ? 0 : 1;
}

/* Return: which of the allowed; their number where it is none of them. */
static int which(const struct choice *c, char *text)
{
	char name[IMAGE_NAME_MAX];
	const char *wanted = strtok(text, " \t\n");

	if (!wanted || strtok(NULL, " \t\n") ||
		(strcmp(wanted, "host") != 0 && imagename_parse(wanted, name) < 0))
		return (int)c->allowed->n;
	for (size_t i = 0; i < c->allowed->n; i++)
		if (strcmp(c->allowed->v[i], strcmp(wanted, "host") ? name : wanted) == 0)
			return (int)i;
	return (int)c->allowed->n;
}

/* Return: as which(), and beyond that one more without a choice, two where the file can't be taken. */
static int run(void *arg, struct err *e)
{
	const struct choice *c = arg;
	const struct account *a = c->account;
	char text[IMAGE_NAME_MAX + 2];
	int r;

	if (geteuid() == 0 &&
		privs_look_as(a->uid, a->gid, a->groups, a->n_groups, e) < 0)
		return -1;
	r = read_file(a, text, sizeof(text));
	return r < 0   ? (int)c->allowed->n + 2
	       : r > 0 ? (int)c->allowed->n + 1
		       : which(c, text);
}

/* ---- in the parent -------------------------------------------------------------------- */

static bool is_there(const char *name)
{
	_cleanup_(image_clear) struct image image = { 0 };
	_cleanup_close_ int store = -EBADF;
	struct err ignored;

	if (geteuid() != 0)
		return true; /* nobody else sees it */
	store = imagestore_open(&ignored);
	return store >= 0 && image_find(store, name, &image, &ignored) == 0;
}

static int take(struct policy *policy, const char *chosen, char *said, struct err *e)
{
	char *copy = NULL;

	if (strcmp(chosen, "host") != 0) {
		if (!is_there(chosen)) {
			(void)snprintf(said, CHOICE_TEXT,
				"The image %.191s of ~/" CHOICE_FILE
				" isn't on this host; ",
				chosen);
			return 0;
		}
		copy = strdup(chosen);
		if (!copy)
			return err_set(e, ENOMEM, "choose an image");
	}
	free(policy->image);
	policy->image = copy;
	return 0;
}

static void say(char *said, const char *why)
{
	(void)snprintf(said, CHOICE_TEXT, "~/" CHOICE_FILE " %s; ", why);
}

/* What they would find out from the box. */
static void say_instead(const struct policy *policy, char *said)
{
	size_t len = strlen(said);

	(void)snprintf(said + len, CHOICE_TEXT - len, "this session is over %s%.191s.",
		policy->image ? "the image " : "the host's root",
		policy->image ? policy->image : "");
}

int rootfs_choose(const struct account *account, struct policy *policy,
	char said[CHOICE_TEXT], struct err *e)
{
	const struct choice c = { account, &policy->rootfs_allow };
	const struct look_job job = { run, (void *)(uintptr_t)&c, 0 };
	const struct resolve_as as = { account->name, account->uid, account->gid,
		account->groups, account->n_groups };
	size_t i;
	int r;

	*said = '\0';
	/* Others than the account itself, and root, don't see its file. */
	if (c.allowed->n == 0 || !account->home || account->home[0] != '/' ||
		(geteuid() != 0 && geteuid() != account->uid))
		return 0;
	r = geteuid() == 0 ? look_run(&job, &as, NULL, 0, e) : run(job.arg, e);
	if (r < 0)
		return err_wrap(e, "look at ~/" CHOICE_FILE " of %s", account->name);
	i = (size_t)r;
	if (i == c.allowed->n + 1)
		return 0;
	if (i > c.allowed->n)
		say(said, "isn't a small file of yours, or is behind a symbolic link");
	else if (i == c.allowed->n ||
		 (policy->root && strcmp(c.allowed->v[i], "host") == 0))
		say(said, "has no name that RootFSAllow= allows");
	else if (take(policy, c.allowed->v[i], said, e) < 0)
		return -1;
	if (*said)
		say_instead(policy, said);
	return 0;
}
