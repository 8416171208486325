# SPDX-License-Identifier: BSD-3-Clause
"""
The outer process: adopts every orphan of a run and reaps it, outlives the tests however they
end, kills what they left running, and then puts the host back.
"""

import os
import signal
import sys
import time
import traceback

from . import kernel


def _reap(until=None):
    """Collect dead children; the wait status of @until once that one has died."""
    while True:
        try:
            pid, status = os.waitpid(-1, 0 if until else os.WNOHANG)
        except ChildProcessError:
            return None
        except InterruptedError:
            continue
        if pid == 0:
            return None
        if pid == until:
            return status


def _end_descendants():
    me = os.getpid()
    for sig, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
        end = time.monotonic() + seconds
        told = set()
        while True:
            _reap()
            alive = kernel.descendants(me)
            if not alive:
                return
            for p in alive:
                if p.pid not in told:
                    told.add(p.pid)
                    try:
                        os.kill(p.pid, sig)
                    except ProcessLookupError:
                        pass
            if time.monotonic() > end:
                break
            time.sleep(0.05)


def _be_deaf():
    # Not SIG_IGN, which Python complains about when a signal is on its way already.
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: None)


def run(prepare, main, clean):
    """
    prepare() and clean() run here, in the host's mount namespace; main() in a child. Returns
    main's status, 130 when it was interrupted.
    """
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    kernel.reaper = os.getpid()
    child = 0

    def stop(*_):
        if child:
            try:
                os.kill(child, signal.SIGTERM)
            except ProcessLookupError:
                pass
        else:
            raise SystemExit(130)

    # Ctrl-C reaches the child too; here it must only not end us before we have cleaned.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    status = 1
    try:
        prepare()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os._exit(_child(main))
        wait_status = _reap(child)
        if wait_status is not None:
            status = os.waitstatus_to_exitcode(wait_status)
    finally:
        child = 0
        _be_deaf()
        _end_descendants()
        clean()
    return 128 - status if status < 0 else status


def _child(main):
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)

    def stop(*_):
        # Once is enough: the second of Ctrl-C's two signals must not break the clean-up.
        _be_deaf()
        raise KeyboardInterrupt

    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, stop)
    try:
        status = main()
    except KeyboardInterrupt:
        status = 130
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 1
        if isinstance(e.code, str):
            print(e.code, file=sys.stderr)
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status or 0
