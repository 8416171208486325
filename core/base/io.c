/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/io.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int send_with(
	int sock, const void *msg, size_t size, const int *fds, size_t n_fds, int flags)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(IO_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg, .iov_len = size };
	struct msghdr head = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t sent;

	if (n_fds > IO_FDS_MAX) {
		errno = E2BIG;
		return -1;
	}
	if (n_fds > 0) {
		head.msg_control = control.room;
		head.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = &control.align;
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		sent = sendmsg(sock, &head, flags | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

int io_send(int sock, const void *msg, size_t size, const int *fds, size_t n_fds)
{
	return send_with(sock, msg, size, fds, n_fds, 0);
}

int io_send_now(int sock, const void *msg, size_t size, const int *fds, size_t n_fds)
{
	return send_with(sock, msg, size, fds, n_fds, MSG_DONTWAIT);
}

void io_pass_over(int sock, int ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char first;

	if (poll(&p, 1, ms) > 0)
		(void)recv(sock, &first, 1, MSG_DONTWAIT);
}

/* Move the fds of a received message into @fds. */
static size_t take_fds(struct msghdr *head, int *fds)
{
	size_t total = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (total < IO_FDS_MAX)
				fds[total++] = fd;
			else
				(void)close(fd);
		}
	}
	return total;
}

int io_recv(int sock, void *msg, size_t size, int *fds, size_t *n_fds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(IO_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = msg, .iov_len = size };
	struct msghdr head = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		/* Closed by us, one of a FUSE would have us wait for it (flush). */
		.msg_control = fds ? control.room : NULL,
		.msg_controllen = fds ? sizeof(control.room) : 0,
	};
	size_t total;
	ssize_t got;

	/* That it was reset is told once, and before what there is to be heard. */
	do
		got = recvmsg(sock, &head, MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -1;
	total = fds ? take_fds(&head, fds) : 0;
	if ((size_t)got != size || (head.msg_flags & MSG_TRUNC) ||
		(fds && (head.msg_flags & MSG_CTRUNC))) {
		for (size_t i = 0; fds && i < total; i++)
			cleanup_close(&fds[i]);
		/* What there was room for in the message had none among our fds. */
		errno = fds && (size_t)got == size && total < IO_FDS_MAX ? EMFILE
									 : EBADMSG;
		/* The end, or a message of no bytes, which may have fds all the same. */
		return got == 0 ? 1 : -1;
	}
	if (n_fds)
		*n_fds = total;
	return 0;
}

int io_write_all(int fd, const void *buf, size_t size)
{
	const char *at = buf;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t io_read_text(int dir, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -1;
	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			buf[len] = '\0';
			return (ssize_t)len;
		}
		len += (size_t)n;
	}
	errno = EFBIG;
	return -1;
}

int io_write_text(int dir, const char *path, const char *text)
{
	_cleanup_close_ int fd = openat(dir, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != len) {
		errno = EIO;
		return -1;
	}
	return n < 0 ? -1 : 0;
}

static bool is_made(const char *path, mode_t mode)
{
	return mkdir(path, mode) == 0 || errno == EEXIST;
}

/* After a boot whoever comes first makes PATH_RUN, too: a login, or any command of nsctl's. */
static int make_state(const char *path, mode_t mode, struct err *e)
{
	_cleanup_close_ int run = -EBADF;

	if (is_made(path, mode))
		return 0;
	if (errno == ENOENT && strncmp(path, PATH_RUN "/", strlen(PATH_RUN "/")) == 0) {
		run = io_open_state(PATH_RUN, PATH_RUN_MODE, e);
		if (run < 0)
			return -1;
		if (is_made(path, mode))
			return 0;
	}
	return err_set(e, errno, "make the state directory %s", path);
}

int io_open_state(const char *path, mode_t mode, struct err *e)
{
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_close_ int fd = open(path, how);
	struct stat st;

	/* It mostly is there: mkdir(2) has others wait who want something in the directory above. */
	if (fd < 0 && errno == ENOENT) {
		if (make_state(path, mode, e) < 0)
			return -1;
		fd = open(path, how);
	}
	if (fd < 0)
		return err_set(e, errno, "open the state directory %s", path);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at the state directory %s", path);
	if (st.st_uid != 0 || (st.st_mode & 022)) {
		(void)err_set(e, 0,
			"the state directory %s must be root's and writable by nobody else: "
			"chown root %s; chmod go-w %s",
			path, path, path);
		return err_by(e, ERR_BY_STATE);
	}
	return take_fd(&fd);
}

int io_fill_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	return 0;
}

bool io_is_still(int dir, const char *name, int fd)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 &&
	       fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}
