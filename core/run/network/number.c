/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/network/number.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/plan/netpool.h"
#include "core/plan/numbers.h"
#include "core/run/ids/ledger.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

/* Whom the lines of numbers that logins have are of. */
#define NOBODY ((uid_t)-1)

/* ---- numbers of logins --------------------------------------------------------------- */

/* Whose process is gone, without a word: its number is free. */
static bool is_lent(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || lock_file(fd, LOCK_EX, 0) != 0)
		return true;
	(void)unlinkat(dir, name, 0);
	return false;
}

/* A line each, below those of the ledger. Who gives numbers out holds the ledger's lock. */
static int add_lent(char **text, struct err *e)
{
	int dir = io_open_state(PATH_NET_LENT, 0700, e);
	_cleanup_dir_ DIR *all = take_dir(dir);
	_cleanup_free_ char *more = NULL;
	size_t size = 0;
	struct dirent *d;
	FILE *out;
	int unread;

	if (!all)
		return dir < 0 ? -1 : err_set(e, errno, "read %s", PATH_NET_LENT);
	out = open_memstream(&more, &size);
	if (!out)
		return err_set(e, ENOMEM, "look for an address");
	fputs(*text, out);
	while ((errno = 0, d = readdir(all))) {
		uint32_t number;

		if (parse_u32(d->d_name, &number) == 0 && number > 0 &&
			is_lent(dirfd(all), d->d_name))
			fprintf(out, "%u %u -\n", NOBODY, number);
	}
	unread = errno;
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "look for an address");
	if (unread != 0)
		return err_set(e, unread, "read %s", PATH_NET_LENT);
	free(*text);
	*text = more;
	more = NULL;
	return 0;
}

/* A process lends one number at most. */
static int lent = -EBADF;

static int lend(uint32_t number, struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_NET_LENT, 0700, e);
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", number);
	return dir < 0 || lock_named(dir, PATH_NET_LENT, name, 0, &lent, e) != 0 ? -1 : 0;
}

int number_lock(void)
{
	return lent;
}

void number_return(uint32_t number)
{
	char path[sizeof(PATH_NET_LENT) + 16];

	(void)snprintf(path, sizeof(path), PATH_NET_LENT "/%u", number);
	(void)unlink(path);
}

void number_sweep(void)
{
	_cleanup_dir_ DIR *all = opendir(PATH_NET_LENT);
	const struct dirent *d;
	uint32_t number;

	while (all && (d = readdir(all)))
		if (parse_u32(d->d_name, &number) == 0)
			(void)is_lent(dirfd(all), d->d_name);
}

/* ---- the ledger ---------------------------------------------------------------------- */

struct wish {
	uid_t uid;
	const char *name;
	uint32_t from, max;
	bool new;
};

static int look(int fd, const struct wish *w, uint32_t *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (ledger_read(fd, PATH_ADDRESSES, w->new ? LOCK_EX : LOCK_SH, &text, e) < 0 ||
		(w->new &&add_lent(&text, e) < 0))
		return -1;
	r = numbers_find(text, w->uid, w->name, w->from, w->max, ret, e);
	if (r < 0)
		return err_wrap(e, "read %s", PATH_ADDRESSES);
	if (r == 0 && *ret == 0 && w->new)
		return err_set(e, 0,
			"no address is left: give [Network] a larger Pool=, or remove lines of deleted "
			"accounts from %s",
			PATH_ADDRESSES);
	return r;
}

static int give(int fd, const struct wish *w, uint32_t *ret, struct err *e)
{
	char line[64 + ACCOUNT_NAME_MAX];
	uint32_t number;
	int r = look(fd, w, &number, e);

	if (r < 0)
		return -1;
	(void)snprintf(line, sizeof(line), "%u %u %.255s\n", w->uid, number, w->name);
	if (r == 0 && (w->uid == NOBODY ? lend(number, e)
					: ledger_append(fd, PATH_ADDRESSES, line, e)) < 0)
		return -1;
	*ret = number;
	return 0;
}

/* One that was another's just now may have its connections: begin anywhere. */
static uint32_t anywhere(uint32_t max)
{
	uint32_t luck = 0;

	if (getrandom(&luck, sizeof(luck), GRND_NONBLOCK) < 0)
		luck = (uint32_t)getpid();
	return luck % max + 1;
}

int number_find(const struct account *a, const struct policy *policy, bool allocate,
	uint32_t *ret, struct err *e)
{
	const struct policy_network *n = &policy->network;
	bool login =
		n->kind == NETWORK_PRIVATE && policy->network_share == NETWORK_OF_LOGIN;
	_cleanup_close_ int fd = -EBADF;
	struct wish w = { a->uid, a->name, 1, 0, false };
	struct netpool pool;
	uint32_t number;
	const char *why;
	int r;

	*ret = 0;
	if (!policy_has_address(policy) || (login && !allocate))
		return 0;
	if (netpool_parse(policy->pool, &pool, &why) < 0)
		return err_set(e, 0, "Pool=%s: %s", policy->pool, why);
	w.max = netpool_max(&pool);
	/* Another account's is that account's, and nobody else's to be given. */
	if (n->kind == NETWORK_USER) {
		w.uid = n->uid;
		w.name = n->name;
		allocate = false;
	}
	r = ledger_open(PATH_ADDRESSES, allocate, &fd, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (login) {
		w = (struct wish){ NOBODY, "", anywhere(w.max), w.max, true };
		return give(fd, &w, ret, e);
	}
	/* Most accounts have a number: a shared lock is enough to read it. */
	r = look(fd, &w, &number, e);
	if (r == 1)
		*ret = number;
	if (r != 0 || !allocate)
		return r < 0 ? -1 : 0;
	w.new = true;
	return give(fd, &w, ret, e);
}
