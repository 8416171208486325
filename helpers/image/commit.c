/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image commit: what an account wrote over an image becomes a layer of a new one. */
#include "helpers/image/image.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/ids/subid.h"
#include "core/run/session/pause.h"
#include "core/run/session/record.h"
#include "helpers/image/assemble.h"
#include "helpers/image/pack.h"
#include "helpers/image/whose.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct committing {
	const char *command;
	struct unpack_limits limits;
	bool running; /* sessions go on meanwhile */
	struct whose whose;
	struct subid subid;
	char *lines[3]; /* of passwd(5), group(5), shadow(5): the account's own */
	struct upper *uppers;
	size_t n_uppers;
	struct record *sessions; /* that were paused for it */
	size_t n_sessions;
};

static void committing_clear(struct committing *c)
{
	for (size_t i = 0; i < sizeof(c->lines) / sizeof(*c->lines); i++)
		free(c->lines[i]);
	free(c->uppers);
	free(c->sessions);
	subid_clear(&c->subid);
	account_clear(&c->whose.account);
}

/* ---- over what ----------------------------------------------------------- */

static int no_upper(const struct committing *c, const char *image, struct err *e)
{
	const struct whose *w = &c->whose;

	if (*w->session.id && !*w->session.image)
		return err_set(e, 0,
			"session %s lies over the host's root, which is no image to commit onto",
			w->session.id);
	if (c->n_uppers > 0)
		return err_set(e, 0,
			"what %s wrote lies over the host's root, which is no image to commit onto: it takes "
			"RootFS=image:",
			w->account.name);
	return whose_nothing(w, image, e);
}

/* Return: the only one over an image, or NULL with @e. */
static const struct upper *choose(
	const struct committing *c, const char *image, struct err *e)
{
	const struct upper *found = NULL;

	for (size_t i = 0; i < c->n_uppers; i++) {
		if (!*c->uppers[i].image)
			continue;
		if (found) {
			(void)err_set(e, 0,
				strcmp(found->image, c->uppers[i].image) != 0
					? "%s has written over %s and over %s: say over which one by --image"
					: "%s has written over %s on disk and, in a session, in memory over %s: name the session",
				c->whose.account.name, found->image, c->uppers[i].image);
			return NULL;
		}
		found = &c->uppers[i];
	}
	if (!found)
		(void)no_upper(c, image, e);
	return found;
}

/* ---- sessions are paused ------------------------------------------------------------ */

/* Those that are paused already are left to who paused them. Return: 0 or -1 with @e. */
static int pause_one(struct committing *c, const struct record *r, struct err *e)
{
	if (!r->cgroup[0] || freeze_get(cgroup_kind(), r->cgroup) == 1)
		return 0;
	if (pause_session(r, PAUSE_ROOT, e) < 0)
		return err_wrap(e, "pause session %s (or --running)", r->id);
	c->sessions[c->n_sessions++] = *r;
	return 0;
}

static int pause_all(struct committing *c, struct err *e)
{
	_cleanup_free_ struct record *all = NULL;
	size_t n, bad;

	if (record_list(&all, &n, &bad, e) < 0)
		return -1;
	c->sessions = calloc(n + 1, sizeof(*c->sessions));
	if (!c->sessions)
		return err_set(e, ENOMEM, "pause sessions");
	for (size_t i = 0; i < n; i++)
		if (all[i].uid == c->whose.account.uid &&
			record_is_alive(all[i].id, e) > 0 && pause_one(c, &all[i], e) < 0)
			return -1;
	return 0;
}

static void resume_all(struct committing *c)
{
	struct err e;

	for (; c->n_sessions > 0; c->n_sessions--) {
		const struct record *r = &c->sessions[c->n_sessions - 1];

		/* It may have been stopped meanwhile. */
		if (pause_resume(r, PAUSE_ROOT, &e) < 0 &&
			record_is_alive(r->id, &(struct err){ 0 }) > 0)
			(void)fprintf(stderr,
				"%s: session %s is still paused: %s (nsctl resume)\n",
				c->command, r->id, e.msg);
	}
}

/*
 * A process of its own, which no key of the terminal's reaches, pauses and resumes them: also where this one
 * is killed, as it finds the socket closed then.
 */
static _Noreturn void hold_still(struct committing *c, int sock)
{
	struct err why = { 0 };
	int r = pause_all(c, &why);

	if (r < 0 && !why.msg[0])
		(void)err_set(&why, 0, "pause sessions");
	/* Who isn't told waits for no longer than this one is there. */
	if (io_send(sock, &why, sizeof(why), NULL, 0) == 0)
		while (read(sock, &why, sizeof(why)) < 0 && errno == EINTR)
			continue;
	resume_all(c);
	_exit(0);
}

struct still {
	pid_t pid;
	int sock;
};

static int still_begin(struct committing *c, struct still *ret, struct err *e)
{
	struct err why = { 0 };
	int pair[2];

	*ret = (struct still){ 0, -EBADF };
	if (c->running)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "pause sessions");
	ret->pid = fork();
	if (ret->pid == 0) {
		(void)close(pair[0]);
		(void)setsid();
		hold_still(c, pair[1]);
	}
	(void)close(pair[1]);
	ret->sock = pair[0];
	if (ret->pid < 0)
		return err_set(e, errno, "pause sessions");
	if (read(ret->sock, &why, sizeof(why)) != sizeof(why))
		return err_set(e, 0, "pause sessions: who does was killed");
	if (!why.msg[0])
		return 0;
	*e = why;
	return -1;
}

