/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/layers.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/sys.h"
#include "core/plan/imagename.h"
#include "core/run/ids/kin.h"
#include "core/run/mount/diskquota.h"
#include "core/run/mount/packages.h"

#include <blkid.h>
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define WORDS_MAX 512

/* ---- names -------------------------------------------------------------------------- */

int layers_name(const char *target, char ret[256])
{
	size_t n = 0;

	target += strspn(target, "/");
	if (!*target)
		ret[n++] = '-';
	for (size_t i = 0; target[i]; i++) {
		unsigned char c = (unsigned char)target[i];

		if (n + 4 > 256) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (c == '/')
			ret[n++] = '-';
		else if (isalnum(c) || c == '_' || c == ':' || (c == '.' && i > 0))
			ret[n++] = (char)c;
		else
			n += (size_t)snprintf(ret + n, 256 - n, "%%%02x", c);
	}
	ret[n] = '\0';
	return 0;
}

static int hex_byte(const char *two)
{
	unsigned int byte;

	return isxdigit((unsigned char)two[0]) && isxdigit((unsigned char)two[1]) &&
			       sscanf(two, "%2x", &byte) == 1
		       ? (int)byte
		       : -1;
}

int layers_target(const char *name, char ret[PATH_MAX])
{
	size_t n = 0;

	if (!*name || strlen(name) >= PATH_MAX - 1)
		return -1;
	ret[n++] = '/';
	if (strcmp(name, "-") == 0)
		name++;
	for (; *name; name++) {
		int byte = *name == '-' ? '/' : (unsigned char)*name;

		if (*name == '%') {
			byte = hex_byte(name + 1);
			name += 2;
		}
		if (byte <= 0)
			return -1;
		ret[n++] = (char)byte;
	}
	ret[n] = '\0';
	return 0;
}

int layers_of(const struct plan_overlay *o, char ret[256])
{
	/* No mount point's name has a "+" in it, and no image's needs another one for any of its letters. */
	if (o->n_layers > 0)
		return snprintf(ret, 256, "+%.*s", (int)strcspn(o->source, "@"),
			       o->source) < 256
			       ? 0
			       : -1;
	return layers_name(o->target, ret);
}

/* ---- what lies below ---------------------------------------------------------------- */

/* Of what is on the disk now: libblkid's cache may be of what was there a moment ago. */
static char *uuid_on(const char *device)
{
	blkid_probe p = blkid_new_probe_from_filename(device);
	const char *value = NULL;
	char *uuid = NULL;

	if (p && blkid_probe_enable_superblocks(p, 1) == 0 &&
		blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_UUID) == 0 &&
		blkid_do_safeprobe(p) == 0 &&
		blkid_probe_lookup_value(p, "UUID", &value, NULL) == 0)
		uuid = strdup(value);
	blkid_free_probe(p);
	return uuid;
}

/*
 * In words that stay the same from boot to boot: the UUID where it has one, whatever the kernel
 * calls its disk today, else what is mounted: "server:/export".
 */
