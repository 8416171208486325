/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of images, and what comes from who reads an archive to who makes its files. */
#include "core/plan/imagename.h"
#include "core/plan/layerentry.h"
#include "core/plan/layername.h"
#include "tests/fuzz/fuzz.h"

static void names(const char *text)
{
	char name[IMAGE_NAME_MAX], again[IMAGE_NAME_MAX];

	if (imagename_of_reference(text, name) < 0)
		return;
	must(!strchr(name, '/') && strchr(name, ':'));
	must(imagename_parse(name, again) == 0 && strcmp(name, again) == 0);
}

/* Whatever a name is, it is one below the root, and stays so. */
static void paths(const char *text)
{
	char path[LAYER_NAME_MAX], again[LAYER_NAME_MAX];
	const char *why = NULL;
	int kind;

	if (layername_clean(text, path, &why) < 0) {
		must(why);
		return;
	}
	kind = layername_kind(path, &why);
	must(kind >= 0 || why);
	must(kind < 0 || (*path != '/' && layername_clean(path, again, &why) == 0 &&
				 strcmp(path, again) == 0));
	must(kind != LAYER_WHITEOUT || *path);
	must(strcmp(layername_last(path), "..") != 0);
}

static void entries(const uint8_t *data, size_t size)
{
	const char *why = NULL, *at = (const char *)data;
	struct layer_head h;
	struct layer_xattr x;
	int64_t n;
	int r;

	if (size >= sizeof(h)) {
		memcpy(&h, data, sizeof(h));
		n = layerentry_check(&h, &why);
		must(n < 0 ? why != NULL : n <= LAYER_DATA_MAX);
	}
	while ((r = layerxattr_next(&at, &size, &x)) > 0)
		must(x.value + x.size == at && strlen(x.name) <= LAYER_XATTR_NAME);
	must(r < 0 || size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);

	names(text);
	paths(text);
	entries(data, size);
	free(text);
	return 0;
}
