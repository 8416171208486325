/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/machine.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define STEPS_MAX 16 /* volumes on volumes */

static int read_line(const char *path, char *buf, size_t size)
{
	if (io_read_text(AT_FDCWD, path, buf, size) < 0)
		return -1;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* ---- CPUs -------------------------------------------------------------------------- */

static const char *cpus_of_machine(struct host *h)
{
	char text[4096];

	if (read_line("/sys/devices/system/cpu/online", text, sizeof(text)) < 0)
		return NULL;
	return arena_strdup(&h->arena, text);
}

/* ---- disks -------------------------------------------------------------------------- */

/* @found: of the path. */
static bool device_of(struct libmnt_table *mounts, const char *path,
	const struct stat *found, dev_t *ret)
{
	struct libmnt_fs *fs;
	const char *source;
	struct stat st;

	*ret = S_ISBLK(found->st_mode) ? found->st_rdev : found->st_dev;
	if (major(*ret) != 0)
		return true;
	/* btrfs has no device number of its own: what was mounted there? */
	fs = mnt_table_find_mountpoint(mounts, path, MNT_ITER_BACKWARD);
	source = fs ? mnt_fs_get_srcpath(fs) : NULL;
	if (!source || stat(source, &st) < 0 || !S_ISBLK(st.st_mode))
		return false;
	*ret = st.st_rdev;
	return true;
}

/* The one device below a volume. Return: 0, or -1 where there are none or many. */
static int slave_of(const char *sys, dev_t *ret)
{
	char path[PATH_MAX], text[32];
	struct dirent *d;
	unsigned int maj, min;
	size_t n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/slaves", sys);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' && n++ == 0)
			(void)snprintf(path, sizeof(path), "%s/slaves/%.200s/dev", sys,
				d->d_name);
	if (dir)
		(void)closedir(dir);
	if (n != 1 || read_line(path, text, sizeof(text)) < 0 ||
		sscanf(text, "%u:%u", &maj, &min) != 2)
		return -1;
	*ret = makedev(maj, min);
	return 0;
}

static void whole_disk(dev_t *dev)
{
	char sys[64], path[128], text[32];
	unsigned int maj, min;

	for (int i = 0; i < STEPS_MAX; i++) {
		(void)snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u", major(*dev),
			minor(*dev));
		if (slave_of(sys, dev) < 0)
			break;
	}
	(void)snprintf(path, sizeof(path), "%s/partition", sys);
	if (access(path, F_OK) < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s/../dev", sys);
	if (read_line(path, text, sizeof(text)) == 0 &&
		sscanf(text, "%u:%u", &maj, &min) == 2)
		*dev = makedev(maj, min);
}

/*
 * The whole disk that a path's files lie on, "8:0": that of a partition or an encrypted volume, as
 * systemd.resource-control(5) resolves IOReadBandwidthMax=. Return: NULL, or why there is none.
 */
static const char *disk_of(const struct host *h, struct libmnt_table *mounts,
	const char *path, char *buf, size_t size)
{
	struct stat st;
	char sys[64];
	dev_t dev;

	if (host_look(h, path, true, &st) < 0)
		return "isn't there";
	if (!device_of(mounts, path, &st, &dev))
		return "lies on no disk of this host";
	whole_disk(&dev);
	(void)snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (access(sys, F_OK) < 0)
		return "lies on no disk of this host";
	(void)snprintf(buf, size, "%u:%u", major(dev), minor(dev));
	return NULL;
}

static int add_block(struct host *h, struct libmnt_table *mounts, struct plan_block *v,
	size_t *n, const char *entry)
{
	char *path = arena_printf(&h->arena, "%.*s", (int)strcspn(entry, " "), entry);
	char disk[32];

	if (!path)
		return -1;
	for (size_t i = 0; i < *n; i++)
		if (strcmp(v[i].path, path) == 0)
			return 0;
	v[*n] = (struct plan_block){ .path = path,
		.why = disk_of(h, mounts, path, disk, sizeof(disk)) };
	if (!v[*n].why)
		v[*n].device = arena_strdup(&h->arena, disk);
	if (!v[*n].why && !v[*n].device)
		return -1;
	(*n)++;
	return 0;
}

static int look_at_blocks(const struct policy_limits *const both[2],
	struct libmnt_table *mounts, struct host *h)
{
	struct plan_block *v = arena_alloc(&h->arena,
		2UL * POLICY_IO_KINDS * POLICY_IO_MAX * sizeof(struct plan_block));
	size_t n = 0;

	for (size_t i = 0; v && i < 2; i++)
		for (size_t k = 0; k < POLICY_IO_KINDS; k++)
			for (size_t j = 0; j < both[i]->io[k].n; j++)
				if (add_block(h, mounts, v, &n, both[i]->io[k].v[j]) < 0)
					return -1;
	h->facts.blocks = v;
	h->facts.n_blocks = n;
	return v ? 0 : -1;
}

/* ---- files that groups may lack ----------------------------------------------------- */

/* Where a v1 controller, or v2 for "", is mounted; NULL: nowhere. */
static const char *root_of(struct libmnt_table *mounts, const char *controller)
{
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	const char *target = NULL;
	struct libmnt_fs *fs;

	while (at && !target && mnt_table_next_fs(mounts, at, &fs) == 0) {
		const char *type = mnt_fs_get_fstype(fs);
		const char *options = mnt_fs_get_fs_options(fs);

		if (!type || strcmp(type, *controller ? "cgroup" : "cgroup2") != 0)
			continue;
		if (!*controller || (options && mnt_optstr_get_option(options, controller,
							NULL, NULL) == 0))
			target = mnt_fs_get_target(fs);
	}
	mnt_free_iter(at);
	return target;
}

static bool is_there(const char *root, const char *file)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", root ? root : "", file);
	return root && access(path, F_OK) == 0;
}