static void describe(const struct plan_overlay *o, int lower, char ret[WORDS_MAX])
{
	_cleanup_free_ char *device = NULL, *uuid = NULL;
	struct stat st;

	if (o->n_layers > 0) {
		(void)snprintf(ret, WORDS_MAX, "%s\n", o->source);
		return;
	}
	if (fstat(lower, &st) == 0 && major(st.st_dev) != 0)
		device = blkid_devno_to_devname(st.st_dev);
	else if (strncmp(o->source, "/dev/", 5) == 0) /* btrfs and its like */
		device = strdup(o->source);
	if (device)
		uuid = uuid_on(device);
	(void)snprintf(ret, WORDS_MAX, "%s%.400s\n", uuid ? "UUID=" : "",
		uuid ? uuid : o->source);
	for (char *at = ret; at[0] && at[1]; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
}

/* ---- files of root's, a line each --------------------------------------------------- */

static int write_new(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(
		dir, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
		return -1;
	return renameat(dir, ".new", dir, name);
}

static int open_dir(int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- whose -------------------------------------------------------------------------- */

static int is_another(const struct plan *plan, const char *name, struct err *e)
{
	return err_set(e, 0,
		"the layers in %s/%u are of account %s, and its uid is %s's now: remove them (nsctl gc "
		"--gone), or, if %s was only renamed, write %s into %s/%u/account",
		PATH_UPPER, plan->uid, name, plan->user, name, plan->user, PATH_UPPER,
		plan->uid);
}

/* Return: 0, or -1 with @e where the account was made after what it would find. */
static int check_age(const struct plan *plan, uint64_t made, bool noted, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	char todo[48] = "write its name into";
	uint64_t home_born;

	if (kin_home_born(&k, &home_born, e) < 0)
		return -1;
	if (home_born <= made + 1)
		return 0;
	if (noted)
		(void)snprintf(todo, sizeof(todo), "touch -d @%" PRIu64, home_born);
	return err_set(e, 0,
		"the layers in %s/%u are older than the home directory of %s, and so another's of that "
		"name or uid: remove them (nsctl gc --account %u), or, if only the home was made anew, %s "
		"%s/%u/account",
		PATH_UPPER, plan->uid, plan->user, plan->uid, todo, PATH_UPPER,
		plan->uid);
}

static int take_account(int dir, const struct plan *plan, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	char line[ACCOUNT_NAME_MAX + 1];

	(void)snprintf(line, sizeof(line), "%s\n", plan->user);
	if (write_new(dir, "account", line) < 0)
		return err_set(e, errno, "write %s/%u/account", PATH_UPPER, plan->uid);
	return kin_note_age(&k, dir, "account", e);
}

/* One of an older version, which noted no name. */
static int adopt(int dir, const struct plan *plan, struct err *e)
{
	struct statx st = { 0 };

	if (statx(dir, "", AT_EMPTY_PATH, STATX_BTIME, &st) < 0)
		return err_set(e, errno, "look at %s/%u", PATH_UPPER, plan->uid);
	if ((st.stx_mask & STATX_BTIME) &&
		check_age(plan, (uint64_t)st.stx_btime.tv_sec, false, e) < 0)
		return -1;
	return take_account(dir, plan, e);
}

static int check_account(int dir, const struct plan *plan, struct err *e)
{
	char name[ACCOUNT_NAME_MAX + 1];
	struct stat st;
	int is;

	if (io_read_text(dir, "account", name, sizeof(name)) < 0)
		return errno == ENOENT ? adopt(dir, plan, e)
				       : err_set(e, errno, "read %s/%u/account",
						 PATH_UPPER, plan->uid);
	name[strcspn(name, "\n")] = '\0';
	is = kin_is(name, plan->user, plan->uid, e);
	if (is <= 0)
		return is < 0 ? -1 : is_another(plan, name, e);
	if (fstatat(dir, "account", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "look at %s/%u/account", PATH_UPPER, plan->uid);
	return check_age(plan, (uint64_t)st.st_mtim.tv_sec, true, e);
}

/* ---- over what ---------------------------------------------------------------------- */

/* What has changed below: "image tiny:1", "host"; "" for nothing. */
struct below {
	char what[IMAGE_NAME_MAX + 8];
	bool changing; /* it goes on doing so */
};

static int check_layer(int fs, const struct plan *plan, const struct plan_overlay *o,
	int lower, struct below *b, struct err *e)
{
	char name[256], is[WORDS_MAX], was[WORDS_MAX];

	if (layers_of(o, name) < 0)
		return err_set(e, errno, "name the layer over %s", o->target);
	describe(o, lower, is);
	if (io_read_text(fs, name, was, sizeof(was)) < 0) {
		if (errno != ENOENT || write_new(fs, name, is) < 0)
			return err_set(e, errno,
				"note in %s/%u what the layer over %s is over",
				PATH_UPPER, plan->uid, o->target);
		return 0;
	}
	if (strcmp(is, was) == 0)
		return 0;
	if (o->n_layers > 0) {
		(void)snprintf(b->what, sizeof(b->what), "image %s", name + 1);
		return 0;
	}
	is[strcspn(is, "\n")] = was[strcspn(was, "\n")] = '\0';
	return err_set(e, 0,
		"what %s wrote to %s was written over another file system (%s) than the one that is "
		"mounted there now (%s): mount that one, or, if this one took its place, write %s into "
		"%s/%u/fs/%s",
		plan->user, o->target, was, is, is, PATH_UPPER, plan->uid, name);
}

static bool is_over_host(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_overlays; i++)
		if (!plan->overlays[i].readonly && plan->overlays[i].n_layers == 0)
			return true;
	return false;
}

static int check_host(int dir, const struct plan *plan, struct below *b, struct err *e)
{
	char is[WORDS_MAX], was[WORDS_MAX];

	if (!is_over_host(plan))
		return 0;
	b->changing = packages_are_changing();
	if (b->changing)
		(void)snprintf(b->what, sizeof(b->what), "host");
	packages_describe(is, sizeof(is));
	if (io_read_text(dir, "host", was, sizeof(was)) >= 0) {
		if (strcmp(is, was) != 0)
			(void)snprintf(b->what, sizeof(b->what), "host");
		return 0;
	}
	return errno != ENOENT || write_new(dir, "host", is) < 0
		       ? err_set(e, errno, "note in %s/%u what the layers of %s are over",
				 PATH_UPPER, plan->uid, plan->user)
		       : 0;
}

/* From now on it lies over what is there now. */
static int accept(int dir, const struct plan *plan, struct err *e)
{
	_cleanup_close_ int fs = open_dir(dir, "fs");
	char text[WORDS_MAX], name[256];

	for (size_t i = 0; fs >= 0 && i < plan->n_overlays; i++) {
		const struct plan_overlay *o = &plan->overlays[i];

		if (o->readonly || o->n_layers == 0)
			continue;
		describe(o, -1, text);
		if (layers_of(o, name) < 0 || write_new(fs, name, text) < 0)
			return err_set(e, errno,
				"note in %s/%u what the layer over %s is over",
				PATH_UPPER, plan->uid, o->source);
	}
	packages_describe(text, sizeof(text));
	if (fs < 0 || (is_over_host(plan) && write_new(dir, "host", text) < 0))
		return err_set(e, errno, "note in %s/%u what the layers of %s are over",
			PATH_UPPER, plan->uid, plan->user);
	return 0;
}

/* ---- of older versions -------------------------------------------------------------- */

static bool is_number(const char *name)
{
	uint32_t n;

	return parse_u32(name, &n) == 0;
}

/* The first of the numbers was always that of "/"; what is empty is nobody's loss. */
static int rename_layer(int dir, const char *name, const struct plan *plan, struct err *e)
{
	static const char *const kinds[] = { "upper", "workdir" };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_close_ int kind = open_dir(dir, kinds[i]);

		if (kind < 0)
			return err_set(e, errno, "open %s/%u/%s", PATH_UPPER, plan->uid,
				kinds[i]);
		if (strcmp(name, "0") == 0
				? renameat(kind, name, kind, "-") < 0 && errno != ENOENT
				: i == 0 && unlinkat(kind, name, AT_REMOVEDIR) < 0)
			return err_set(e, 0,
				"%s/%u/upper/%s was made by an older nsshell, which didn't note "
				"what file system it lies over: look what is in it, and rename it, and "
				"the one in workdir, to its mount point (var-lib for /var/lib), or "
				"remove both",
				PATH_UPPER, plan->uid, name);
	}
	return 0;
}

static int take_over_numbers(int dir, const struct plan *plan, struct err *e)
{
	_cleanup_close_ int fd = open_dir(dir, "upper");
	_cleanup_dir_ DIR *uppers = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!uppers)
		return err_set(e, errno, "read %s/%u/upper", PATH_UPPER, plan->uid);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(uppers)))
		if (is_number(entry->d_name) &&
			rename_layer(dir, entry->d_name, plan, e) < 0)
			return -1;
	return errno ? err_set(e, errno, "read %s/%u/upper", PATH_UPPER, plan->uid) : 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int check(int dir, const struct plan *plan, const int *lower, struct below *b,
	struct err *e)
{
	_cleanup_close_ int fs = -EBADF;

