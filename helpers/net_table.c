/* SPDX-License-Identifier: BSD-3-Clause */
/* The table: as netpool_table() has it, or made anew. */
#include "helpers/net.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/paths.h"

#include <fcntl.h>
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

static int make(const char *commands, struct err *e)
{
	_cleanup_(free_ctx) struct nft_ctx *ctx = NULL;
	_cleanup_(free_ctx) struct nft_ctx *look = NULL;

	if (begin(&ctx, e) < 0 || run(ctx, commands, e) < 0 || begin(&look, e) < 0)
		return -1;
	return write_known(commands, listing(look), e);
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

int net_table_keep(const struct net_request *q, bool *ret_mended, struct err *e)
{
	_cleanup_(free_ctx) struct nft_ctx *ctx = NULL;
	_cleanup_close_ int guard = -EBADF;
	_cleanup_free_ char *want = wanted(q), *known = malloc(SEEN_MAX);
	size_t len;

	if (!want || !known)
		return err_set(e, ENOMEM, "keep the table of nftables");
	if (lock(&guard, e) < 0 || begin(&ctx, e) < 0)
		return -1;
	len = strlen(want);
	if (read_known(known) == 0 && strncmp(known, want, len) == 0) {
		*ret_mended = strcmp(known + len, listing(ctx)) != 0;
		if (!*ret_mended)
			return 0;
	}
	return make(want, e);
}
