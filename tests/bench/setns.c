/* SPDX-License-Identifier: BSD-3-Clause */
/* setns PID: the bare system calls of stepping into a box, and /bin/true there. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const int all = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS |
			CLONE_NEWIPC | CLONE_NEWCGROUP;
	int pidfd = argc == 2 ? pidfd_open(atoi(argv[1]), 0) : -1, status;
	pid_t pid;

	if (pidfd < 0 || setns(pidfd, all) < 0) {
		perror("setns");
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