/* Whether a word stands in a disk's list of schedulers: "none [mq-deadline] bfq". */
static bool scheduler_says(const char *word)
{
	DIR *dir = opendir("/sys/block");
	bool said = false;
	struct dirent *d;

	while (dir && !said && (d = readdir(dir))) {
		char path[PATH_MAX], text[256];

		(void)snprintf(path, sizeof(path), "/sys/block/%.200s/queue/scheduler",
			d->d_name);
		said = d->d_name[0] != '.' && read_line(path, text, sizeof(text)) == 0 &&
		       strstr(text, word);
	}
	if (dir)
		(void)closedir(dir);
	return said;
}

static bool iocost_is_on(const char *root)
{
	char path[PATH_MAX], text[4096];

	(void)snprintf(path, sizeof(path), "%s/io.cost.qos", root ? root : "");
	return root && io_read_text(AT_FDCWD, path, text, sizeof(text)) == 0 &&
	       strstr(text, "enable=1");
}

/* The root has no limits, but tells by other files which its groups have. */
static int look_at_files(struct libmnt_table *mounts, struct host *h)
{
	bool v2 = h->facts.cgroup == PLAN_CGROUP_V2;
	const char *memory = root_of(mounts, v2 ? "" : "memory");
	const char *io = root_of(mounts, v2 ? "" : "blkio");
	const struct {
		const char *file;
		bool there;
	} files[] = {
		{ "memory.memsw.limit_in_bytes",
			is_there(memory, "memory.memsw.limit_in_bytes") },
		{ "memory.swap.max", access("/proc/swaps", F_OK) == 0 },
		{ "io.weight", is_there(io, "io.cost.qos") },
		{ "io.bfq.weight", scheduler_says("bfq") },
		{ "blkio.bfq.weight", is_there(io, "blkio.bfq.io_service_bytes") },
		{ "blkio.weight", is_there(io, "blkio.weight") },
	};

	h->facts.weighs_io = scheduler_says("[bfq]") || iocost_is_on(io);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (!files[i].there && strlist_add(&h->lacking, files[i].file) < 0)
			return -1;
	h->facts.lacking = &h->lacking;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static bool is_asked(const struct policy_limits *const both[2], enum limit_id id)
{
	return limit_is_set(&limits[id], both[0]) || limit_is_set(&limits[id], both[1]);
}

int machine_gather(const struct policy *policy, struct libmnt_table *mounts,
	struct host *ret, struct err *e)
{
	const struct policy_limits *const both[2] = { &policy->limits,
		&policy->slice_limits };
	int r = 0;

	ret->facts.memory = machine_memory();
	if (is_asked(both, LIMIT_TASKS_MAX))
		ret->facts.tasks = machine_tasks();
	if (is_asked(both, LIMIT_ALLOWED_CPUS))
		ret->facts.cpus = cpus_of_machine(ret);
	if (is_asked(both, LIMIT_SWAP_MAX) || is_asked(both, LIMIT_IO_WEIGHT))
		r = look_at_files(mounts, ret);
	if (r == 0)
		r = look_at_blocks(both, mounts, ret);
	return r < 0 ? err_set(e, ENOMEM, "look at the machine") : 0;
}
