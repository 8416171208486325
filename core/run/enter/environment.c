/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/environment.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/plan/sessionenv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void environment_clear(struct environment *v)
{
	free(v->v);
	free(v->text);
	*v = (struct environment){ 0 };
}

/* Return: the text, to be freed; NULL with errno. */
static char *read_whole(int fd)
{
	_cleanup_free_ char *text = malloc(SESSIONENV_MAX + 1);
	struct stat st;
	size_t len = 0;
	char *taken;
	ssize_t n;

	if (!text || fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode)) {
		errno = EBADMSG;
		return NULL;
	}
	while ((n = read(fd, text + len, SESSIONENV_MAX - len)) > 0)
		len += (size_t)n;
	if (n == 0 && len == SESSIONENV_MAX)
		errno = EFBIG;
	if (n < 0 || len == SESSIONENV_MAX)
		return NULL;
	text[len] = '\0';
	taken = text;
	text = NULL;
	return taken;
}

/* Return: 0 or -1, without memory. */
static int take_lines(struct environment *v)
{
	size_t n = 0, lines = 1;
	char *rest = v->text, *line;

	for (const char *at = v->text; *at; at++)
		lines += *at == '\n';
	v->v = calloc(lines + 1, sizeof(*v->v));
	if (!v->v)
		return -1;
	while ((line = strsep(&rest, "\n")))
		if (!sessionenv_wrong(line))
			v->v[n++] = line;
	return 0;
}

static bool is_a_lack(int num)
{
	return num == ENOMEM || num == EMFILE || num == ENFILE;
}

int environment_read(struct environment *ret, struct err *e)
{
	_cleanup_close_ int fd = open(PATH_RUN_ENVIRONMENT,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct environment v = { 0 };

	if (fd >= 0)
		v.text = read_whole(fd);
	if (!v.text && !is_a_lack(errno))
		v.text = calloc(1, 1);
	if (!v.text || take_lines(&v) < 0) {
		(void)err_set(
			e, errno, "read the session's %s inside", PATH_RUN_ENVIRONMENT);
		environment_clear(&v);
		return -1;
	}
	*ret = v;
	return 0;
}
