/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsctl check finds, and the looks that it takes. */
#pragma once

#include "config/config.h"
#include "core/base/strlist.h"
#include "core/plan/pamstack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum finding_severity {
	FINDING_NOTE,
	FINDING_WARNING,
	FINDING_ERROR,
};

struct finding {
	enum finding_severity severity;
	char *what; /* with file and line, or the path that it is about */
	char *whom; /* whose logins it concerns */
	char *todo; /* what to do about it */
};

/* Start it as { 0 }. */
struct findings {
	struct finding *v;
	size_t n;
	bool no_memory; /* something couldn't be kept: the list isn't whole */
};

/* Keep a finding; all texts are copied, as one line each: there are names in them that users choose. @whom and @todo are as
 * in struct finding, and never empty. */
void findings_add(struct findings *f, enum finding_severity severity, const char *whom,
	const char *todo, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* What couldn't be looked at is a finding, but for want of memory. */
void findings_failed(
	struct findings *f, const char *whom, const char *todo, const struct err *e);
void findings_clear(struct findings *f);

/* The worst there is; FINDING_NOTE for an empty list. */
enum finding_severity findings_worst(const struct findings *f);
size_t findings_count(const struct findings *f, enum finding_severity severity);

/* In words, one after the other, errors first. */
void findings_print(const struct findings *f, FILE *out);
/* A line each, errors first: "SEVERITY: WHAT; to do: TODO". */
void findings_brief(const struct findings *f, FILE *out);
/* One JSON object: {"findings": [...], "errors": N, "warnings": N, "notes": N}. Return:
 * 0, -1. */
int findings_json(const struct findings *f, FILE *out);

/* ---- the looks: each adds what it finds --------------------------------------------- */

/* Every problem of the config. */
void check_config(const struct config *c, struct findings *f);

/* Kernel: user namespaces, overlay, the system calls that entering needs. */
void check_kernel(struct findings *f);

/* What keeps Network=private from working, where the config has it. */
void check_network(const struct config *c, struct findings *f);

/* Helper and PAM module: there, root's, and nobody else's to change. */
void check_installed(struct findings *f);

/* The break-glass group: there, with members. */
void check_break_glass(struct findings *f);

/* State directories: root's alone, where they are there. */
void check_state(struct findings *f);

/**
 * check_pam() - The stacks of the services that the config lists or that have nsshell's
 * line
 * @listed:	config_services()
 */
void check_pam(
	const struct pamstack_dir *d, const struct strlist *listed, struct findings *f);

/* A line that enters: whether PAM heeds it, and whether what it names is there. */
void check_pam_line(
	const struct pamstack_entry *at, const char *whom, struct findings *f);
