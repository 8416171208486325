/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/session_socket.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define BACKLOG 16

/* Of before PATH_OWN was there, it is nobody's to pass through. */
static int open_way(struct err *e)
{
	_cleanup_close_ int run = io_open_state(PATH_RUN, PATH_RUN_MODE, e);

	if (run < 0)
		return -1;
	if (fchmod(run, PATH_RUN_MODE) < 0)
		return err_set(e, errno, "let accounts reach %s", PATH_OWN);
	return 0;
}

/* acl(5) as the kernel has it, linux/posix_acl_xattr.h: each entry's bits, and whom it is for. */
struct acl {
	uint32_t version;
	struct acl_entry {
		uint16_t tag, bits;
		uint32_t id;
	} entries[5];
};

/*
 * To be passed and read by the account alone: its group may be everybody's. Where the file system has no
 * ACLs, by its group.
 */
static int give(int fd, uid_t uid, gid_t gid)
{
#define READS (ACL_READ | ACL_EXECUTE)
#define ENTRY(tag, bits, id)                                                             \
	{                                                                                \
		htole16(tag), htole16(bits), htole32((uint32_t)(id))                     \
	}
	const struct acl acl = { htole32(POSIX_ACL_XATTR_VERSION),
		{ ENTRY(ACL_USER_OBJ, READS | ACL_WRITE, ACL_UNDEFINED_ID),
			ENTRY(ACL_USER, READS, uid),
			ENTRY(ACL_GROUP_OBJ, 0, ACL_UNDEFINED_ID),
			ENTRY(ACL_MASK, READS, ACL_UNDEFINED_ID),
			ENTRY(ACL_OTHER, 0, ACL_UNDEFINED_ID) } };
#undef ENTRY
#undef READS

	if (fchown(fd, 0, 0) == 0 &&
		fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0) == 0)
		return 0;
	return errno == EOPNOTSUPP && fchown(fd, 0, gid) == 0 ? fchmod(fd, 0750) : -1;
}

int session_socket_directory(uid_t uid, gid_t gid, struct err *e)
{
	_cleanup_close_ int own = -EBADF, fd = -EBADF;
	char name[16];

	if (open_way(e) < 0)
		return -1;
	own = io_open_state(PATH_OWN, PATH_RUN_MODE, e);
	if (own < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "%u", uid);
	if (mkdirat(own, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s/%s", PATH_OWN, name);
	fd = openat(own, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || give(fd, uid, gid) < 0)
		return err_set(e, errno, "give %s/%s to its account", PATH_OWN, name);
	return take_fd(&fd);
}

static int address(uid_t uid, const char *id, struct sockaddr_un *ret)
{
	int len;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(
		ret->sun_path, sizeof(ret->sun_path), "%s/%u/%s", PATH_OWN, uid, id);
	return len > 0 && (size_t)len < sizeof(ret->sun_path) ? 0 : -1;
}

int session_socket_listen(uid_t uid, gid_t gid, const char *id, struct err *e)
{
	_cleanup_close_ int directory = session_socket_directory(uid, gid, e),
			    sock = -EBADF;
	struct sockaddr_un to;

	if (directory < 0)
		return -1;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0 || address(uid, id, &to) < 0 ||
		bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		fchmodat(directory, id, 0666, 0) < 0 || listen(sock, BACKLOG) < 0)
		return err_set(e, errno, "listen at %s/%u/%s", PATH_OWN, uid, id);
	return take_fd(&sock);
}

int session_socket_remove(uid_t uid, const char *id, struct err *e)
{
	struct sockaddr_un at;

	return address(uid, id, &at) == 0 && unlink(at.sun_path) < 0 && errno != ENOENT
		       ? err_set(e, errno, "remove %s", at.sun_path)
		       : 0;
}

int session_socket_connect(uid_t uid, const char *id, int *ret, struct err *e)
{
	const struct timeval patience = { .tv_sec = SESSION_SOCKET_S };
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un to;

	if (sock < 0 || address(uid, id, &to) < 0 ||
		setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) <
			0 ||
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) <
			0)
		return err_set(e, errno, "reach session %s", id);
	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR
			       ? 1
			       : err_set(e, errno == EAGAIN ? ETIMEDOUT : errno,
					 "reach session %s", id);
	*ret = take_fd(&sock);
	return 0;
}
