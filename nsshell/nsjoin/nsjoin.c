/* SPDX-License-Identifier: BSD-3-Clause */
/* nsjoin(8): step into a running session. */
#include "nsshell/nsjoin/nsjoin.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/enter/inside.h"
#include "core/run/session/join_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

/*
 * Should:   see that the file we run from is the host's root's alone: what happens inside can
 *	     then never write it, whatever it gets hold of (CVE-2019-5736), since no id of a box
 *	     is the host's 0
 * Mustn't:  be seen by a debugger
 */
static int harden(struct err *e)
{
	struct stat st;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from debuggers");
	if (stat("/proc/self/exe", &st) < 0)
		return err_set(e, errno, "look at the nsjoin that runs");
	if (st.st_uid != 0 || (st.st_mode & 022))
		return err_set(e, 0,
			"refuses to run from a file that others than root can write: chown root "
			"and chmod go-w it");
	return 0;
}

/* Root does it itself; everybody else asks a session of their own. */
static int run(struct nsjoin_request *q, const struct nsjoin_options *o)
{
	struct err e = { 0 };

	q->term = getenv("TERM");
	if (io_fill_stdio() < 0 || sys_close_from(3) < 0)
		(void)err_set(&e, errno, "put stdio in order");
	else if (geteuid() != 0)
		return nsjoin_own(q, o);
	else if (inside_session())
		(void)inside_no_way(&e);
	else if (harden(&e) == 0) {
		join_log_who(getpid(), getuid(), &q->who);
		return nsjoin_run(q, o);
	}
	(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	return NSJOIN_FAILED;
}

int main(int argc, char **argv)
{
	struct nsjoin_request q = { 0 };
	struct nsjoin_options o = { 0 };
	struct err e = { 0 };
	int status = NSJOIN_FAILED;

	if (nsjoin_parse(argc, argv, &q, &o, &e) == 0 && o.help) {
		nsjoin_usage();
		status = fflush(stdout) == 0 ? 0 : NSJOIN_FAILED;
	} else if (!e.msg[0] && o.version) {
		(void)puts("nsjoin (nsshell) " VERSION);
		status = fflush(stdout) == 0 ? 0 : NSJOIN_FAILED;
	} else if (e.msg[0]) {
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	} else {
		status = run(&q, &o);
	}
	strlist_clear(&q.env);
	return status;
}
