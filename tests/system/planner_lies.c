/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-planner, but for one lie: linked with its objects and --wrap=talk_say. Which lie is in the program itself,
 * where test_planner.py writes it: it has no argument, no variable and no file of ours.
 */
#include "helpers/planner/messages.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile char lie[] = "LIE=none............";

int __real_talk_say(
	struct talk *t, enum message kind, const void *what, int fd, struct err *e);
int __wrap_talk_say(
	struct talk *t, enum message kind, const void *what, int fd, struct err *e);

static struct plan_op *limits_of(struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == PLAN_BIND &&
			strcmp(p->ops[i].target, "/run/nsshell/limits") == 0)
			return &p->ops[i];
	return p->ops;
}

/* One that comes after the binds. */
static struct plan_op *late(struct plan *p)
{
	for (size_t i = p->n_ops; i-- > 0;)
		if (p->ops[i].kind == PLAN_HIDE)
			return &p->ops[i];
	return p->ops;
}

static void make_in_home(struct plan *p)
{
	static char path[4096];
	struct plan_op *op = late(p);

	(void)snprintf(path, sizeof(path), "%s/made", p->home);
	op->kind = PLAN_FILE;
	op->target = path;
	op->content = "made";
}

static void cover_by_link(struct plan *p)
{
	struct plan_op *op = late(p);

	op->kind = PLAN_COVER;
	op->target = "/proc/uptime";
	op->source = "/var/tmp/nsshell-lie/proc/uptime";
}

/* Any directory, with root's rights: it may lie in one that the account doesn't get into. */
static void overlay_a_directory(struct plan *p)
{
	static struct plan_overlay all[64];

	memcpy(all, p->overlays, p->n_overlays * sizeof(*all));
	all[p->n_overlays] = all[0];
	all[p->n_overlays].target = all[p->n_overlays].lower = "/usr/share/doc";
	p->overlays = all;
	p->n_overlays++;
}

/* Others that are nobody's, on this host: by an fd's owner, or by their limits. */
static bool reaches_others(int fd)
{
	struct rlimit l;

	return fcntl(fd, F_SETOWN, getpid()) == 0 || fcntl(fd, F_SETSIG, SIGKILL) == 0 ||
	       prlimit(getpid(), RLIMIT_CPU, NULL, &l) == 0;
}

static void tell(struct talk *t, struct plan *p)
{
	static char junk[40000];

	switch (lie[4]) {
	case 'u':
		p->uids.extents[0].outside = 0;
		break;
	case 's':
		limits_of(p)->source = "/var/lib/nsshell";
		break;
	case 'e':
		limits_of(p)->source = "/etc";
		break;
	case 'p':
		p->no_new_privs = false;
		break;
	case 'm':
		p->namespaces &= ~(uint64_t)CLONE_NEWNS;
		break;
	case 'w':
		p->filter.n_rules -= p->filter.n_rules > 0;
		break;
	case 'b':
		p->cgroup.n_settings = 0;
		break;
	case 'f':
		make_in_home(p);
		break;
	case 'l':
		cover_by_link(p);
		break;
	case 'o':
		overlay_a_directory(p);
		break;
	case 'r':
		if (!reaches_others(t->sock))
			_exit(0);
		break;
	case 'g':
		for (int i = 0; i < 100; i++)
			(void)send(t->sock, junk, (size_t)(i * 397 % 40000) + 8, 0);
		_exit(0);
	case 'c':
		__builtin_trap();
	case 'x':
		_exit(0);
	case 'h':
		(void)poll(NULL, 0, -1);
		_exit(0);
	}
}

int __wrap_talk_say(
	struct talk *t, enum message kind, const void *what, int fd, struct err *e)
{
	/* Another's memory: nobody minds in here. */
	if (kind == MESSAGE_PLAN)
		tell(t, (struct plan *)(uintptr_t)what);
	return __real_talk_say(t, kind, what, fd, e);
}
