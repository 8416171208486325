/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the hierarchies are: looked up once, or told by who has looked. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every controller that a group of ours may use. */
const char *const cgroup_controllers[CGROUP_N_CONTROLLERS] = { "pids", "memory", "cpu",
	"cpuacct", "freezer", "cpuset", "blkio", "io", "devices", "name=systemd",
	"unified" };

static char *mounts[CGROUP_N_CONTROLLERS]; /* NULL: nowhere */
static bool known;

bool cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == ' ') &&
			(at[len] == '\0' || at[len] == ' ' || at[len] == '\n'))
			return true;
	return false;
}

/* Of v1 they are options; @words: of v2's file, which on a hybrid host has none that v1 has. */
static bool has(const struct mntent *m, const char *words, const char *controller)
{
	if (!words)
		return hasmntopt(m, controller);
	return strcmp(controller, "unified") == 0 || cgroup_has_word(words, controller);
}

static int note(const struct mntent *m)
{
	bool v2 = strcmp(m->mnt_type, "cgroup2") == 0;
	char path[PATH_MAX], words[512] = "";

	if (!v2 && strcmp(m->mnt_type, "cgroup") != 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", m->mnt_dir);
	if (v2)
		(void)io_read_text(AT_FDCWD, path, words, sizeof(words));
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++)
		if (!mounts[i] && has(m, v2 ? words : NULL, cgroup_controllers[i]) &&
			!(mounts[i] = strdup(m->mnt_dir)))
			return -1;
	return 0;
}

/* Return: 0, or -1 where it can't be said now. */
static int find(void)
{
	FILE *f = known ? NULL : setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	int r = known || f ? 0 : -1;

	while (f && r == 0 && (m = getmntent(f)))
		r = note(m);
	if (f)
		(void)endmntent(f);
	known = r == 0;
	return r;
}

const char *cgroup_mount_point(const char *controller)
{
	(void)find();
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++)
		if (strcmp(controller, cgroup_controllers[i]) == 0)
			return mounts[i];
	return NULL;
}

int cgroup_mounts_tell(char *buf, size_t size)
{
	size_t len = 0;

	if (find() < 0)
		return -1;
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS && len < size; i++)
		len += (size_t)snprintf(
			buf + len, size - len, "%s\n", mounts[i] ? mounts[i] : "");
	return len < size ? 0 : -1;
}

void cgroup_mounts_hear(const char *text)
{
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		size_t len = strcspn(text, "\n");

		free(mounts[i]);
		mounts[i] = len ? strndup(text, len) : NULL;
		text += len + (text[len] == '\n');
	}
	known = true;
}

int cgroup_path(const char *controller, const char *group, const char *file, char *buf,
	size_t size)
{
	const char *mount = cgroup_mount_point(controller);
	int len;

	if (!mount)
		return -1;
	len = snprintf(buf, size, "%s/%s%s%s", mount, group, *file ? "/" : "", file);
	return len > 0 && (size_t)len < size ? 0 : -1;
}

enum plan_cgroup_kind cgroup_kind(void)
{
	char path[PATH_MAX];
	bool any = false;

	for (size_t i = 0; i < CGROUP_N_KERNEL; i++) {
		if (cgroup_path(cgroup_controllers[i], "", "cgroup.controllers", path,
			    sizeof(path)) < 0)
			continue;
		if (access(path, F_OK) == 0)
			return PLAN_CGROUP_V2;
		any = true;
	}
	return any ? PLAN_CGROUP_V1 : PLAN_CGROUP_NONE;
}
