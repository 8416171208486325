/* SPDX-License-Identifier: BSD-3-Clause */
/* Against what processes talk through: SysV, POSIX queues, sockets, keys. */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <stddef.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int shm_get(char **argv)
{
	return attack_result(shmget((key_t)attack_number(argv[0]), 0, 0));
}

static int shm_attach(char **argv)
{
	return shmat((int)attack_number(argv[0]), NULL, SHM_RDONLY) == (void *)-1 ? errno
										  : 0;
}

static int shm_remove(char **argv)
{
	return attack_result(shmctl((int)attack_number(argv[0]), IPC_RMID, NULL));
}

/* By its place in the kernel's table rather than by its id. */
static int shm_stat(char **argv)
{
	struct shmid_ds ds;

	return attack_result(shmctl((int)attack_number(argv[0]), SHM_STAT_ANY, &ds));
}

static int msg_get(char **argv)
{
	return attack_result(msgget((key_t)attack_number(argv[0]), 0));
}

static int msg_remove(char **argv)
{
	return attack_result(msgctl((int)attack_number(argv[0]), IPC_RMID, NULL));
}

static int sem_get(char **argv)
{
	return attack_result(semget((key_t)attack_number(argv[0]), 0, 0));
}

static int sem_remove(char **argv)
{
	return attack_result(semctl((int)attack_number(argv[0]), 0, IPC_RMID));
}

static int queue_open(char **argv)
{
	return attack_result(mq_open(argv[0], O_RDONLY));
}

/* The observer's: one to lose. */
static int queue_make(char **argv)
{
	(void)umask(0);
	return attack_result(mq_open(argv[0], O_RDWR | O_CREAT, 0666, NULL));
}

static int queue_unlink(char **argv)
{
	return attack_result(mq_unlink(argv[0]));
}

/* connect PATH, or @NAME for an abstract one */
static int try_connect(char **argv)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = strlen(argv[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || len >= sizeof(to.sun_path))
		return errno;
	memcpy(to.sun_path, argv[0], len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	else
		len++;
	return attack_result(connect(fd, (struct sockaddr *)&to,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)));
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* The keyring of the account's uid, in case the host's is the same. */
static int key_search(char **argv)
{
	return attack_result(syscall(
		SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", argv[0], 0));
}

static int key_read(char **argv)
{
	char secret[64];

	return attack_result(syscall(SYS_keyctl, KEYCTL_READ, (int)attack_number(argv[0]),
		secret, sizeof(secret)));
}

/* key-take RING KEY: link a keyring of the host into an own one, and then read its key */
static int key_take(char **argv)
{
	int ring = (int)attack_number(argv[0]);

	if (syscall(SYS_keyctl, KEYCTL_LINK, ring, KEY_SPEC_PROCESS_KEYRING) < 0)
		return errno;
	return key_read(argv + 1);
}

static int key_revoke(char **argv)
{
	return attack_result(
		syscall(SYS_keyctl, KEYCTL_REVOKE, (int)attack_number(argv[0])));
}

const struct attack attacks_ipc[] = {
	{ "shm-get", shm_get },
	{ "shm-attach", shm_attach },
	{ "shm-remove", shm_remove },
	{ "shm-stat", shm_stat },
	{ "msg-get", msg_get },
	{ "msg-remove", msg_remove },
	{ "sem-get", sem_get },
	{ "sem-remove", sem_remove },
	{ "mq-open", queue_open },
	{ "mq-make", queue_make },
	{ "mq-unlink", queue_unlink },
	{ "connect", try_connect },
	{ "key-search", key_search },
	{ "key-read", key_read },
	{ "key-take", key_take },
	{ "key-revoke", key_revoke },
	{ NULL, NULL },
};
