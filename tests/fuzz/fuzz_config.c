/* SPDX-License-Identifier: BSD-3-Clause */
/* nsshell.conf: whole files, as the planner reads them. */
#include "config/config.h"
#include "core/base/cleanup.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/stat.h>

static char directory[] = "/tmp/nsshell-fuzz-XXXXXX";
static char path[64];

static void leave(void)
{
	(void)unlink(path);
	(void)rmdir(directory);
}

static void enter(void)
{
	if (path[0])
		return;
	must(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/nsshell.conf", directory);
	(void)atexit(leave);
}

static void put(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0);
	must(write(fd, data, size) == (ssize_t)size);
}

static void use(const struct config *c)
{
	static char *groups[] = { (char *)"alice", (char *)"staff" };
	static gid_t gids[] = { 1000, 50 };
	const struct account alice = { .name = (char *)"alice",
		.uid = 1000,
		.gid = 1000,
		.home = (char *)"/home/alice",
		.shell = (char *)"/bin/sh",
		.groups = gids,
		.group_names = groups,
		.n_groups = 2 };
	const struct config_problem *problems = NULL;
	size_t n = config_problems(c, &problems);
	struct policy p = { 0 };
	struct strlist services = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < n; i++)
		must(problems[i].text && problems[i].text[0]);
	if (config_policy(c, &alice, &p, &e) == 0) {
		must(config_policy_check(&p, &e) == 0);
		must(p.hostname);
		must(p.services.v || p.services.n == 0);
	} else {
		must(e.msg[0]);
	}
	policy_clear(&p);
	must(config_services(c, &services, &e) == 0);
	strlist_clear(&services);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct err e = { 0 };

	enter();
	put(data, size);
	must(config_load(path, &c, &e) == 0);
	use(c);
	config_free(c);
	return 0;
}
