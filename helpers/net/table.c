/* SPDX-License-Identifier: BSD-3-Clause */
/* The table: as netpool_table() has it, or made anew. */
#include "helpers/net/net.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/run/network/nftable.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define TRIED    NETPOOL_TABLE "_tried"
#define LOCK_MS  60000 /* hundreds may log in at once */
#define SEEN_MAX (1U << 20)
#define NEW      ".new" /* what isn't whole yet: who is killed meanwhile leaves it */

/* A handle that lists without counters and what is counted by link. */
static int begin(struct nft_ctx **ret, struct err *e)
{
	if (net_nft_begin(ret, e) < 0)
		return -1;
	nft_ctx_output_set_flags(*ret, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
	return 0;
}

/*
 * As the kernel has it now, to be freed; "" where there is none; NULL without memory. Of a table by itself libnftables
 * fetches all elements, though none is printed: five microseconds each.
 */
static char *listing(struct nft_ctx *ctx)
{
	static const char begins[] = "table inet " NETPOOL_TABLE " {\n", ends[] = "\n}\n";
	const char *at = NULL, *end = NULL;
	struct err ignored;

	if (net_nft_run(ctx, "list ruleset inet", &ignored) == 0 ||
		net_nft_run(ctx, "list table inet " NETPOOL_TABLE, &ignored) == 0)
		at = nft_ctx_get_output_buffer(ctx);
	while (at && strncmp(at, begins, strlen(begins)) != 0) {
		at = strchr(at, '\n');
		if (at)
			at++;
	}
	end = at ? strstr(at, ends) : NULL;
	return end ? strndup(at, (size_t)(end - at) + strlen(ends)) : strdup("");
}

/* What it was made of, and what the kernel said it was then; "" where none was made. */
static int read_known(char *text, struct err *e)
{
	*text = '\0';
	if (io_read_text(AT_FDCWD, PATH_NET_TABLE, text, SEEN_MAX) >= 0 ||
		errno == ENOENT)
		return 0;
	return err_set(e, errno, "read %s", PATH_NET_TABLE);
}

/* "# POOL", its first line; other versions have none. */
int net_pool_read(struct netpool *ret, struct err *e)
{
	_cleanup_file_ FILE *in = fopen(PATH_NET_TABLE, "re");
	char line[2 * NETPOOL_TEXT_MAX] = "";
	const char *why;

	*ret = (struct netpool){ 0 };
	if (!in && errno != ENOENT)
		return err_set(e, errno, "read %s", PATH_NET_TABLE);
	if (!in || !fgets(line, sizeof(line), in) || *line != '#')
		return 0;
	line[strcspn(line, "\n")] = '\0';
	return netpool_parse(line + 1, ret, &why) < 0
		       ? err_set(e, 0, "read %s: %s", PATH_NET_TABLE, why)
		       : 0;
}

/* Who is killed meanwhile leaves the one before. */
static int write_known(const char *made_of, const char *seen, struct err *e)
{
	_cleanup_close_ int fd = open(PATH_NET_TABLE NEW,
		O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_all(fd, made_of, strlen(made_of)) < 0 ||
		io_write_all(fd, seen, strlen(seen)) < 0 ||
		rename(PATH_NET_TABLE NEW, PATH_NET_TABLE) < 0)
		return err_set(e, errno, "write %s", PATH_NET_TABLE);
	return 0;
}

/* ---- accounts' rules ---------------------------------------------------------------- */

static void name_of(uint32_t number, char ret[IFNAMSIZ])
{
	(void)snprintf(ret, IFNAMSIZ, NETPOOL_LINK "%u", number);
}

/* One that can't be asked for is there: nothing of it is thrown away. */
static bool has_link(uint32_t number)
{
	return net_link_look(number) != -NLE_NODEV;
}

/* What was said last of that number; nothing where it was nothing. -1: errno, EBADMSG for what isn't whole. */
static int read_rules(int dir, const char *file, struct netrules *ret)
{
	_cleanup_free_ char *text = malloc(NETRULES_TEXT_MAX);
	char *rest = text, *line;

	*ret = (struct netrules){ .n_allow = 0 };
	if (!text)
		return -1;
	if (io_read_text(dir, file, text, NETRULES_TEXT_MAX) < 0)
		return errno == ENOENT ? 0 : -1;
	while ((line = strsep(&rest, "\n")))
		if (*line && netrules_line(line, ret) < 0) {
			errno = EBADMSG;
			return -1;
		}
	return 0;
}

struct files {
	char now[16], new[16];
};

static struct files files_of(uint32_t number)
{
	struct files f;

	(void)snprintf(f.now, sizeof(f.now), "%u", number);
	(void)snprintf(f.new, sizeof(f.new), "%u" NEW, number);
	return f;
}

static int begin_rules(
	int dir, const struct files *f, const struct netrules *r, struct err *e)
{
	_cleanup_free_ char *text = netrules_text(r);
	_cleanup_close_ int fd = openat(
		dir, f->new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (!text)
		return err_set(e, ENOMEM, "write %s/%s", PATH_NET_RULES, f->new);
	if (fd >= 0 && io_write_all(fd, text, strlen(text)) == 0)
		return 0;
	(void)err_set(e, errno, "write %s/%s", PATH_NET_RULES, f->new);
	(void)unlinkat(dir, f->new, 0);
	return -1;
}

static int forget(int dir, const char *file, struct err *e)
{
	return unlinkat(dir, file, 0) < 0 && errno != ENOENT
		       ? err_set(e, errno, "remove %s/%s", PATH_NET_RULES, file)
		       : 0;
}

/* A link whose file is missing is nobody's any more: one without rules has an empty one. */
static int say_something(int dir, const struct files *f, struct err *e)
{
	_cleanup_close_ int fd =
		openat(dir, f->now, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? err_set(e, errno, "write %s/%s", PATH_NET_RULES, f->now) : 0;
}

/* They are in the table: what begin_rules() wrote holds. */
static int end_rules(int dir, const struct files *f, struct err *e)
{
	return renameat(dir, f->new, dir, f->now) < 0
		       ? err_set(e, errno, "write %s/%s", PATH_NET_RULES, f->now)
		       : 0;
}

typedef int each_fn(int dir, uint32_t number, void *arg, struct err *e);

/* Of each number that something is said of, as long as @fn returns 0. Return: what it did, or -1. */
static int each_number(int dir, each_fn *fn, void *arg, struct err *e)
{
	_cleanup_close_ int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;
	int r = 0;

	if (!all)
		return err_set(e, errno, "read %s", PATH_NET_RULES);
	(void)take_fd(&again);
	while (r == 0 && (errno = 0, d = readdir(all))) {
		uint32_t number;

		d->d_name[strcspn(d->d_name, ".")] = '\0';
		if (parse_u32(d->d_name, &number) == 0)
			r = fn(dir, number, arg, e);
	}
	if (r == 0 && errno != 0)
		r = err_set(e, errno, "read %s", PATH_NET_RULES);
	(void)closedir(all);
	return r;
}

static int bad_file(const char *file, struct err *e)
{
	return err_set(e, 0, "read %s/%s: not of the form", PATH_NET_RULES, file);
}

struct others {
	uint32_t but;
	const char *table;          /* put_other(): what it is made of; */
	FILE *out;                  /* commands go there */
	const struct netpublish *p; /* has_other(): is looked for */
};

/* What is taken away just now. */
static struct net_gone gone;

/* Of another account whose link is there; what is said of one that is gone goes. */
static int put_other(int dir, uint32_t number, void *arg, struct err *e)
{
	static struct netrules rules;
	const struct others *o = arg;
	const struct files f = files_of(number);
	char link[IFNAMSIZ];

	if (number == o->but || (number < NETPOOL_NUMBERS && gone.has[number]))
		return 0;
	name_of(number, link);
	if (!has_link(number)) {
		(void)unlinkat(dir, f.now, 0);
		(void)unlinkat(dir, f.new, 0);
		return 0;
	}
	if (read_rules(dir, f.now, &rules) < 0)
		return bad_file(f.now, e);
	netrules_elements(&rules, "add", link, o->table, o->out);
	return 0;
}

/* Whose link is gone has nothing: who has no such port isn't looked at any further. */
static int has_other(int dir, uint32_t number, void *arg, struct err *e)
{
	static struct netrules rules;
	const struct others *o = arg;
	const struct files f = files_of(number);
	int r;

	if (number == o->but)
		return 0;
	r = read_rules(dir, f.now, &rules) < 0 ? bad_file(f.now, e)
					       : net_taken_by(o->p, &rules, number, e);
	return r != 0 && has_link(number) ? r : 0;
}

static bool has_publish(const struct netrules *r, const struct netpublish *p)
{
	char a[NETRULES_PUBLISH_TEXT], b[NETRULES_PUBLISH_TEXT];
	bool has = false;

	netrules_publish_text(p, a);
	for (size_t i = 0; i < r->n_publish && !has; i++) {
		netrules_publish_text(&r->publish[i], b);
		has = !strcmp(a, b);
	}
	return has;
}

/* What the account has published already is its own. Return: 0; 1 with @e; -1 with @e. */
static int is_taken(int dir, const struct net_request *q, const struct netrules *before,
	const struct netpublish *p, struct err *e)
{
	struct others o = { .but = q->number, .p = p };
	int r;

	if (has_publish(before, p) && has_link(q->number))
		return 0;
	r = each_number(dir, has_other, &o, e);
	return r != 0 ? r : net_taken(p, e);
}

static int leave_taken(
	int dir, struct net_request *q, const struct netrules *before, struct err *e)
{
	struct netrules *r = &q->rules;
	size_t kept = 0;

	for (size_t i = 0; i < r->n_publish; i++) {
		int taken = is_taken(dir, q, before, &r->publish[i], e);

		if (taken < 0 || (taken > 0 && !q->go_on))
			return -1;
		if (taken > 0)
			event_log(LOG_WARNING, &(const struct event){ 0 },
				NETPOOL_LINK "%u is without a port of its own: %s",
				q->number, e->msg);
		else
			r->publish[kept++] = r->publish[i];
	}
	r->n_publish = kept;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static char *wanted(const struct net_request *q)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	char v4[NETPOOL_TEXT_MAX], v6[NETPOOL_TEXT_MAX];

	if (!out)
		return NULL;
	/* For net_pool_read(), whose callers are told a number alone. */
	netpool_v4_prefix(&q->pool, v4);
	netpool_v6_prefix(&q->pool, v6);
	fprintf(out, "# %s %s\n", v4, v6);
	/* In one go: there is no moment without it. */
	fputs("add table inet " NETPOOL_TABLE "\ndelete table inet " NETPOOL_TABLE "\n",
		out);
	netpool_table(&q->pool, q->resolver, out);
	return fclose(out) == 0 ? text : NULL;
}

/* With all accounts' rules. @q may be NULL */
static int make(int dir, const char *table, const struct net_request *q, struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_(net_nft_end) struct nft_ctx *look = NULL;
	_cleanup_free_ char *commands = NULL, *seen = NULL;
	struct others o = { .but = q ? q->number : 0, .table = table };
	char link[IFNAMSIZ];
	size_t size = 0;
	int r;

	o.out = open_memstream(&commands, &size);
	if (!o.out)
		return err_set(e, ENOMEM, "make the table of nftables");
	fputs(table, o.out);
	if (q) {
		name_of(q->number, link);
		netrules_elements(&q->rules, "add", link, table, o.out);
	}
	r = each_number(dir, put_other, &o, e);
	if (fclose(o.out) != 0)
		return err_set(e, ENOMEM, "make the table of nftables");
	if (r < 0 || begin(&ctx, e) < 0 || net_nft_run(ctx, commands, e) < 0 ||
		begin(&look, e) < 0)
		return -1;
	seen = listing(look);
	return seen ? write_known(table, seen, e)
		    : err_set(e, ENOMEM, "make the table of nftables");
}

/* Beside ours, out of use, and gone in the same go. */
int net_table_try(struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *table = NULL, *commands = NULL;
	struct netpool pool;
	struct err said;
	const char *why;
	size_t size = 0;
	FILE *out = open_memstream(&table, &size);

	if (!out || netpool_parse(NETPOOL_DEFAULT, &pool, &why) < 0)
		return err_set(e, ENOMEM, "try to make the table of nftables");
	pool.connections = 1;
	netpool_table(&pool, INADDR_LOOPBACK, out);
	/* Its first line is another one. */
	if (fclose(out) != 0 || asprintf(&commands,
					"table inet " TRIED " {\n\tflags dormant\n%s"
					"delete table inet " TRIED "\n",
					table + strcspn(table, "\n") + 1) < 0)
		return err_set(e, ENOMEM, "try to make the table of nftables");
	if (net_nft_begin(&ctx, e) < 0)
		return -1;
	return net_nft_run(ctx, commands, &said) < 0
		       ? err_set(e, 0, NETPOOL_LACKS "a part of nf_tables: %s", said.msg)
		       : 0;
}

/* Other rules for this account alone: all of it or nothing. Return: 0 or -1 with @e. */
static int change(const struct netrules *from, const struct net_request *q,
	const char *table, struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *commands = NULL;
	char link[IFNAMSIZ];
	size_t size = 0;
	FILE *out = open_memstream(&commands, &size);

	if (!out)
		return err_set(e, ENOMEM, "change rules of nftables");
	name_of(q->number, link);
	netrules_elements(from, "delete", link, table, out);
	netrules_elements(&q->rules, "add", link, table, out);
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "change rules of nftables");
	if (*commands == '\0')
		return 0;
	return begin(&ctx, e) < 0 ? -1 : net_nft_run(ctx, commands, e);
}

static bool is_same(const struct netrules *a, const struct netrules *b)
{
	_cleanup_free_ char *x = netrules_text(a), *y = netrules_text(b);

	return x && y && strcmp(x, y) == 0;
}

int net_lock(int *ret, struct err *e)
{
	int r;

	*ret = open(PATH_NET_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret < 0)
		return err_set(e, errno, "open %s", PATH_NET_LOCK);
	r = lock_file(*ret, LOCK_EX, LOCK_MS);
	return r == 0 ? 0
		      : err_set(e, r > 0 ? ETIMEDOUT : errno, "lock %s", PATH_NET_LOCK);
}

/*
 * What the table was made of last, and whether the kernel has what it had then. @known: SEEN_MAX; the
 * first of it is cut off. Return: 0; 1 where none was made; -1 with @e.
 */
static int look(char *known, bool *ret_same, struct err *e)
{
	static const char begins[] = "\ntable inet " NETPOOL_TABLE " {";
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *now = NULL;
	char *made = NULL, *seen = NULL;

	*ret_same = false;
	if (begin(&ctx, e) < 0 || read_known(known, e) < 0)
		return -1;
	made = strstr(known, begins);
	if (made)
		seen = strstr(made + 1, begins);
	if (!seen)
		return 1;
	now = listing(ctx);
	if (!now)
		return err_set(e, ENOMEM, "look at the table of nftables");
	*ret_same = strcmp(seen + 1, now) == 0;
	seen[1] = '\0';
	return 0;
}

/*
 * @before: what the account had; *ret_known: the table has just that. Of a link that is gone it may be said
 * still when it isn't there any more.
 */
static int read_before(int dir, uint32_t number, struct netrules *before, bool *ret_known)
{
	const struct files f = files_of(number);

	*ret_known = read_rules(dir, f.now, before) == 0 &&
		     faccessat(dir, f.new, F_OK, 0) < 0 && errno == ENOENT &&
		     (faccessat(dir, f.now, F_OK, 0) < 0 || has_link(number));
	return 0;
}

/* Connections by a port that isn't published any more, which the kernel leads on by itself. */
static int end_published(
	const struct netrules *before, const struct net_request *q, struct err *e)
{
	for (size_t i = 0; i < before->n_publish; i++)
		if (!has_publish(&q->rules, &before->publish[i]))
			return net_connections_restart(q->number, e);
	return 0;
}

/* @table: make it anew where the account's rules can't be changed in it, or where it isn't @same. */
static int put(
	int dir, struct net_request *q, const char *table, bool same, struct err *e)
{
	static struct netrules before;
	const struct files f = files_of(q->number);
	struct err ignored;
	bool known;

	(void)read_before(dir, q->number, &before, &known);
	if (leave_taken(dir, q, &before, e) < 0)
		return -1;
	if (same && known && is_same(&before, &q->rules))
		return say_something(dir, &f, e);
	if (begin_rules(dir, &f, &q->rules, e) < 0)
		return -1;
	if (!(same && known && change(&before, q, table, &ignored) == 0) &&
		make(dir, table, q, e) < 0)
		return -1;
	if (end_published(&before, q, e) < 0)
		return -1;
	return end_rules(dir, &f, e);
}

int net_table_keep(struct net_request *q, bool *ret_mended, struct err *e)
{
	_cleanup_free_ char *table = wanted(q), *known = malloc(SEEN_MAX);
	_cleanup_close_ int dir = -EBADF;
	bool same = false;
	int r;

	if (!table || !known)
		return err_set(e, ENOMEM, "keep the table of nftables");
	dir = io_open_state(PATH_NET_RULES, 0700, e);
	r = dir < 0 ? -1 : look(known, &same, e);
	if (r < 0)
		return -1;
	/* One that was made of other words is no one's doing. */
	if (r == 0 && strcmp(known, table) != 0)
		r = 1;
	*ret_mended = r == 0 && !same;
	return put(dir, q, table, r == 0 && same, e);
}

/* ---- without a login ---------------------------------------------------------------- */

int net_table_mend(bool *ret_mended, struct err *e)
{
	_cleanup_free_ char *known = malloc(SEEN_MAX);
	_cleanup_close_ int dir = -EBADF;
	bool same;
	int r;

	if (!known)
		return err_set(e, ENOMEM, "mend the table of nftables");
	dir = io_open_state(PATH_NET_RULES, 0700, e);
	r = dir < 0 ? -1 : look(known, &same, e);
	*ret_mended = r == 0 && !same;
	if (r != 0 || same)
		return r < 0 ? -1 : 0;
	return make(dir, known, NULL, e);
}

int net_table_set(struct net_request *q, struct err *e)
{
	_cleanup_free_ char *known = malloc(SEEN_MAX);
	_cleanup_close_ int dir = -EBADF;
	bool same;
	int r;

	if (!known)
		return err_set(e, ENOMEM, "change rules of nftables");
	if (!has_link(q->number))
		return err_set(e, 0, "there is no link " NETPOOL_LINK "%u", q->number);
	dir = io_open_state(PATH_NET_RULES, 0700, e);
	r = dir < 0 ? -1 : look(known, &same, e);
	if (r != 0)
		return r < 0 ? -1 : err_set(e, 0, "there is no table of nsshell's");
	return put(dir, q, known, same, e);
}

/* ---- what is of links that are gone ------------------------------------------------- */

/* Sets with what the kernel counts of each link. */
static const char *const by_link[] = { "refused", "connections", "begun", "incoming",
	"begun_incoming" };

#define N_BY_LINK (sizeof(by_link) / sizeof(*by_link))

static void add_gone(uint32_t number)
{
	if (number >= NETPOOL_NUMBERS || gone.has[number])
		return;
	gone.has[number] = true;
	gone.v[gone.n++] = number;
}

/* Not in the order of who else may have a port by now: who was killed while changing them leaves it to *@anew. */
static int take_back(int dir, uint32_t number, FILE *out, bool *anew, struct err *e)
{
	static struct netrules rules;
	const struct files f = files_of(number);
	char link[IFNAMSIZ];

	if (faccessat(dir, f.new, F_OK, 0) == 0 || errno != ENOENT)
		*anew = true;
	name_of(number, link);
	if (read_rules(dir, f.now, &rules) == 0)
		netrules_elements(&rules, "delete", link, NULL, out);
	else if (errno != EBADMSG)
		return err_set(e, errno, "read %s/%s", PATH_NET_RULES, f.now);
	else
		*anew = true;
	return 0;
}

/* Added first: it is no error where the kernel has counted nothing. */
static void put_counted(FILE *out)
{
	for (size_t i = 0; i < 2 * N_BY_LINK; i++) {
		fprintf(out, "%s element inet " NETPOOL_TABLE " %s {",
			i % 2 ? "delete" : "add", by_link[i / 2]);
		for (size_t k = 0; k < gone.n; k++)
			fprintf(out, " \"" NETPOOL_LINK "%u\",", gone.v[k]);
		fputs(" }\n", out);
	}
}

/* All in one go, or by a table made @anew, of those who are there: also where it wasn't what was said of it. */
static int run_away(int dir, const char *commands, bool anew, struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *known = malloc(SEEN_MAX);
	struct err ignored;
	bool same;
	int r;

	if (nftable_is_gone())
		return 0;
	if (!known)
		return err_set(e, ENOMEM, "take rules of nftables away");
	if (net_nft_begin(&ctx, e) < 0)
		return -1;
	if (!anew && net_nft_run(ctx, commands, &ignored) == 0)
		return 0;
	r = look(known, &same, e);
	if (r != 0)
		return r < 0 ? -1 : err_set(e, 0, "nobody knows the table of nsshell's");
	return make(dir, known, NULL, e);
}

/* Of all that are gone. As long as something of one is anywhere its file says so. */
static int put_away(int dir, struct err *e)
{
	_cleanup_free_ char *commands = NULL;
	size_t size = 0;
	FILE *out = gone.n > 0 ? open_memstream(&commands, &size) : NULL;
	bool anew = false;
	int r = 0;

	if (!out)
		return gone.n > 0 ? err_set(e, ENOMEM, "take rules of nftables away") : 0;
	for (size_t i = 0; r == 0 && i < gone.n; i++)
		r = take_back(dir, gone.v[i], out, &anew, e);
	put_counted(out);
	if (fclose(out) != 0)
		return err_set(e, ENOMEM, "take rules of nftables away");
	if (r < 0 || run_away(dir, commands, anew, e) < 0 ||
		net_connections_end(&gone, e) < 0)
		return -1;
	for (size_t i = 0; r == 0 && i < gone.n; i++) {
		const struct files f = files_of(gone.v[i]);

		r = forget(dir, f.now, e) < 0 ? -1 : forget(dir, f.new, e);
	}
	return r;
}

int net_table_close(uint32_t number, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;

	if (net_link_remove(number, e) < 0)
		return -1;
	add_gone(number);
	dir = io_open_state(PATH_NET_RULES, 0700, e);
	return dir < 0 ? -1 : put_away(dir, e);
}

static int look_for_link(int dir, uint32_t number, void *arg, struct err *e)
{
	int r = net_link_look(number);

	(void)dir, (void)arg;
	if (r == -NLE_NODEV)
		add_gone(number);
	return r < 0 && r != -NLE_NODEV
		       ? net_failed(r, e, "look for the link " NETPOOL_LINK "%u", number)
		       : 0;
}

/* What is kept of a link by its name alone. */
static int look_at_sets(int dir, struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	char commands[256] = "";
	const char *at;
	struct err ignored;

	for (size_t i = 0, used = 0; i < N_BY_LINK; i++)
		used += (size_t)snprintf(commands + used, sizeof(commands) - used,
			"list set inet " NETPOOL_TABLE " %s\n", by_link[i]);
	if (net_nft_begin(&ctx, e) < 0)
		return -1;
	if (net_nft_run(ctx, commands, &ignored) < 0)
		return 0;
	at = nft_ctx_get_output_buffer(ctx);
	while ((at = strstr(at, "\"" NETPOOL_LINK))) {
		at += sizeof("\"" NETPOOL_LINK) - 1;
		if (look_for_link(dir, (uint32_t)strtoul(at, NULL, 10), NULL, e) < 0)
			return -1;
	}
	return 0;
}

int net_table_sweep(struct err *e)
{
	_cleanup_close_ int dir = io_open_state(PATH_NET_RULES, 0700, e);

	return dir < 0 || each_number(dir, look_for_link, NULL, e) < 0 ||
			       look_at_sets(dir, e) < 0
		       ? -1
		       : put_away(dir, e);
}
