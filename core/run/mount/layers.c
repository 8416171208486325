/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/layers.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/sys.h"
#include "core/plan/imagename.h"
#include "core/run/mount/diskquota.h"
#include "core/run/mount/owned.h"
#include "core/run/mount/packages.h"

#include <blkid.h>
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define WORDS_MAX 512

static const struct owned owned = { "layers", PATH_UPPER, "account", true };

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
 * calls its disk today, else what is mounted: "server:/export". @name: the layer's.
 */
static int describe(const struct plan_overlay *o, int lower, char name[256],
	char ret[WORDS_MAX], struct err *e)
{
	_cleanup_free_ char *device = NULL, *uuid = NULL;
	struct stat st;

	if (layers_of(o, name) < 0)
		return err_set(e, errno, "name the layer over %s", o->target);
	if (o->n_layers > 0) {
		(void)snprintf(ret, WORDS_MAX, "%s\n", o->source);
		return 0;
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
	return 0;
}

/* ---- over what ---------------------------------------------------------------------- */

/* What has changed below: "image tiny:1", "host"; "" for nothing. */
struct below {
	char what[IMAGE_NAME_MAX + 8];
	bool changing; /* it goes on doing so */
};

static int note(int dir, const char *name, const char *text, const struct plan *plan,
	struct err *e)
{
	return io_replace_text(dir, name, text) < 0
		       ? err_set(e, errno, "note in %s/%u what the layers of %s are over",
				 PATH_UPPER, plan->uid, plan->user)
		       : 0;
}

static int check_layer(int fs, const struct plan *plan, const struct plan_overlay *o,
	int lower, struct below *b, struct err *e)
{
	char name[256], is[WORDS_MAX], was[WORDS_MAX];

	if (describe(o, lower, name, is, e) < 0)
		return -1;
	if (io_read_text(fs, name, was, sizeof(was)) < 0)
		return errno == ENOENT ? note(fs, name, is, plan, e)
				       : err_set(e, errno, "read %s/%u/fs/%s", PATH_UPPER,
						 plan->uid, name);
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
	if (io_read_text(dir, "host", was, sizeof(was)) < 0)
		return errno == ENOENT ? note(dir, "host", is, plan, e)
				       : err_set(e, errno, "read %s/%u/host", PATH_UPPER,
						 plan->uid);
	if (strcmp(is, was) != 0)
		(void)snprintf(b->what, sizeof(b->what), "host");
	return 0;
}

/* From now on it lies over what is there now. */
static int accept(int dir, const struct plan *plan, struct err *e)
{
	_cleanup_close_ int fs = owned_open_dir(dir, "fs");
	char text[WORDS_MAX], name[256];

	if (fs < 0)
		return err_set(e, errno, "open %s/%u/fs", PATH_UPPER, plan->uid);
	for (size_t i = 0; i < plan->n_overlays; i++) {
		const struct plan_overlay *o = &plan->overlays[i];

		if (!o->readonly && o->n_layers > 0 &&
			(describe(o, -1, name, text, e) < 0 ||
				note(fs, name, text, plan, e) < 0))
			return -1;
	}
	packages_describe(text, sizeof(text));
	return is_over_host(plan) ? note(dir, "host", text, plan, e) : 0;
}

/* ---- of older versions -------------------------------------------------------------- */

/* The first of the numbers was always that of "/"; what is empty is nobody's loss. */
static int rename_layer(int dir, const char *name, const struct plan *plan, struct err *e)
{
	static const char *const kinds[] = { "upper", "workdir" };

	for (size_t i = 0; i < 2; i++) {
		_cleanup_close_ int kind = owned_open_dir(dir, kinds[i]);

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
	_cleanup_dir_ DIR *uppers = take_dir(owned_open_dir(dir, "upper"));
	const struct dirent *entry;
	uint32_t n;

	if (!uppers)
		return err_set(e, errno, "read %s/%u/upper", PATH_UPPER, plan->uid);
	while ((errno = 0, entry = readdir(uppers)))
		if (parse_u32(entry->d_name, &n) == 0 &&
			rename_layer(dir, entry->d_name, plan, e) < 0)
			return -1;
	return errno ? err_set(e, errno, "read %s/%u/upper", PATH_UPPER, plan->uid) : 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int check(int dir, const struct plan *plan, const int *lower, struct below *b,
	struct err *e)
{
	_cleanup_close_ int fs = -EBADF;

	if (owned_check(&owned, dir, plan, e) < 0 || take_over_numbers(dir, plan, e) < 0)
		return -1;
	fs = owned_open_dir(dir, "fs");
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
	*ret = owned_open_dir(uppers, name);
	if (*ret < 0)
		return err_set(
			e, errno, "make the upper of %s in %s", plan->user, PATH_UPPER);
	before = openat(uppers, old, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (made && plan->upper_size != PARSE_INFINITY &&
		diskquota_begin(*ret, before, plan->uid, e) < 0)
		return -1;
	if (diskquota_limit(*ret, plan, e) < 0)
		return -1;
	return made ? owned_take(&owned, *ret, plan, e) : 0;
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
	_cleanup_close_ int uppers = owned_open(&owned, e), dir = -EBADF;
	struct below b = { 0 };
	char name[16];

	changed[0] = '\0';
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
