/* SPDX-License-Identifier: BSD-3-Clause */
/* IOWeight=, IOReadBandwidthMax=, IOWriteBandwidthMax=, IOReadIOPSMax=, IOWriteIOPSMax= */
#include "core/base/parse.h"
#include "core/plan/limits_internal.h"

#include <inttypes.h>
#include <string.h>

#define WEIGHT 100U /* the kernel's own, where none is set */

/* ---- weight ------------------------------------------------------------------------- */

/* BFQ takes 1 to 1000 and has the same default: above that it is stretched less. */
static uint32_t bfq_weight(uint32_t weight)
{
	return weight <= WEIGHT ? weight : WEIGHT + (weight - WEIGHT) * 900 / 9900;
}

/* What the old CFQ took: 10 to 1000, 500 being the default. */
static uint32_t cfq_weight(uint32_t weight)
{
	uint32_t w = weight * 5;

	return w < 10 ? 10 : w > 1000 ? 1000 : w;
}

/* On v2 two schedulers may share one kernel, each with its own file: both get the weight. */
int limit_io_weight(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint32_t weight = a->limits->io_weight ? a->limits->io_weight : WEIGHT;

	*n = 0;
	if (limit_is_v2(a)) {
		if (!limit_is_lacking(a, "io.weight"))
			limit_put(&f[(*n)++], a, "io", "io.weight", weight);
		if (!limit_is_lacking(a, "io.bfq.weight"))
			limit_put(
				&f[(*n)++], a, "io", "io.bfq.weight", bfq_weight(weight));
	} else if (!limit_is_lacking(a, "blkio.bfq.weight")) {
		limit_put(&f[(*n)++], a, "blkio", "blkio.bfq.weight", bfq_weight(weight));
	} else if (!limit_is_lacking(a, "blkio.weight")) {
		limit_put(&f[(*n)++], a, "blkio", "blkio.weight", cfq_weight(weight));
	}
	if (*n > 0)
		return 0;
	return err_set(e, 0,
		"%s=: this host's kernel shares no disk by weight; load bfq and select it as the disk's scheduler, or unset %s=",
		a->key, a->key);
}

/* ---- speed -------------------------------------------------------------------------- */

static const struct plan_block *find_block(
	const struct plan_host *host, const char *path, size_t len)
{
	for (size_t i = 0; i < host->n_blocks; i++)
		if (strlen(host->blocks[i].path) == len &&
			strncmp(host->blocks[i].path, path, len) == 0)
			return &host->blocks[i];
	return NULL;
}

/* "PATH NUMBER" or "PATH infinity" */
static int read_entry(const struct limit_ask *a, const char *entry, const char **device,
	uint64_t *ret, struct err *e)
{
	size_t len = strcspn(entry, " ");
	const struct plan_block *block = find_block(a->host, entry, len);
	const char *number = entry[len] ? entry + len + 1 : "";

	if (!block || !block->device)
		return err_set(e, 0,
			"%s=%.*s: %s; name a device or a path on one, or unset %s=",
			a->key, (int)(len > 100 ? 100 : len), entry,
			block && block->why ? block->why : "wasn't looked at", a->key);
	*device = block->device;
	if (parse_count(number, ret) < 0)
		return err_set(e, 0, "%s=%.100s: no number", a->key, entry);
	return 0;
}

static void put_speed(const struct limit_ask *a, const char *device, uint64_t speed,
	struct limit_file *f)
{
	static const char *const words[] = { "rbps", "wbps", "riops", "wiops" };
	static const char *const files[] = { "blkio.throttle.read_bps_device",
		"blkio.throttle.write_bps_device", "blkio.throttle.read_iops_device",
		"blkio.throttle.write_iops_device" };
	int kind = limits_io(a->key);

	if (!limit_is_v2(a)) {
		/* 0 takes the limit away */
		limit_put_word(f, a, "blkio", files[kind], "");
		(void)snprintf(f->value, sizeof(f->value), "%s %" PRIu64, device,
			speed == PARSE_INFINITY ? 0 : speed);
		return;
	}
	limit_put_word(f, a, "io", "io.max", "");
	if (speed == PARSE_INFINITY)
		(void)snprintf(
			f->value, sizeof(f->value), "%s %s=max", device, words[kind]);
	else
		(void)snprintf(f->value, sizeof(f->value), "%s %s=%" PRIu64, device,
			words[kind], speed);
}

int limit_io_max(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	const struct strlist *entries = &a->limits->io[limits_io(a->key)];
	const char *devices[LIMIT_FILES_MAX];
	uint64_t speeds[LIMIT_FILES_MAX];

	*n = 0;
	for (size_t i = 0; i < entries->n && *n < LIMIT_FILES_MAX; i++) {
		const char *device = "";
		uint64_t speed = 0;
		size_t k = 0;

		if (read_entry(a, entries->v[i], &device, &speed, e) < 0)
			return -1;
		while (k < *n && strcmp(devices[k], device) != 0)
			k++;
		/* Two paths on one disk: the lower one holds for both. */
		if (k == *n)
			speeds[(*n)++] = PARSE_INFINITY;
		devices[k] = device;
		if (speed < speeds[k])
			speeds[k] = speed;
	}
	for (size_t i = 0; i < *n; i++)
		put_speed(a, devices[i], speeds[i], &f[i]);
	return 0;
}
