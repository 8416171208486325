/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/host_facts.h"

#include "core/base/cleanup.h"

#include <unistd.h>

static int find(const char *name, struct image *ret, struct err *e)
{
	_cleanup_close_ int store = imagestore_open(e);

	return store >= 0 && image_find(store, name, ret, e) == 0 ? 0 : -1;
}

/* Nobody but root sees the store. */
static int name_only(const char *name, struct host *h, struct err *e)
{
	h->image = (struct plan_image){ .text = arena_strdup(&h->arena, name),
		.lower = PATH_IMAGES "/layers" };
	h->facts.image = &h->image;
	return h->image.text ? 0 : err_set(e, ENOMEM, "name the image");
}

int host_image(const struct policy *policy, struct host *h, struct err *e)
{
	char text[IMAGE_TEXT_MAX];

	if (!policy->image)
		return 0;
	if (geteuid() != 0)
		return name_only(policy->image, h, e);
	if (find(policy->image, &h->found, e) < 0) {
		(void)err_wrap(e, "RootFS=image:%s", policy->image);
		return err_by(e, ERR_BY_CONFIG);
	}
	image_text(&h->found, text);
	h->image = (struct plan_image){ .text = arena_strdup(&h->arena, text),
		.lower = PATH_IMAGES "/layers",
		.layers = h->found.layers.v,
		.n_layers = h->found.layers.n,
		.environment = h->found.environment.v,
		.n_environment = h->found.environment.n };
	h->facts.image = &h->image;
	return h->image.text ? 0 : err_set(e, ENOMEM, "name the image");
}