static void still_end(struct still *s)
{
	cleanup_close(&s->sock);
	while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/* A key of the terminal's ends who packs, and not us: what we end with is told. */
static int pack_still(struct committing *c, struct store *s, int upper,
	const struct pack_how *how, struct strlist *notes, struct blob *ret,
	struct err *e)
{
	const int held[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM };
	struct still still;
	sigset_t set;
	int fd = -1;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
		(void)sigaddset(&set, held[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (still_begin(c, &still, e) == 0)
		fd = pack_tree(s, upper, how, c->limits.bytes, notes, ret, e);
	still_end(&still);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	return fd;
}

/* ---- what isn't the image's --------------------------------------------------------- */

static int format_lines(struct committing *c, struct err *e)
{
	const struct account *a = &c->whose.account;
	char *groups = NULL;
	size_t len;
	FILE *out = open_memstream(&groups, &len);

	for (size_t i = 0; out && i < a->n_groups; i++)
		if (a->group_names && a->group_names[i])
			(void)fprintf(out, "%s:x:%u:\n", a->group_names[i], a->groups[i]);
	if (out && fclose(out) == 0)
		c->lines[1] = groups;
	if (asprintf(&c->lines[0], "%s:x:%u:\n", a->name, a->uid) < 0)
		c->lines[0] = NULL;
	if (asprintf(&c->lines[2], "%s:!*::\n", a->name) < 0)
		c->lines[2] = NULL;
	return c->lines[0] && c->lines[1] && c->lines[2]
		       ? 0
		       : err_set(e, ENOMEM, "name the account's own lines");
}

static int pack(struct committing *c, struct store *s, const struct upper *u,
	struct strlist *notes, struct blob *ret, struct err *e)
{
	const struct account *a = &c->whose.account;
	const struct pack_ids uids = { c->subid.uids, c->subid.n_uids, &a->uid, 1 },
			      gids = { c->subid.gids, c->subid.n_gids, a->groups,
				      a->n_groups };
	/* With what useradd(8) and its like keep of them. */
	const struct pack_lines lines[] = { { "etc/passwd", c->lines[0] },
		{ "etc/passwd-", c->lines[0] }, { "etc/group", c->lines[1] },
		{ "etc/group-", c->lines[1] }, { "etc/shadow", c->lines[2] },
		{ "etc/shadow-", c->lines[2] }, { 0 } };
	const struct pack_how how = { .upper = true,
		.uids = &uids,
		.gids = &gids,
		.lines = lines,
		.limit = c->limits.bytes };
	_cleanup_close_ int upper = upper_open(a->uid, u, e);

	return upper < 0 ? -1 : pack_still(c, s, upper, &how, notes, ret, e);
}

/* ---- the whole ---------------------------------------------------------------------- */

static int commit_onto(struct committing *c, struct store *s, const struct upper *u,
	const char *name, struct err *e)
{
	_cleanup_(assembly_clear) struct assembly a = { .store = s, .limits = c->limits };
	_cleanup_close_ int tar = -EBADF;
	struct blob b = { 0 };

	tar = pack(c, s, u, &a.notes, &b, e);
	if (tar < 0 || assemble_onto(&a, u->hex, &b, time(NULL), e) < 0)
		return err_wrap(e, "%s", c->whose.account.name);
	if (store_put(s, &a.image, name, e) < 0)
		return -1;
	(void)printf("%s: %s and a layer of what %s wrote, sha256:%.12s\n", name,
		u->image, c->whose.account.name, a.image.manifest.hex);
	for (size_t i = 0; i < a.notes.n; i++)
		(void)fprintf(stderr, "%s: %s\n", c->command, a.notes.v[i]);
	return 0;
}

static int commit(struct committing *c, const char *who, const char *image,
	const char *to, struct err *e)
{
	_cleanup_(store_clear) struct store s = STORE_NONE;
	char name[IMAGE_NAME_MAX];
	const struct upper *u;

	if (imagename_parse(to, name) < 0)
		return err_set(
			e, 0, "\"%.80s\" is no name of an image: NAME or NAME:TAG", to);
	if (whose_find(who, &c->whose, e) < 0 ||
		whose_uppers(&c->whose, image, &c->uppers, &c->n_uppers, e) < 0)
		return -1;
	if (!c->whose.account.name)
		return err_set(e, 0, "there is no account %.80s on this host", who);
	u = choose(c, image, e);
	if (!u || subid_find(&c->whose.account, false, &c->subid, e) < 0 ||
		format_lines(c, e) < 0 || store_open(&s, e) < 0)
		return -1;
	return commit_onto(c, &s, u, name, e);
}

int image_commit(int argc, char **argv)
{
	_cleanup_(committing_clear) struct committing c = { .command = argv[0],
		.limits = IMAGE_LIMITS };
	const char *size = NULL, *files = NULL, *image = NULL;
	const struct nsctl_option options[] = {
		{ 'i', "image", "IMAGE", "what lies over this image", NULL, &image },
		{ 'r', "running", NULL, "don't pause the account's sessions meanwhile",
			&c.running, NULL },
		{ 0, "max-size", "SIZE", "most bytes of what was written (64G)", NULL,
			&size },
		{ 0, "max-files", "N", "most files of it (2000000)", NULL, &files },
		{ 0 },
	};
	struct err e = { 0 };
	int first,
		r = nsctl_options(options, "USER|SESSION NAME[:TAG]", argc, argv, &first);

	if (r >= 0)
		return r;
	if (argc - first != 2)
		return nsctl_usage(argv[0], "takes an account or a session, and a name");
	if ((size && parse_size(size, &c.limits.bytes) < 0) ||
		(files && parse_count(files, &c.limits.files) < 0))
		return nsctl_usage(argv[0], "a limit is a number, as 20G, or infinity");
	if (commit(&c, argv[first], image, argv[first + 1], &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
