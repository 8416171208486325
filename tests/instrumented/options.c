/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked into the programs of the instrumented build. What AddressSanitizer and UBSan find goes to a
 * directory that everybody can write, also from a box: most of the programs have no standard error,
 * and those that are setuid no environment either.
 */
#ifndef REPORTS
#define REPORTS "/var/lib/instrumented/reports" /* make instrumented says which */
#endif

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/*
 * Called before anything else is: nothing but constants. With longer stacks of what allocated, say 12, a program
 * takes a sixth more to start; build with it where one is needed.
 */
#define OPTIONS                                                                          \
	"log_path=" REPORTS "/report:print_stacktrace=1:"                                \
	"quarantine_size_mb=8:malloc_context_size=1:"

/* Leaks are found by a process that traces the one that ends, which a box doesn't allow. */
__attribute__((visibility("default"), used)) const char *__asan_default_options(void)
{
	return OPTIONS "detect_leaks=0";
}

__attribute__((visibility("default"), used)) const char *__ubsan_default_options(void)
{
	return OPTIONS;
}
