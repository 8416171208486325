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

/* Return: its bytes, which stay, or NULL with errno. */
static void *read_all(int fd, size_t *ret)
{
	struct stat st;
	ssize_t n = 0;
	char *bytes;

	if (fstat(fd, &st) < 0 || st.st_size < 0)
		return NULL;
	*ret = (size_t)st.st_size;
	bytes = malloc(*ret);
	for (size_t at = 0; bytes && at < *ret; at += (size_t)n) {
		n = pread(fd, bytes + at, *ret - at, (off_t)at);
		if (n <= 0) {
			free(bytes);
			return NULL;
		}
	}
	return bytes;
}

int pass_on_read(
	int fd, struct pass_on *head, size_t size, struct plan *plan, struct err *e)
{
	_cleanup_close_ int from = fd;
	static struct arena arena;
	size_t len;
	char *bytes = read_all(from, &len);

	if (!bytes)
		return err_set(e, errno, "take the session over");
	memcpy(head, bytes, len < size ? len : size);
	if (len < size || head->size != size || head->layout != wire_layout(&plan_wire) ||
		strncmp(head->version, VERSION, sizeof(head->version)) != 0)
		return err_set(e, 0,
			"programs of nsshell's are of two versions: log in again when the upgrade is done");
	return wire_take(&plan_wire, bytes + size, len - size, &arena, plan, e);
}
