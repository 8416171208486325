/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/subid.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/plan/idmap.h"
#include "core/plan/ranges.h"
#include "core/run/ids/ledger.h"
#include "core/run/ids/subid_alone.h"

#include <fcntl.h>
#include <shadow/subid.h>
#include <string.h>
#include <sys/file.h>

typedef int (*subid_get)(const char *owner, struct subid_range **ranges);

/*
 * For libsubid an account that it knows nothing of, or no file, is a failure too. One whose range
 * only couldn't be read mustn't be given another: what it wrote wouldn't be its own any more.
 */
static bool is_unreadable(int num)
{
	return num == EMFILE || num == ENFILE || num == ENOMEM || num == EIO ||
	       num == EINTR || num == EPERM || num == ENOSPC || num == ENOSYS;
}

static int ask_libsubid(
	subid_get get, const char *name, struct id_range **ret, size_t *ret_n)
{
	struct subid_range *found = NULL;
	uint64_t total = 0;
	int n;

	*ret_n = 0;
	errno = 0;
	n = get(name, &found);
	if (n <= 0)
		return n < 0 && is_unreadable(errno) ? -1 : 0;
	*ret = calloc((size_t)n, sizeof(**ret));
	for (int i = 0; *ret && i < n; i++) {
		if (found[i].start > UINT32_MAX || found[i].count > UINT32_MAX)
			continue;
		(*ret)[(*ret_n)++] = (struct id_range){
			.start = (uint32_t)found[i].start,
			.count = (uint32_t)found[i].count,
		};
		total += found[i].count;
	}
	free(found);
	errno = ENOMEM;
	/* Fewer than a box needs are as good as none. */
	if (total < IDMAP_IDS)
		*ret_n = 0;
	return *ret ? 0 : -1;
}

/* ---- ranges of our own: core/plan/ranges.h ------------------------------------------- */

static int append_line(int fd, const struct account *a, uint32_t start, struct err *e)
{
	char line[64 + ACCOUNT_NAME_MAX];

	(void)snprintf(line, sizeof(line), "%u %u %u %.255s\n", a->uid, start, IDMAP_IDS,
		a->name);
	return ledger_append(fd, PATH_RANGES, line, e) < 0
		       ? err_wrap(e, "record a subordinate id range")
		       : 0;
}

/* As ranges_find(). */
static int look(int fd, int how, const struct account *a, struct id_range *ret,
	uint32_t *next, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (ledger_read(fd, PATH_RANGES, how, &text, e) < 0)
		return -1;
	r = ranges_find(text, a->uid, a->name, ret, next, e);
	return r < 0 ? err_wrap(e, "read %s", PATH_RANGES) : r;
}

static int append_range(
	int fd, const struct account *a, struct id_range *ret, struct err *e)
{
	uint32_t next = RANGES_END;
	int r = look(fd, LOCK_EX, a, ret, &next, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (IDMAP_IDS > RANGES_END - next) {
		(void)err_set(e, 0,
			"no subordinate id range left for %s: add one to /etc/subuid and "
			"/etc/subgid (usermod --add-subuids), or remove lines of deleted "
			"accounts from %s",
			a->name, PATH_RANGES);
		return err_by(e, ERR_BY_IDS);
	}
	ret->start = next;
	return append_line(fd, a, next, e);
}

static int own_range(
	const struct account *a, bool allocate, struct subid *ret, struct err *e)
{
	struct id_range mine = { .count = IDMAP_IDS };
	_cleanup_close_ int fd = -EBADF;
	uint32_t next = RANGES_END;
	int r = ledger_open(PATH_RANGES, allocate, &fd, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	/* Most accounts have a range: a shared lock is enough to read it. */
	r = look(fd, LOCK_SH, a, &mine, &next, e);
	if (r < 0 || (r == 0 && !allocate))
		return r;
	if (r == 0 && append_range(fd, a, &mine, e) < 0)
		return -1;
	ret->own = true;
	ret->uids = calloc(1, sizeof(*ret->uids));
	ret->gids = calloc(1, sizeof(*ret->gids));
	if (!ret->uids || !ret->gids)
		return err_set(e, ENOMEM, "read %s", PATH_RANGES);
	ret->n_uids = ret->n_gids = 1;
	*ret->uids = *ret->gids = mine;
	return 0;
}

int subid_find(const struct account *a, bool allocate, struct subid *ret, struct err *e)
{
	struct subid s = { 0 };

	/* libsubid would print its complaints to stderr. */
	(void)subid_init("nsshell", stderr);
	if (ask_libsubid(subid_get_uid_ranges, a->name, &s.uids, &s.n_uids) < 0 ||
		ask_libsubid(subid_get_gid_ranges, a->name, &s.gids, &s.n_gids) < 0) {
		(void)err_set(e, errno, "read the subordinate ids of %s", a->name);
		subid_clear(&s);
		return -1;
	}
	if (s.n_uids == 0 || s.n_gids == 0) {
		subid_clear(&s);
		if (own_range(a, allocate, &s, e) < 0) {
			subid_clear(&s);
			return -1;
		}
	}
	if (subid_check_alone(a, &s, e) < 0) {
		subid_clear(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

void subid_clear(struct subid *s)
{
	free(s->uids);
	free(s->gids);
	*s = (struct subid){ 0 };
}
