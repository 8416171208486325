/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/nsctl/status.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/session_processes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define EVENTS 10

/* ---- processes ---------------------------------------------------------------------- */

int status_parse_process(char *text, struct status_process *ret)
{
	struct status_process p = { 0 };
	char *line;
	int ids = 0;

	while ((line = strsep(&text, "\n"))) {
		uint64_t kib;
		int id, at = 0, n;

		if (strncmp(line, "Name:\t", 6) == 0)
			(void)snprintf(p.command, sizeof(p.command), "[%.60s]", line + 6);
		(void)sscanf(line, "State: %c", &p.state);
		(void)sscanf(line, "PPid: %d", &p.parent);
		ids += sscanf(line, "Uid: %u", &p.uid) == 1;
		if (sscanf(line, "VmRSS: %" SCNu64, &kib) == 1)
			p.memory = kib * 1024;
		/* The last one is that of the innermost pid namespace, the first ours. */
		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		for (at = 6, n = 0; sscanf(line + at, "%d%n", &id, &n) == 1; at += n) {
			if (p.pid == 0)
				p.pid = id;
			else if (p.inside == 0)
				p.inside = id;
		}
	}
	if (ids != 1 || p.pid == 0)
		return -1;
	*ret = p;
	return 0;
}

/* Words and all, as ps(1) shows it; kernel's name in brackets where there is none. */
static void read_command(int dir, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir, "cmdline", O_RDONLY | O_CLOEXEC);
	char text[sizeof(((struct status_process *)0)->command)];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	/* setproctitle(3) leaves blanks and zeros behind. */
	while (n > 1 && (text[n - 1] == '\0' || text[n - 1] == ' '))
		text[--n] = '\0';
	for (ssize_t i = 0; i < n - 1; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	(void)snprintf(buf, size, "%s", text);
}

static int read_process(pid_t pid, struct status_process *ret)
{
	char path[32], text[8192];
	_cleanup_close_ int dir = -EBADF;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || io_read_text(dir, "status", text, sizeof(text)) < 0 ||
		status_parse_process(text, ret) < 0)
		return -1;
	ret->pid = pid;
	read_command(dir, ret->command, sizeof(ret->command));
	/* Who lives there chooses these words. */
	nsctl_printable(ret->command);
	return 0;
}

static int gather_processes(struct status *s, struct err *e)
{
	const struct record *r = &s->session->record;
	_cleanup_free_ pid_t *pids = NULL;
	struct err ignored;
	size_t n = 0;

	if (!r->cgroup[0] ||
		members_list(cgroup_kind(), r->cgroup, &pids, &n, &ignored) < 0)
		return 0;
	s->processes = calloc(n + 1, sizeof(*s->processes));
	if (!s->processes)
		return err_set(e, ENOMEM, "look at the processes");
	for (size_t i = 0; i < n; i++)
		if (read_process(pids[i], &s->processes[s->n_processes]) == 0)
			s->n_processes++;
	return 0;
}

/* ---- mounts ------------------------------------------------------------------------- */

int status_parse_mount(char *line, struct status_mount *ret)
{
	char *field[6], *dash = strstr(line, " - "), *type, *rest;

	if (!dash)
		return -1;
	rest = dash + 3;
	type = strsep(&rest, " ");
	for (size_t i = 0; i < 6; i++) {
		field[i] = strsep(&line, " ");
		if (!field[i])
			return -1;
	}
	/* Names keep mountinfo's own escapes, \040 for a blank. */
	(void)snprintf(ret->target, sizeof(ret->target), "%s", field[4]);
	(void)snprintf(ret->options, sizeof(ret->options), "%s", field[5]);
	(void)snprintf(ret->fstype, sizeof(ret->fstype), "%s", type);
	nsctl_printable(ret->target);
	nsctl_printable(ret->fstype);
	return 0;
}

/* Those that init sees; held by its pidfd while they are read. */
static int gather_mounts(struct status *s, struct err *e)
{
	const struct record *r = &s->session->record;
	_cleanup_close_ int init = io_process_hold(r->init.pid, r->init.start);
	_cleanup_file_ FILE *in = NULL;
	_cleanup_free_ char *line = NULL;
	char path[48];
	size_t size = 0, room = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)r->init.pid);
	in = init < 0 ? NULL : fopen(path, "re");
	while (in && getline(&line, &size, in) > 0) {
		if (s->n_mounts == room) {
			struct status_mount *more =
				reallocarray(s->mounts, room + 64, sizeof(*s->mounts));

			if (!more)
				return err_set(e, ENOMEM, "look at the mounts");
			s->mounts = more;
			room += 64;
		}
		line[strcspn(line, "\n")] = '\0';
		if (status_parse_mount(line, &s->mounts[s->n_mounts]) == 0)
			s->n_mounts++;
	}
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

/* "nsshell/course.slice/1000" is in one; systemd's own slices aren't Slice='s. */
static void gather_slice(struct status *s, enum plan_cgroup_kind kind)
{
	static const char ending[] = ".slice";
	char *end;

	(void)snprintf(s->slice, sizeof(s->slice), "%s", s->account_group);
	end = strrchr(s->slice, '/');
	if (end)
		*end = '\0';
	if (!end || end - s->slice < (ptrdiff_t)sizeof(ending) ||
		strcmp(end - strlen(ending), ending) != 0 || !strchr(s->slice, '/')) {
		s->slice[0] = '\0';
		return;
	}
	usage_read(kind, s->slice, &s->slice_usage);
	usage_more_read(kind, s->slice, &s->slice_more);
}

static void gather_account(struct status *s)
{
	static const char *const what[STATUS_PRESSURES] = { "cpu", "memory", "io" };
	const char *group = s->session->record.cgroup, *end = strrchr(group, '/');
	enum plan_cgroup_kind kind = end ? cgroup_kind() : PLAN_CGROUP_NONE;

	usage_clear(&s->account);
	usage_clear(&s->slice_usage);
	usage_network(&s->account, &s->session->usage);
	if (!end)
		return;
	(void)snprintf(s->account_group, sizeof(s->account_group), "%.*s",
		(int)(end - group), group);
	usage_read(kind, s->account_group, &s->account);
	usage_hits(&s->account, &s->session->usage);
	usage_network(&s->account, &s->session->usage);
	usage_more_read(kind, s->account_group, &s->account_more);
	gather_slice(s, kind);
	for (size_t i = 0; i < STATUS_PRESSURES; i++) {
		s->pressure[i].what = what[i];
		s->pressure[i].there =
			usage_pressure_read(kind, group, what[i], &s->pressure[i].p) == 0;
	}
}

int status_gather(const struct nsctl_session *session, struct status *ret, struct err *e)
{
	struct log_filter filter = { .session = session->record.id, .max = EVENTS };
	struct status s = { .session = session };
	struct err ignored;

	gather_account(&s);
	if (gather_processes(&s, e) < 0 || gather_mounts(&s, e) < 0) {
		status_clear(&s);
		return -1;
	}
	(void)log_read(&s.log, &filter, &ignored);
	log_finish(&s.log, &filter);
	*ret = s;
	return 0;
}

void status_clear(struct status *s)
{
	free(s->processes);
	free(s->mounts);
	log_clear(&s->log);
	*s = (struct status){ 0 };
}
