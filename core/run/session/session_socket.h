/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket at which a session takes the requests of its account: PATH_OWN/UID/ID. The supervisor
 * listens; the kernel says who asks (SO_PEERCRED, unix(7)). The account's directory is bound into its
 * sessions, so that they are reached from inside as from outside.
 *
 * One request a connection, answered once; two go on. After SESSION_STOP the connection is closed
 * once the session is gone. After SESSION_RUN, and SESSION_HOST, each further SESSION_SIGNAL is for the command, a second
 * answer has its wait status, and closing the connection hangs the command up.
 */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <stdint.h>
#include <sys/types.h>

/* "nsr1": raised when what follows changes. What has another is refused with a sentence. */
#define SESSION_SOCKET_MAGIC 0x6e737231U

enum session_request_kind {
	SESSION_RECORD = 1, /* answered with the text of its record */
	SESSION_STOP,       /* end it */
	SESSION_SIGNAL, /* value: the signal; answered with how many processes got it */
	SESSION_PAUSE,
	SESSION_RESUME,
	SESSION_LOG, /* answered with a memfd: account_log.h */
	SESSION_RUN, /* with a memfd, session_command.h, and given fds; answered with stdio for a proxy */
	/* with a memfd of text for its terminals; value: N of pts/N, or one of below. Answered with how many took it */
	SESSION_SAY,
	/* with session_words.h, and what is to be the standard input, in sealed memfds. Answered with stdio
	 * for a proxy; or without, where the word whose index is the answer's value names a file, which comes
	 * with the next request */
	SESSION_HOST,
	SESSION_RESIZE, /* after SESSION_HOST only. value: rows << 16 | columns */
};

#define SESSION_SAY_ALL  (-1)
#define SESSION_SAY_LENT (-2) /* the terminal of outside that it was lent */
#define SESSION_SAY_LIST                                                                 \
	(-3) /* without a text: answered with what there is, notice_list() */
/* Of one text; more is refused. */
#define SESSION_SAY_MAX 16384

struct session_request {
	uint32_t magic;
	uint32_t kind;
	int32_t value;
};

/* What the answer's value is where SESSION_HOST's command has a terminal. */
#define SESSION_HOST_TERMINAL (-1)

struct session_answer {
	uint32_t magic;
	int32_t failed; /* 0: it was done; else 1 and error, whose num is an errno or 0 */
	int32_t value;
	struct err error;
	char text[RECORD_TEXT_MAX];
};

/**
 * session_socket_directory() - Make the account's directory: root's, to be read by the account by an acl(5)
 * @gid:	may read it instead where the file system has no ACLs
 *
 * What is there already is given to it, too. Return: fd; -1 with @e.
 */
int session_socket_directory(uid_t uid, gid_t gid, struct err *e);

/**
 * session_socket_listen() - Listen there
 *
 * Whoever gets through the directory may connect: the listener asks who it is. Return: fd, which
 * doesn't block; -1 with @e.
 */
int session_socket_listen(uid_t uid, gid_t gid, const char *id, struct err *e);

/* Take its name away, if there is one. Return: 0; -1 with @e. */
int session_socket_remove(uid_t uid, const char *id, struct err *e);

/* Seconds that a session has to take a connection and to answer: more than it needs for anything. */
#define SESSION_SOCKET_S 60

/**
 * session_socket_connect() - Connect to a session of an account
 * @ret:	O_CLOEXEC, the caller's; sending and receiving end after SESSION_SOCKET_S (EAGAIN)
 *
 * Return: 0; 1 when nobody listens there; -1 with @e.
 */
int session_socket_connect(uid_t uid, const char *id, int *ret, struct err *e);

/* ---- the asker's side --------------------------------------------------------------------- */

/**
 * session_socket_ask() - Send a request
 * @fds:	stay the caller's
 *
 * Return: 0 or -1 with @e.
 */
int session_socket_ask(int sock, const char *id, enum session_request_kind kind,
	int value, const int *fds, size_t n, struct err *e);

/**
 * session_socket_hear() - Wait for the answer
 * @fds:	room for IO_FDS_MAX, the caller's; NULL: those that come are closed
 *
 * Return: 0; -1 with @e: what the session says, or that nothing was heard.
 */
int session_socket_hear(int sock, const char *id, struct session_answer *ret, int *fds,
	size_t *n, struct err *e);
