/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl top: what sessions use now, on a terminal refreshed until q is pressed. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>

#define COLUMNS_DEFAULT "id,user,service,%cpu,cpu,memory,peak,tasks,state"
/* Lines of the screen that aren't sessions. */
#define HEAD 3

enum order {
	BY_CPU,
	BY_MEMORY,
	BY_TASKS,
	BY_TIME,
	BY_AGE
};

static const struct {
	const char *name;
	char key;
} orders[] = {
	[BY_CPU] = { "cpu", 'c' },
	[BY_MEMORY] = { "memory", 'm' },
	[BY_TASKS] = { "tasks", 't' },
	[BY_TIME] = { "time", 'i' },
	[BY_AGE] = { "age", 'a' },
};
#define N_ORDERS (sizeof(orders) / sizeof(*orders))

struct sample {
	struct nsctl_session *v;
	size_t n;
	uint64_t usec; /* when */
};

struct top {
	struct nsctl_look look;
	enum order order;
	uint64_t delay_ms;
	uint32_t times; /* 0: until q */
	bool batch;
	struct sample before, now;
};

static volatile sig_atomic_t ended;

static void end_it(int sig)
{
	(void)sig;
	ended = 1;
}

/* ---- looking ------------------------------------------------------------------------ */

static void compare(struct sample *now, const struct sample *before)
{
	double spent = (double)(now->usec - before->usec);

	for (size_t i = 0; i < now->n; i++) {
		struct nsctl_session *s = &now->v[i];

		for (size_t k = 0; k < before->n; k++) {
			const struct nsctl_session *old = &before->v[k];

			if (strcmp(old->record.id, s->record.id) == 0 && spent > 0 &&
				s->usage.cpu_usec != USAGE_UNKNOWN &&
				old->usage.cpu_usec <= s->usage.cpu_usec)
				s->cpu = 100.0 *
					 (double)(s->usage.cpu_usec -
						  old->usage.cpu_usec) /
					 spent;
		}
	}
}

static int look(struct top *t, struct err *e)
{
	size_t bad;

	free(t->before.v);
	t->before = t->now;
	t->now = (struct sample){ .usec = clock_usec() };
	if (nsctl_sessions(NSCTL_OWN, &t->now.v, &t->now.n, &bad, e) < 0)
		return -1;
	nsctl_network_look(t->now.v, t->now.n);
	compare(&t->now, &t->before);
	return 0;
}

/* ---- sorting ------------------------------------------------------------------------ */

static double weight(const struct nsctl_session *s, enum order order)
{
	uint64_t n = s->record.since;

	switch (order) {
	case BY_CPU:
		return s->cpu;
	case BY_MEMORY:
		n = s->usage.memory;
		break;
	case BY_TASKS:
		n = s->usage.tasks;
		break;
	case BY_TIME:
		n = s->usage.cpu_usec;
		break;
	case BY_AGE:
		break;
	}
	return n == USAGE_UNKNOWN ? -1 : (double)n;
}

static int by_weight(const void *a, const void *b, void *arg)
{
	double x = weight(a, *(enum order *)arg), y = weight(b, *(enum order *)arg);

	return x > y ? -1 : x < y;
}

/* ---- showing ------------------------------------------------------------------------ */

static void print_head(const struct top *t)
{
	uint64_t memory = 0, tasks = 0;
	double load[3] = { 0 }, cpu = 0;
	char bytes[32];

	for (size_t i = 0; i < t->now.n; i++) {
		const struct nsctl_session *s = &t->now.v[i];

		if (s->usage.memory != USAGE_UNKNOWN)
			memory += s->usage.memory;
		if (s->usage.tasks != USAGE_UNKNOWN)
			tasks += s->usage.tasks;
		if (s->cpu > 0)
			cpu += s->cpu;
	}
	(void)getloadavg(load, 3);
	nsctl_bytes(memory, NSCTL_HUMAN, bytes, sizeof(bytes));
	(void)printf("%zu session%s, %" PRIu64
		     " tasks, %.1f%% CPU, %s memory; load %.2f %.2f %.2f\n\n",
		t->now.n, t->now.n == 1 ? "" : "s", tasks, cpu, bytes, load[0], load[1],
		load[2]);
}

static size_t rows(void)
{
	struct winsize w;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > HEAD
		       ? w.ws_row - HEAD - 1U
		       : 20;
}