	if (check_account(dir, plan, e) < 0 || take_over_numbers(dir, plan, e) < 0)
		return -1;
	fs = open_dir(dir, "fs");
	if (fs < 0)
		return err_set(e, errno, "open %s/%u/fs", PATH_UPPER, plan->uid);
	for (size_t i = 0; i < plan->n_overlays; i++)
		if (!plan->overlays[i].readonly &&
			check_layer(fs, plan, &plan->overlays[i], lower[i], b, e) < 0)
			return -1;
	return check_host(dir, plan, b, e);
}

static int open_own(int uppers, const struct plan *plan, int *ret, struct err *e)
{
	_cleanup_close_ int before = -EBADF;
	char name[16], old[32];
	bool made;

	(void)snprintf(name, sizeof(name), "%u", plan->uid);
	(void)snprintf(old, sizeof(old), "%u" LAYERS_OLD, plan->uid);
	/* An empty one is of whoever was killed before it had its project. */
	(void)unlinkat(uppers, name, AT_REMOVEDIR);
	made = mkdirat(uppers, name, 0700) == 0;
	cleanup_close(ret);
	*ret = open_dir(uppers, name);
	if (*ret < 0)
		return err_set(
			e, errno, "make the upper of %s in %s", plan->user, PATH_UPPER);
	before = openat(uppers, old, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made && plan->upper_size != PARSE_INFINITY &&
		diskquota_begin(*ret, before, plan->uid, e) < 0)
		return -1;
	if (diskquota_limit(*ret, plan, e) < 0)
		return -1;
	return made ? take_account(*ret, plan, e) : 0;
}

