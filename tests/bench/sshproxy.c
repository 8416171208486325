/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ssh's ProxyCommand with ProxyUseFdpass: a TCP connection over loopback without the
 * delays of one, and an sshd -i at its end.
 *
 *   sshproxy SSHD ARGUMENT...
 *
 * Over a pipe sshd's peer is called UNKNOWN, and libpam's audit log asks the name server
 * for that; over plain TCP, Nagle's algorithm and the delayed acknowledgement put 40 ms
 * into the handshake. Both would hide what is measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(int r, const char *what)
{
	if (r < 0) {
		(void)fprintf(stderr, "sshproxy: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void connect_pair(int *near, int *far)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(server, "socket");
	must(bind(server, (struct sockaddr *)&a, sizeof(a)), "bind");
	must(listen(server, 1), "listen");
	must(getsockname(server, (struct sockaddr *)&a, &len), "getsockname");
	*near = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(*near, "socket");
	must(connect(*near, (struct sockaddr *)&a, sizeof(a)), "connect");
	*far = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	must(*far, "accept");
	must(setsockopt(*near, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
		"TCP_NODELAY");
	must(setsockopt(*far, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)),
		"TCP_NODELAY");
	(void)close(server);
}

/* Give the fd to ssh, whose socket is our standard output. */
static void give(int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { { 0 } };
	struct iovec iov = { .iov_base = (char[]){ 0 }, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	must((int)sendmsg(STDOUT_FILENO, &m, 0), "sendmsg");
}

int main(int argc, char **argv)
{
	int near, far;
	pid_t pid;

	if (argc < 2)
		return 2;
	connect_pair(&near, &far);
	pid = fork();
	must((int)pid, "fork");
	if (pid == 0) {
		must(dup2(far, STDIN_FILENO), "dup2");
		must(dup2(far, STDOUT_FILENO), "dup2");
		must(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO),
			"/dev/null");
		(void)execv(argv[1], argv + 1);
		must(-1, argv[1]);
	}
	give(near);
	return 0;
}
