/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * There is no frame pointer to follow: what counts as a caller is each word of the stack that points into text,
 * right behind a call instruction.
 */
#include "tests/fault/site.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXTS_MAX   96
#define STACK_WORDS 512
#define CALLERS     5

struct text {
	uint64_t from, to; /* as it is mapped */
	uint64_t at;       /* offset in the file */
	uint64_t file;     /* a hash of its path */
};

struct texts {
	struct text of[TEXTS_MAX];
	size_t n;
};

/* FNV-1a */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	for (const unsigned char *p = data; size > 0; size--)
		hash = (hash ^ *p++) * 0x100000001b3;
	return hash;
}

static void read_texts(pid_t pid, struct texts *ret)
{
	char path[32], line[512], perms[5], file[384];
	FILE *f;

	ret->n = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	f = fopen(path, "re");
	while (f && ret->n < TEXTS_MAX && fgets(line, sizeof(line), f)) {
		unsigned long from, to, at;

		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %383s", &from, &to, perms, &at,
			    file) != 5 ||
			perms[2] != 'x')
			continue;
		ret->of[ret->n++] = (struct text){ from, to, at,
			mix(0xcbf29ce484222325, file, strlen(file)) };
	}
	if (f)
		(void)fclose(f);
}

static const struct text *text_of(const struct texts *texts, uint64_t address)
{
	for (size_t i = 0; i < texts->n; i++)
		if (address >= texts->of[i].from && address < texts->of[i].to)
			return &texts->of[i];
	return NULL;
}

static uint64_t add(uint64_t hash, const struct text *text, uint64_t address)
{
	uint64_t at = address - text->from + text->at;

	return mix(mix(hash, &text->file, sizeof(text->file)), &at, sizeof(at));
}

static bool comes_from_call(int memory, uint64_t address)
{
	unsigned char code[7];

	if (pread(memory, code, sizeof(code), (off_t)(address - sizeof(code))) !=
		(ssize_t)sizeof(code))
		return false;
#if defined(__x86_64__)
	/* call rel32; call by a register or memory: FF /2, of two to seven bytes */
	if (code[2] == 0xe8)
		return true;
	for (size_t i = 0; i + 1 < sizeof(code); i++)
		if (code[i] == 0xff && ((code[i + 1] >> 3) & 7) == 2)
			return true;
	return false;
#elif defined(__aarch64__)
	/* bl, blr */
	uint32_t word;

	memcpy(&word, code + 3, sizeof(word));
	return word >> 26 == 0x25 || (word & 0xfffffc1f) == 0xd63f0000;
#else
	return true;
#endif
}

static uint64_t with_callers(
	uint64_t hash, const struct texts *texts, int memory, uint64_t sp)
{
	uint64_t stack[STACK_WORDS];
	ssize_t size = pread(memory, stack, sizeof(stack), (off_t)sp);
	size_t words = size > 0 ? (size_t)size / sizeof(*stack) : 0;
	unsigned callers = 0;

	for (size_t i = 0; i < words && callers < CALLERS; i++) {
		const struct text *text = text_of(texts, stack[i]);

		if (!text || !comes_from_call(memory, stack[i]))
			continue;
		hash = add(hash, text, stack[i]);
		callers++;
	}
	return hash;
}

uint64_t site_of(pid_t pid, uint64_t ip, uint64_t sp)
{
	struct texts texts;
	const struct text *text;
	char path[32];
	uint64_t hash = 0;
	int memory;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return 0;
	read_texts(pid, &texts);
	text = text_of(&texts, ip);
	if (text)
		hash = with_callers(add(0, text, ip), &texts, memory, sp);
	(void)close(memory);
	return hash;
}