static int show(struct top *t, struct err *e)
{
	size_t n = t->now.n;

	qsort_r(t->now.v, n, sizeof(*t->now.v), by_weight, &t->order);
	if (!t->batch) {
		(void)fputs("\033[H\033[J", stdout);
		if (n > rows())
			n = rows();
	}
	if (!t->look.how.json && !t->look.how.noheadings)
		print_head(t);
	if (nsctl_table_print(&t->look, t->now.v, n, e) < 0)
		return -1;
	return fflush(stdout) != 0 ? err_set(e, errno, "write") : 0;
}

/* ---- the terminal ------------------------------------------------------------------- */

/* A key was pressed. Return: whether to go on. */
static bool heed(struct top *t, char key)
{
	for (size_t i = 0; i < N_ORDERS; i++)
		if (orders[i].key == key)
			t->order = (enum order)i;
	return key != 'q' && key != 'Q';
}

/* Wait for the next look. Return: whether to go on. */
static bool rest(struct top *t)
{
	struct pollfd p = { .fd = t->batch ? -1 : STDIN_FILENO, .events = POLLIN };
	char key;

	if (poll(&p, 1, (int)t->delay_ms) > 0) {
		if (read(STDIN_FILENO, &key, 1) != 1)
			return false;
		return heed(t, key);
	}
	return ended == 0;
}

static int loop(struct top *t, struct err *e)
{
	uint32_t shown = 0;

	/* The first look has nothing to compare with. */
	if (look(t, e) < 0)
		return -1;
	if (t->batch)
		(void)rest(t);
	for (;;) {
		if ((t->batch || shown > 0) && look(t, e) < 0)
			return -1;
		if (show(t, e) < 0)
			return -1;
		if (++shown == t->times || ended || !rest(t))
			return 0;
	}
}

static int run(struct top *t, struct err *e)
{
	struct sigaction act = { .sa_handler = end_it };
	struct termios old, raw;
	int r;

	if (t->batch)
		return loop(t, e);
	if (tcgetattr(STDIN_FILENO, &old) < 0)
		return err_set(e, errno, "read keys from the terminal");
	/* No SA_RESTART: poll(2) must return. */
	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	(void)sigaction(SIGHUP, &act, NULL);
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	r = loop(t, e);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &old);
	return r;
}

static int order_parse(const char *name, enum order *ret)
{
	for (size_t i = 0; i < N_ORDERS; i++)
		if (strcmp(orders[i].name, name) == 0) {
			*ret = (enum order)i;
			return 0;
		}
	return -1;
}

static int options_apply(struct top *t, const char *command, const char *order,
	const char *delay, const char *times)
{
	uint64_t usec = 2000000;

	if (order && order_parse(order, &t->order) < 0)
		return nsctl_usage(
			command, "--sort takes cpu, memory, tasks, time or age");
	if (delay && (parse_timespan(delay, &usec) < 0 || usec < 100000 ||
			     usec > 3600000000ULL))
		return nsctl_usage(
			command, "--delay takes seconds from 0.1 to 3600, as 2 or 500ms");
	if (times && parse_u32(times, &t->times) < 0)
		return nsctl_usage(command, "\"%s\" is no number of times", times);
	t->delay_ms = usec / 1000;
	if (!t->batch && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		t->batch = true;
	if (t->batch && !times)
		t->times = 1;
	return -1;
}

int nsctl_top(int argc, char **argv)
{
	struct top t = { .look.columns = COLUMNS_DEFAULT };
	const char *order = NULL, *delay = NULL, *times = NULL;
	const struct nsctl_option options[] = {
		{ 'b', "batch", NULL, "no screen; once, if --times isn't given", &t.batch,
			NULL },
		{ 'd', "delay", "SPAN", "between two looks: 2 (seconds) if not given",
			NULL, &delay },
		{ 't', "times", "N", "end after so many", NULL, &times },
		{ 's', "sort", "BY", "cpu, memory, tasks, time or age", NULL, &order },
		{ 'J', "json", NULL, "JSON, as of list", &t.look.how.json, NULL },
		{ 'n', "noheadings", NULL, "no summary, no line with the columns' names",
			&t.look.how.noheadings, NULL },
		{ 'r', "raw", NULL, "for scripts: one blank between columns",
			&t.look.how.raw, NULL },
		{ 'o', "output", "COLS", "columns to show, as of list", NULL,
			&t.look.columns },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	t.batch |= t.look.how.json;
	r = options_apply(&t, argv[0], order, delay, times);
	if (r >= 0)
		return r;
	r = run(&t, &e);
	free(t.now.v);
	free(t.before.v);
	if (r < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
