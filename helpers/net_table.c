/* SPDX-License-Identifier: BSD-3-Clause */
/* The table: as netpool_table() has it, or made anew. */
#include "helpers/net.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/parse.h"
#include "core/base/paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_MS  20000
#define SEEN_MAX (1U << 20)

static void free_ctx(struct nft_ctx **ctx)
{
	nft_ctx_free(*ctx);
}

static int begin(struct nft_ctx **ret, struct err *e)
{
	*ret = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!*ret || nft_ctx_buffer_output(*ret) != 0 || nft_ctx_buffer_error(*ret) != 0)
		return err_set(e, ENOMEM, "begin with nftables");
	/* Without counters and what is counted by link. */
	nft_ctx_output_set_flags(*ret, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
	return 0;
}

static int run(struct nft_ctx *ctx, const char *commands, struct err *e)
{
	if (nft_run_cmd_from_buffer(ctx, commands) == 0)
		return 0;
	return err_set(e, 0, "nftables: %.*s",
		(int)strcspn(nft_ctx_get_error_buffer(ctx), "\n"),
		nft_ctx_get_error_buffer(ctx));
}

/* As the kernel has it now; "" where there is none. */
static const char *listing(struct nft_ctx *ctx)
{
	struct err ignored;

	return run(ctx, "list table inet " NETPOOL_TABLE, &ignored) < 0
		       ? ""
		       : nft_ctx_get_output_buffer(ctx);
}

/* What it was made of, and what the kernel said it was then. */
static int read_known(char *text)
{
	return io_read_text(AT_FDCWD, PATH_NET_TABLE, text, SEEN_MAX) < 0 ? -1 : 0;
}

static int write_known(const char *made_of, const char *seen, struct err *e)
{
	_cleanup_close_ int fd = open(PATH_NET_TABLE,
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_all(fd, made_of, strlen(made_of)) < 0 ||
		io_write_all(fd, seen, strlen(seen)) < 0)
		return err_set(e, errno, "write %s", PATH_NET_TABLE);
	return 0;
}

/* ---- accounts' rules ---------------------------------------------------------------- */

static void name_of(uint32_t number, char ret[IFNAMSIZ])
{
	(void)snprintf(ret, IFNAMSIZ, NETPOOL_LINK "%u", number);
}

/* What was said last of that number; nothing where it was nothing. */
static int read_rules(int dir, const char *number, struct netrules *ret)
{
	_cleanup_free_ char *text = malloc(NETRULES_TEXT_MAX);
	char *rest = text, *line;

	*ret = (struct netrules){ .n_allow = 0 };
	if (!text)
		return -1;
	if (io_read_text(dir, number, text, NETRULES_TEXT_MAX) < 0)
		return errno == ENOENT ? 0 : -1;
	while ((line = strsep(&rest, "\n")))
		if (*line && netrules_line(line, ret) < 0)
			return -1;
	return 0;
}

static char *text_of(const struct netrules *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	netrules_print(r, out);
	return fclose(out) == 0 ? text : NULL;
}

static int write_rules(int dir, const struct net_request *q, struct err *e)
{
	_cleanup_free_ char *text = text_of(&q->rules);
	_cleanup_close_ int fd = -EBADF;
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", q->number);
	if (!text)
		return err_set(e, ENOMEM, "write %s/%s", PATH_NET_RULES, name);
	if (!*text)
		return unlinkat(dir, name, 0) < 0 && errno != ENOENT
			       ? err_set(e, errno, "remove %s/%s", PATH_NET_RULES, name)
			       : 0;
	fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_write_all(fd, text, strlen(text)) < 0)
		return err_set(e, errno, "write %s/%s", PATH_NET_RULES, name);
	return 0;
}

/* Of every other account whose link is there; what is said of one that is gone goes. */
static int put_others(int dir, uint32_t but, FILE *out, struct err *e)
{
	_cleanup_close_ int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;
	int r = 0;

	if (!all)
		return err_set(e, errno, "read %s", PATH_NET_RULES);
	(void)take_fd(&again);
	while (r == 0 && (d = readdir(all))) {
		static struct netrules rules;
		char link[IFNAMSIZ];
		uint32_t number;

		if (parse_u32(d->d_name, &number) < 0 || number == but)
			continue;
		name_of(number, link);
		if (if_nametoindex(link) == 0)
			(void)unlinkat(dir, d->d_name, 0);
		else if (read_rules(dir, d->d_name, &rules) < 0)
			r = err_set(e, 0, "read %s/%s: not of the form", PATH_NET_RULES,
				d->d_name);
		else
			netrules_elements(&rules, "add", link, out);
	}
	(void)closedir(all);
	return r;
}

