/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the helper and the PAM module take from each other's socket. Bit 0 of the first byte chooses
 * the side; bit 1 makes what follows a message of the right size and version.
 */
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/client/client.h"
#include "helpers/opener/request.h"
#include "helpers/client/session_id.h"
#include "tests/fuzz/fuzz.h"

#include <sys/socket.h>

static bool ends(const char *s, size_t room)
{
	return memchr(s, '\0', room) != NULL;
}

static void as_helper(int sock)
{
	struct proto_request q;
	int terminal = -EBADF;

	if (request_take(sock, &q, &terminal) < 0)
		return;
	must(session_id_is_valid(q.id));
	must(ends(q.user, sizeof(q.user)) && ends(q.service, sizeof(q.service)));
	must(ends(q.rhost, sizeof(q.rhost)) && ends(q.tty, sizeof(q.tty)));
	must(ends(q.tmpdir, sizeof(q.tmpdir)) && ends(q.ticket, sizeof(q.ticket)));
	must(terminal < 0);
}

static void as_module(int sock)
{
	struct proto_reply reply;
	struct err e = { 0 };
	int fds[IO_FDS_MAX];
	size_t n = 0;

	if (client_reply(sock, &reply, fds, &n, &e) < 0) {
		must(e.msg[0]);
		return;
	}
	must(n == 0);
	must(ends(reply.id, sizeof(reply.id)) && ends(reply.text, sizeof(reply.text)));
	must(ends(reply.shell, sizeof(reply.shell)));
	must(ends(reply.runtime_dir, sizeof(reply.runtime_dir)));
	must(ends(reply.bus, sizeof(reply.bus)));
}

static void send_right(int sock, bool request, const uint8_t *data, size_t size)
{
	union {
		struct proto_request request;
		struct proto_reply reply;
		uint8_t bytes[1];
	} m = { 0 };
	size_t whole = request ? sizeof(m.request) : sizeof(m.reply);

	memcpy(m.bytes, data, size < whole ? size : whole);
	m.request.magic = PROTO_MAGIC;
	must(send(sock, &m, whole, MSG_NOSIGNAL) == (ssize_t)whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2];

	if (size < 2)
		return 0;
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	ours = pair[0];
	theirs = pair[1];
	if (data[0] & 2)
		send_right(theirs, data[0] & 1, data + 1, size - 1);
	else
		must(send(theirs, data + 1, size - 1, MSG_NOSIGNAL) == (ssize_t)size - 1);
	if (data[0] & 1)
		as_helper(ours);
	else
		as_module(ours);
	return 0;
}
