/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl status inside a session, for who lives there: its limits, and what it uses. */
#include "nsshell/nsctl/status.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/run/cgroup/usage.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>

#define OWN_GROUP "/sys/fs/cgroup"

/* "MemoryMax=268435456" is shown as 256M. */
static void print_limit(const char *line)
{
	const char *value = strchr(line, '=');
	const struct limit *l = value ? limit_find(line, (size_t)(value - line)) : NULL;
	char size[32];
	uint64_t n;

	if (strcmp(line, "[Session]") == 0)
		(void)printf("%12s: of this session\n", "Own");
	else if (*line == '[')
		(void)printf("%12s  shared with others, %s:\n", "", line);
	else if (value && ((l && limit_is_bytes(l)) || strstr(line, "Size=")) &&
		 parse_u64(value + 1, &n) == 0) {
		nsctl_bytes(n, NSCTL_HUMAN, size, sizeof(size));
		(void)printf("%14s%.*s=%s\n", "", (int)(value - line), line, size);
	} else {
		(void)printf("%14s%s\n", "", line);
	}
}

/* Takes @text apart. */
static void print_limits(char *text)
{
	char *rest = text, *line;

	(void)printf("%12s: of all sessions of the account together\n", "Limits");
	if (!*text || strncmp(text, "[Session]", 9) == 0)
		(void)printf("%14snone\n", "");
	while ((line = strsep(&rest, "\n")))
		if (*line)
			print_limit(line);
}

/* How full a place is, and which key makes room there. */
static void print_room(const char *place, const char *key)
{
	char used[32], all[32];
	struct statfs fs;

	if (statfs(place, &fs) < 0)
		return;
	nsctl_bytes((uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize,
		NSCTL_HUMAN, used, sizeof(used));
	nsctl_bytes((uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize, NSCTL_HUMAN, all,
		sizeof(all));
	(void)printf("%12s: %s of %s used, %s\n", place, used, all, key);
}

/* cgroup v2 shows a session its own group, v1 one in each hierarchy. */
static void read_group(struct usage *u)
{
	static const char *const hierarchies[USAGE_DIRS] = {
		[USAGE_MEMORY] = OWN_GROUP "/memory",
		[USAGE_CPU] = OWN_GROUP "/cpu",
		[USAGE_CPUACCT] = OWN_GROUP "/cpuacct",
		[USAGE_PIDS] = OWN_GROUP "/pids",
	};
	bool v1 = access(hierarchies[USAGE_MEMORY], F_OK) == 0;
	int dirs[USAGE_DIRS];

	for (int i = 0; i < USAGE_DIRS; i++)
		dirs[i] = v1 && !hierarchies[i]
				  ? -EBADF
				  : open(v1 ? hierarchies[i] : OWN_GROUP,
					    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	usage_read_at(v1 ? PLAN_CGROUP_V1 : PLAN_CGROUP_V2, dirs, u);
	for (int i = 0; i < USAGE_DIRS; i++)
		cleanup_close(&dirs[i]);
}

static bool print_group(void)
{
	char memory[32], peak[32], cpu[32];
	struct usage u;

	read_group(&u);
	if (u.memory == USAGE_UNKNOWN && u.tasks == USAGE_UNKNOWN)
		return false;
	nsctl_bytes(u.memory, NSCTL_HUMAN, memory, sizeof(memory));
	nsctl_bytes(u.memory_peak, NSCTL_HUMAN, peak, sizeof(peak));
	nsctl_usec(u.cpu_usec, NSCTL_HUMAN, cpu, sizeof(cpu));
	(void)printf("%12s: %s%s%s\n", "Memory", memory, peak[0] ? ", peak " : "", peak);
	if (u.tasks != USAGE_UNKNOWN)
		(void)printf("%12s: %llu\n", "Tasks", (unsigned long long)u.tasks);
	(void)printf("%12s: %s\n", "CPU", cpu);
	return true;
}

/* One process of /proc, added up. */
static void add_process(const char *pid, uint64_t *memory, uint64_t *tasks)
{
	char path[64], text[8192], *rest = text, *line;
	unsigned long long n;

	(void)snprintf(path, sizeof(path), "/proc/%.16s/status", pid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "VmRSS: %llu", &n) == 1)
			*memory += n * 1024;
		if (sscanf(line, "Threads: %llu", &n) == 1)
			*tasks += n;
	}
}

/* Without any: what the processes that are seen here have, pages that they share counted twice. */
static void print_processes(void)
{
	uint64_t memory = 0, tasks = 0;
	DIR *proc = opendir("/proc");
	const struct dirent *d;
	char size[32];

	while (proc && (d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]))
			add_process(d->d_name, &memory, &tasks);
	if (proc)
		(void)closedir(proc);
	nsctl_bytes(memory, NSCTL_HUMAN, size, sizeof(size));
	(void)printf("%12s: %s resident in all processes here\n", "Memory", size);
	(void)printf("%12s: %llu\n", "Tasks", (unsigned long long)tasks);
	(void)printf(
		"%12s: no control group tells what this session uses; these numbers are from /proc\n",
		"Note");
}

void status_inside(void)
{
	char id[64] = "?", text[8192];
	bool upper = false;

	if (io_read_text(AT_FDCWD, PATH_RUN_SESSION, id, sizeof(id)) >= 0)
		id[strcspn(id, "\n")] = '\0';
	(void)printf("session %s\n", id);
	if (io_read_text(AT_FDCWD, PATH_RUN_LIMITS, text, sizeof(text)) >= 0) {
		upper = strstr(text, "UpperSize=") != NULL;
		print_limits(text);
	}
	print_room("/tmp", "TmpSize=");
	print_room("/var/tmp", "TmpSize=");
	print_room("/dev/shm", "TmpSize=");
	if (upper)
		print_room("/", "UpperSize=");
	if (!print_group())
		print_processes();
}