/* ---- the whole ---------------------------------------------------------------------- */

static char *wanted(const struct net_request *q)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	/* In one go: there is no moment without it. */
	fputs("add table inet " NETPOOL_TABLE "\ndelete table inet " NETPOOL_TABLE "\n",
		out);
	netpool_table(&q->pool, q->resolver, out);
	return fclose(out) == 0 ? text : NULL;
}

/* With all accounts' rules. */
static int make(int dir, const char *table, const struct net_request *q, struct err *e)
{
	_cleanup_(free_ctx) struct nft_ctx *ctx = NULL;
	_cleanup_(free_ctx) struct nft_ctx *look = NULL;
	_cleanup_free_ char *commands = NULL;
	char link[IFNAMSIZ];
	size_t size = 0;
	FILE *out = open_memstream(&commands, &size);
	int r;

	if (!out)
		return err_set(e, ENOMEM, "make the table of nftables");
	fputs(table, out);
	name_of(q->number, link);
	netrules_elements(&q->rules, "add", link, out);
	r = put_others(dir, q->number, out, e);
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "make the table of nftables");
	if (r < 0 || begin(&ctx, e) < 0 || run(ctx, commands, e) < 0 ||
		begin(&look, e) < 0)
		return -1;
	return write_known(table, listing(look), e);
}

/* Other rules for this account alone: all of it or nothing. Return: 0 or -1 with @e. */
static int change(const struct netrules *from, const struct net_request *q, struct err *e)
{
	_cleanup_(free_ctx) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *commands = NULL;
	char link[IFNAMSIZ];
	size_t size = 0;
	FILE *out = open_memstream(&commands, &size);

	if (!out)
		return err_set(e, ENOMEM, "change rules of nftables");
	name_of(q->number, link);
	netrules_elements(from, "delete", link, out);
	netrules_elements(&q->rules, "add", link, out);
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "change rules of nftables");
	if (*commands == '\0')
		return 0;
	return begin(&ctx, e) < 0 ? -1 : run(ctx, commands, e);
}

static bool is_same(const struct netrules *a, const struct netrules *b)
{
	_cleanup_free_ char *x = text_of(a), *y = text_of(b);

	return x && y && strcmp(x, y) == 0;
}

static int lock(int *ret, struct err *e)
{
	int r;

	*ret = open(PATH_NET_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret < 0)
		return err_set(e, errno, "open %s", PATH_NET_LOCK);
	r = lock_file(*ret, LOCK_EX, LOCK_MS);
	return r == 0 ? 0
		      : err_set(e, r > 0 ? ETIMEDOUT : errno, "lock %s", PATH_NET_LOCK);
}

/* Whether the kernel has what it had when it was made of @table; *ret_mended: it had been made of that. */
static int look(const char *table, bool *ret_same, bool *ret_mended, struct err *e)
{
	_cleanup_(free_ctx) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *known = malloc(SEEN_MAX);
	size_t len = strlen(table);

	*ret_same = *ret_mended = false;
	if (!known)
		return err_set(e, ENOMEM, "keep the table of nftables");
	if (begin(&ctx, e) < 0)
		return -1;
	if (read_known(known) < 0 || strncmp(known, table, len) != 0)
		return 0;
	*ret_same = strcmp(known + len, listing(ctx)) == 0;
	*ret_mended = !*ret_same;
	return 0;
}

int net_table_keep(const struct net_request *q, bool *ret_mended, struct err *e)
{
	static struct netrules before;
	_cleanup_close_ int guard = -EBADF, dir = -EBADF;
	_cleanup_free_ char *table = wanted(q);
	char number[16];
	struct err ignored;
	bool same, known;

	if (!table)
		return err_set(e, ENOMEM, "keep the table of nftables");
	dir = io_open_state(PATH_NET_RULES, 0700, e);
	if (dir < 0 || lock(&guard, e) < 0 || look(table, &same, ret_mended, e) < 0)
		return -1;
	(void)snprintf(number, sizeof(number), "%u", q->number);
	known = read_rules(dir, number, &before) == 0;
	if (same && known && is_same(&before, &q->rules))
		return 0;
	/* Where somebody has changed them, all is made anew. */
	if (!(same && known && change(&before, q, &ignored) == 0) &&
		make(dir, table, q, e) < 0)
		return -1;
	return write_rules(dir, q, e);
}
