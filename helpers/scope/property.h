/* SPDX-License-Identifier: BSD-3-Clause */
/* Properties of a systemd unit, from words to D-Bus (org.freedesktop.systemd1(5)). */
#pragma once

#include "core/base/err.h"

#include <stddef.h>
#include <systemd/sd-bus.h>

/**
 * scope_properties_append() - Add limits to a message's array of properties, "(sv)" each
 * @words:	"MemoryMax=2147483648", "CPUQuotaPerSecUSec=infinity", "AllowedCPUs=0-3,6",
 *		"IOReadBandwidthMax=/dev/block/8:0 1000000"
 *
 * Return: 0 or -1 with @e, which names the word.
 */
int scope_properties_append(
	sd_bus_message *m, char *const *words, size_t n, struct err *e);

/**
 * scope_properties_reset() - Add "no limit" for what isn't among the words
 *
 * For a slice: it outlives what the config said when it was made.
 */
int scope_properties_reset(
	sd_bus_message *m, char *const *words, size_t n, struct err *e);
