/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/pass_on.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/plan_wire.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

int pass_on_write(struct pass_on *head, size_t size, const struct plan *plan, int *ret,
	struct err *e)
{
	_cleanup_close_ int fd = memfd_create("nsshell session", 0);
	_cleanup_free_ void *bytes = NULL;
	size_t len;

	(void)snprintf(head->version, sizeof(head->version), "%s", VERSION);
	head->size = (uint32_t)size;
	head->layout = wire_layout(&plan_wire);
	if (wire_put(&plan_wire, plan, &bytes, &len, e) < 0)
		return -1;
	if (fd < 0 || io_write_all(fd, head, size) < 0 ||
		io_write_all(fd, bytes, len) < 0)
		return err_set(e, errno, "hand the session over");
	*ret = take_fd(&fd);
	return 0;
}

static int read_at(int fd, void *to, size_t len, off_t at)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = pread(fd, (char *)to + have, len - have, at + (off_t)have);

		if (n < 0)
			return -1;
		if (n == 0)
			return errno = EBADMSG, -1;
		have += (size_t)n;
	}
	return 0;
}

/* What is of another build may be shorter. */
static bool is_ours(int fd, struct pass_on *head, size_t size)
{
	return read_at(fd, head, sizeof(*head), 0) == 0 && head->size == size &&
	       head->layout == wire_layout(&plan_wire) &&
	       strncmp(head->version, VERSION, sizeof(head->version)) == 0;
}

int pass_on_read(
	int fd, struct pass_on *head, size_t size, struct plan *plan, struct err *e)
{
	_cleanup_close_ int from = fd;
	static struct arena arena;
	struct stat st;
	size_t len;
	char *bytes;

	if (!is_ours(from, head, size))
		return err_set(e, 0,
			"programs of nsshell's are of two versions: log in again when the upgrade is done");
	if (fstat(from, &st) < 0)
		return err_set(e, errno, "take the session over");
	len = (size_t)st.st_size - size;
	/* The plan points into it. */
	bytes = malloc(len);
	if (!bytes || read_at(from, head, size, 0) < 0 ||
		read_at(from, bytes, len, (off_t)size) < 0) {
		(void)err_set(e, errno, "take the session over");
		free(bytes);
		return -1;
	}
	return wire_take(&plan_wire, bytes, len, &arena, plan, e);
}
