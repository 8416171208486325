/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the hierarchies are: looked up once, or told by who has looked. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every controller that a group of ours may use. */
const char *const cgroup_controllers[CGROUP_N_CONTROLLERS] = { "pids", "memory", "cpu",
	"cpuacct", "freezer", "cpuset", "blkio", "io", "devices", "name=systemd",
	"unified" };

static char *mounts[CGROUP_N_CONTROLLERS]; /* NULL: nowhere */
static bool parts[CGROUP_N_CONTROLLERS]; /* of a hierarchy, where none is mounted whole */
static bool known;
static enum plan_cgroup_kind
	kind; /* of theirs; PLAN_CGROUP_NONE: not looked at, or there are none */

bool cgroup_has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == ' ') &&
			(at[len] == '\0' || at[len] == ' ' || at[len] == '\n'))
			return true;
	return false;
}

bool cgroup_mount_parse(char *line, struct cgroup_mount *ret)
{
	char *field[5], *tail = strstr(line, " - "), *type;

	if (!tail)
		return false;
	*tail = '\0';
	tail += 3;
	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++)
		if (!(field[i] = strsep(&line, " ")))
			return false;
	type = strsep(&tail, " ");
	(void)strsep(&tail, " ");
	/* A blank in a mount point is written \040: nobody mounts cgroups there. */
	if (!tail || strncmp(type, "cgroup", 6) != 0 || strchr(field[4], '\\'))
		return false;
	for (char *at = tail; *at; at++)
		if (*at == ',')
			*at = ' ';
	*ret = (struct cgroup_mount){ .at = field[4],
		.words = tail,
		.whole = strcmp(field[3], "/") == 0,
		.v2 = strcmp(type, "cgroup2") == 0 };
	return true;
}

/* On a hybrid host v2's file has none that v1 has. */
static int note(const struct cgroup_mount *m)
{
	char path[PATH_MAX], text[512] = "";
	const char *words = m->v2 ? text : m->words;

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", m->at);
	if (m->v2)
		(void)io_read_text(AT_FDCWD, path, text, sizeof(text));
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		const char *name = cgroup_controllers[i];
		bool is = m->v2 && strcmp(name, "unified") == 0;

		if ((mounts[i] && (!parts[i] || !m->whole)) ||
			(!is && !cgroup_has_word(words, name)))
			continue;
		free(mounts[i]);
		mounts[i] = strdup(m->at);
		parts[i] = !m->whole;
		if (!mounts[i])
			return -1;
	}
	return 0;
}

/* Return: 0, or -1 where it can't be said now. */
static int find(void)
{
	_cleanup_file_ FILE *f = known ? NULL : fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	struct cgroup_mount m;
	size_t room = 0;
	int r = known || f ? 0 : -1;

	while (f && r == 0 && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (cgroup_mount_parse(line, &m))
			r = note(&m);
	}
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
	kind = PLAN_CGROUP_NONE;
}

int cgroup_path(const char *controller, const char *group, const char *file, char *buf,
	size_t size)
{
	const char *mount = cgroup_mount_point(controller);
	int len;

	errno = ENOENT;
	if (!mount)
		return -1;
	len = snprintf(buf, size, "%s/%s%s%s", mount, group, *file ? "/" : "", file);
	errno = ENAMETOOLONG;
	return len > 0 && (size_t)len < size ? 0 : -1;
}

int cgroup_directory(const char *controller, const char *group)
{
	char path[PATH_MAX];

	return cgroup_path(controller, group, "", path, sizeof(path)) < 0
		       ? -1
		       : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

ssize_t cgroup_read(const char *controller, const char *group, const char *file,
	char *buf, size_t size)
{
	char path[PATH_MAX];

	return cgroup_path(controller, group, file, path, sizeof(path)) < 0
		       ? -1
		       : io_read_text(AT_FDCWD, path, buf, size);
}

void cgroup_above(const char *group, char buf[PATH_MAX])
{
	const char *end = strrchr(group, '/');

	(void)snprintf(buf, PATH_MAX, "%.*s", end ? (int)(end - group) : 0, group);
}

bool cgroup_line(char *line, char **controllers, char **group)
{
	(void)strsep(&line, ":");
	*controllers = strsep(&line, ":");
	*group = line;
	return line != NULL;
}

static enum plan_cgroup_kind look_at_kind(void)
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

enum plan_cgroup_kind cgroup_kind(void)
{
	if (kind == PLAN_CGROUP_NONE)
		kind = look_at_kind();
	return kind;
}
