/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/planner/reach.h"

#include "config/config.h"
#include "core/base/cleanup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static struct talk *talk;
static union heard heard; /* the last answer */
static union heard matters;
static bool came; /* they have */

/* The helper says what there is to know when it has it, also between a question and the answer. */
static int hear(int *fd, struct err *e)
{
	int kind = talk_hear(talk, &heard, fd, e);

	if (kind != MESSAGE_MATTERS || came)
		return kind;
	cleanup_close(fd);
	matters = heard;
	came = true;
	return talk_hear(talk, &heard, fd, e);
}

/* Return: 0; -1 with errno, EIO where no answer came. */
static int ask(
	enum message kind, const char *name, bool flag, enum message answer, int *ret_fd)
{
	const struct name_told told = { name, flag };
	struct err ignored;
	int fd = -EBADF, r = talk_say(talk, kind, &told, -1, &ignored);

	if (r == 0)
		r = hear(&fd, &ignored) == (int)answer ? 0 : -1;
	if (r < 0 || !ret_fd)
		cleanup_close(&fd);
	if (ret_fd)
		*ret_fd = fd;
	if (r < 0)
		errno = EIO;
	return r;
}

/* Most of a config may be read by everybody. */
static int reach_open(const char *path, bool directory)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
				    (directory ? O_DIRECTORY : O_NOFOLLOW));

	if (fd >= 0 || errno != EACCES)
		return fd;
	if (ask(MESSAGE_OPEN, path, directory, MESSAGE_OPENED, &fd) < 0)
		return -1;
	errno = (int)heard.look.num;
	return fd;
}

static int copy(const struct account *from, struct account *ret)
{
	size_t n = from->n_groups;

	*ret = (struct account){ .name = strdup(from->name),
		.uid = from->uid,
		.gid = from->gid,
		.home = strdup(from->home),
		.shell = strdup(from->shell),
		.groups = calloc(n + 1, sizeof(*ret->groups)),
		.group_names = calloc(n + 1, sizeof(*ret->group_names)) };
	if (!ret->name || !ret->home || !ret->shell || !ret->groups || !ret->group_names)
		return -1;
	for (; ret->n_groups < n; ret->n_groups++) {
		size_t i = ret->n_groups;

		ret->groups[i] = from->groups[i];
		ret->group_names[i] =
			from->group_names[i] ? strdup(from->group_names[i]) : NULL;
		if (from->group_names[i] && !ret->group_names[i])
			return -1;
	}
	return 0;
}

static int reach_account(const char *name, struct account *ret, struct err *e)
{
	struct account told;

	*ret = (struct account){ 0 };
	if (ask(MESSAGE_ACCOUNT, name, false, MESSAGE_ACCOUNTED, NULL) < 0)
		return err_set(e, errno, "look %s up", name);
	if (heard.account.none)
		return 1;
	if (*heard.account.e.msg)
		return err_hear(&heard.account.e, e);
	if (account_hear(&heard.account.account, &talk->arena, &told) == 0 &&
		copy(&told, ret) == 0)
		return 0;
	account_clear(ret);
	return err_set(e, ENOMEM, "look %s up", name);
}

static int reach_look(const char *path, bool follow, struct stat *ret)
{
	if (ask(MESSAGE_LOOK, path, follow, MESSAGE_LOOKED, NULL) < 0)
		return -1;
	*ret = (struct stat){ .st_mode = heard.look.mode,
		.st_dev = heard.look.dev,
		.st_rdev = heard.look.rdev };
	errno = (int)heard.look.num;
	return heard.look.num ? -1 : 0;
}

static bool reach_lxcfs(const char *where)
{
	return ask(MESSAGE_LXCFS, where, false, MESSAGE_ANSWERS, NULL) == 0 &&
	       heard.look.num == 0;
}

int reach_matters(const struct matters **ret, struct err *e)
{
	int fd = -EBADF;

	if (!came && talk_hear(talk, &matters, &fd, e) != MESSAGE_MATTERS)
		return err_set(e, 0, "what there is to know didn't come");
	cleanup_close(&fd);
	*ret = &matters.matters;
	return 0;
}

const struct host_eyes reach_eyes = { reach_look, reach_lxcfs };

void reach_begin(struct talk *t, const struct people *people)
{
	talk = t;
	config_reach = (struct config_reach){ reach_open, reach_account, people };
}