static int begin_anew(
	int uppers, const struct plan *plan, const int *lower, int *dir, struct err *e)
{
	struct below none = { 0 };

	return layers_set_aside(uppers, plan->uid, true, e) != 0 ||
			       open_own(uppers, plan, dir, e) < 0 ||
			       check(*dir, plan, lower, &none, e) < 0
		       ? -1
		       : 0;
}

static int refuse_change(const struct plan *plan, const struct below *b, struct err *e)
{
	return err_set(e, 0,
		"the %s has changed beneath what %s wrote over it, and UpperOnChange=refuse: nsctl diff %s "
		"shows that; nsctl reset %s sets it aside, and UpperOnChange=keep lets it be",
		b->what, plan->user, plan->user, plan->user);
}

/*
 * While packages are being installed no answer would hold: what was noted stays, so that a login afterwards is
 * answered, and nothing is set aside for a package manager that changes nothing in the end.
 */
static int follow_changing(
	const struct plan *plan, char changed[LAYERS_CHANGED_MAX], struct err *e)
{
	(void)snprintf(changed, LAYERS_CHANGED_MAX, "changing host");
	return plan->on_change != ON_CHANGE_REFUSE
		       ? 0
		       : err_set(e, 0,
				 "packages of the host are being installed, upgraded or removed, beneath what %s wrote, "
				 "and UpperOnChange=refuse: log in again when that has ended",
				 plan->user);
}

/* What an admin has just given back isn't taken away by the next login. */
static enum policy_on_change answer(int dir, const struct plan *plan)
{
	return plan->on_change == ON_CHANGE_RESET && faccessat(dir, LAYERS_RESTORED, F_OK,
							     AT_SYMLINK_NOFOLLOW) == 0
		       ? ON_CHANGE_KEEP
		       : plan->on_change;
}

static int follow_change(int uppers, const struct plan *plan, const int *lower,
	const struct below *b, char changed[LAYERS_CHANGED_MAX], int *dir, struct err *e)
{
	enum policy_on_change how = answer(*dir, plan);

	if (b->changing)
		return follow_changing(plan, changed, e);
	(void)snprintf(changed, LAYERS_CHANGED_MAX, "%s %s",
		how == ON_CHANGE_RESET ? "reset" : "kept", b->what);
	switch (how) {
	case ON_CHANGE_REFUSE:
		return refuse_change(plan, b, e);
	case ON_CHANGE_RESET:
		return begin_anew(uppers, plan, lower, dir, e);
	default:
		return accept(*dir, plan, e);
	}
}

int layers_open(const struct plan *plan, const int *lower,
	char changed[LAYERS_CHANGED_MAX], int *ret, struct err *e)
{
	_cleanup_close_ int state = io_open_state(PATH_STATE, 0700, e), uppers = -EBADF,
			    dir = -EBADF;
	struct below b = { 0 };
	char name[16];

	changed[0] = '\0';
	if (state < 0)
		return -1;
	uppers = io_open_state(PATH_UPPER, 0700, e);
	if (uppers < 0 ||
		(plan->upper_size != PARSE_INFINITY && diskquota_ready(uppers, e) < 0) ||
		open_own(uppers, plan, &dir, e) < 0 || check(dir, plan, lower, &b, e) < 0)
		return -1;
	if (b.what[0] && follow_change(uppers, plan, lower, &b, changed, &dir, e) < 0)
		return -1;
	if (!b.changing && unlinkat(dir, LAYERS_RESTORED, 0) < 0 && errno != ENOENT)
		return err_set(
			e, errno, "remove %s/%u/" LAYERS_RESTORED, PATH_UPPER, plan->uid);
	(void)snprintf(name, sizeof(name), "%u", plan->uid);
	*ret = sys_clone_tree(uppers, name, false, MS_PRIVATE);
	return *ret < 0 ? err_set(e, errno, "clone the upper of %s", plan->user) : 0;
}
