#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Tests on whole machines: Debian 12 and 13 with nsshell installed, booted under qemu, as root.

	tests/vm/run.py [--shape SHAPE]... [--jobs N] [--all | --some] [NAME...]
	tests/vm/run.py --list
	tests/vm/run.py --shape SHAPE --hold
	tests/vm/run.py --at PORT [NAME...]

SHAPE is v2, v1, plain or trixie; all of them without it. A NAME is FILE or FILE.TEST of test_FILE.py here,
system.NAME or hostile.NAME for one of tests/system or tests/hostile, run inside the machine; "system"
and "hostile" are all of them. Without a NAME it's all tests from here, and those of the suites that
inside.py has chosen; --some: those that make check has time for; --all: those not chosen as well.
--hold boots a machine, installs, and keeps it until Ctrl-C; --at runs tests in it, after
installing what is built now.
"""

import argparse
import concurrent.futures
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import inside  # noqa: E402  pylint: disable=wrong-import-position
import machine as vm  # noqa: E402  pylint: disable=wrong-import-position
from host import Host, pack  # noqa: E402  pylint: disable=wrong-import-position
from harness import choose  # noqa: E402  pylint: disable=wrong-import-position

SECONDS_A_TEST = 300
# A shape that takes longer hangs, or has a host that is much too busy.
MINUTES, MINUTES_ALL = 40, 180
# Own tests that make check has no time for: what they try is rare, another test here comes by it as well, or
# the host's suite does.
LATER = ("changes.a_mount_that_goes", "changes.paths_that_a_config_names", "changes.userdel", "changes.what_root_changes",
         "commands.in_other_boxes", "commands.over_an_image", "commands.with_a_user_manager", "disk.quotas", "disk.sizes", "disk.sizes_that_change",
         "enable.enable_and_disable_twice", "limit.memory", "limit.pressure", "limit.tasks",
         "lxcfs.the_unit_is_restarted", "private.a_box_with_a_network_of_its_own", "private.a_flushed_table",
         "scope.a_first_login_that_mounts_below_its_home",
         "scope.a_login_from_a_delegated_group", "scope.a_login_while_the_old_scope_goes",
         "scope.accounts_share_a_slice", "scope.every_limit_is_kept_by_somebody",
         "scope.nothing_of_an_admin_s_day_ends_a_session_or_lifts_a_limit",
         "scope.only_the_first_login_needs_systemd", "scope.systemd_executes_itself_anew_meanwhile",
         "scope.who_is_refused_goes_back", "systemd.a_restart_of_sshd", "systemd.daemon_reload",
         "systemd.shared_mounts", "systemd.warnings_of_a_shutdown", "systemd.what_systemd_tells", "user_manager.a_unit_that_tries_to_leave",
         "user_manager.one_manager_for_all_logins", "ways.at", "ways.console", "ways.cron", "ways.sftp_and_scp", "ways.su_and_runuser", "ways.sudo",
         "ways.the_accounts_groups")
ORDER = ("enable", "ways", "limit", "systemd")
LAST = ("trace",)


def _rank(name):
    known = (*ORDER, None, *LAST)
    return (known.index(name) if name in known else len(ORDER), name)


def tests(wanted):
    return choose.tests(HERE, _rank, wanted)


class TooLong(Exception):
    pass


def _alarm(*_):
    raise TooLong(f"longer than {SECONDS_A_TEST} s")


def _stop(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def run_one(host, name, function):
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(SECONDS_A_TEST)
    try:
        function(host)
    except Exception as e:  # pylint: disable=broad-except
        signal.alarm(0)
        where = traceback.extract_tb(e.__traceback__)
        line = next((f for f in reversed(where) if f.name == function.__name__), where[-1])
        host.check(False, f"{name}, line {line.lineno}", f"{type(e).__name__}: {e}", host.log())
    finally:
        signal.alarm(0)
    left = host.left()
    if left:
        host.check(False, f"after {name} nothing is left", left, host.log())
        host.sh("nsctl stop alice; nsctl stop bob; pkill -KILL -u alice,bob")


def run_own(host, names, without=()):
    host.enable()
    for name, function in tests(names):
        if name in without:
            continue
        host.report.twice(name, lambda n=name, f=function: run_one(host, n, f))
    host.disable()
    if without:
        print(f"# [{host.shape}] left to `make check-vm`: tests/vm, {' '.join(without)}", flush=True)


def run_all(machine, names, how_many="chosen"):
    """@names: none of them is our own tests, then what is "chosen" of the suites, "some" or "all"."""
    host = Host(machine)
    with host.end_in_time(MINUTES_ALL if how_many == "all" else MINUTES):
        host.install()
        print(f"# {host}, port {machine.port}", flush=True)
        own = [n for n in names if not inside.is_inside(n)]
        if own or not names:
            run_own(host, own, LATER if how_many == "some" and not names else ())
        for suite in inside.SUITES:
            some = [n.partition(".")[2] for n in names if n.split(".")[0] == suite]
            if some:
                inside.run_suite(host, suite, [n for n in some if n])
        if not names and not os.environ.get("NSSHELL_VM_OWN"):
            inside.run_chosen(host, how_many)
    return host.report.summary()


def boot(machine, shape):
    """A machine that doesn't come up is tried once more: it's nsshell that is tested."""
    try:
        machine.start(shape)
    except vm.MachineError as e:
        print(f"first try: not ok - [{shape}] boots: {e}\nflaky - [{shape}] boots", flush=True)
        machine.start(shape)


def one_shape(shape, names, how_many):
    machine = vm.Machine(vm.free_ports())
    with machine:
        boot(machine, shape)
        return run_all(machine, names, how_many)


def hold(shape, port):
    machine = vm.Machine(port or vm.free_ports())
    with machine:
        boot(machine, shape)
        host = Host(machine)
        host.install()
        host.enable()
        ssh = " ".join(machine.ssh_argv("USER"))
        print(f"""{host}, nsshell enabled; alice and bob are isolated, plain and root aren't
as USER:       {ssh}
run tests:     tests/vm/run.py --at {machine.port} [NAME...]
its console:   {machine.directory}/console
end it:        Ctrl-C, or kill {os.getpid()}""", flush=True)
        while machine.process.poll() is None:
            time.sleep(0.5)
    return 0


# ---- several shapes, each by a process of its own -----------------------------------------------

def _end_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def many_shapes(shapes, jobs, words):
    counts, running, status = {}, [], []

    def one(shape):
        with subprocess.Popen([sys.executable, __file__, "--ready", "--shape", shape, *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              errors="replace", preexec_fn=_end_with_us) as process:
            running.append(process)
            for line in process.stdout:
                m = re.match(rf"{shape}: (\d+) passed, (\d+) failed, (\d+) skipped$", line)
                if m:
                    counts[shape] = tuple(map(int, m.groups()))
                else:
                    sys.stdout.write(line)
                    sys.stdout.flush()
        status.append(process.returncode)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for done in [pool.submit(one, shape) for shape in shapes]:
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                if process.poll() is None:
                    process.terminate()
            raise
    for shape in shapes:
        if shape not in counts:
            print(f"not ok - [{shape}] ended without counting")
            counts[shape] = (0, 1, 0)
        print("%s: %d passed, %d failed, %d skipped" % (shape, *counts[shape]))
    print("%d passed, %d failed, %d skipped" % tuple(map(sum, zip(*counts.values()))), flush=True)
    return int(any(status))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.strip(), add_help=False)
    parser.add_argument("--shape", action="append", choices=list(vm.SHAPES))
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--some", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--at", type=int)
    parser.add_argument("--port", type=int)
    parser.add_argument("--ready", action="store_true")  # image and archives were just made
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    if a.list:
        print("\n".join([name for name, _ in tests([])] +
                        [f"{s}.{n}" for s in inside.SUITES for n in inside.all_of(s)]))
        return 0
    how_many = "all" if a.all else "some" if a.some else "chosen"
    known = [n for n in a.names if not inside.is_inside(n)]
    if any(not tests([n]) for n in known):
        parser.error(f"no test is called {' or '.join(n for n in known if not tests([n]))}")
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        if a.at:
            pack()
            return run_all(vm.Machine(a.at), a.names, how_many)
        shapes = a.shape or list(vm.SHAPES)
        if not a.ready:
            for shape in shapes:
                vm.build_image(shape)
            pack()
        if a.hold:
            return hold(shapes[0], a.port)
        if not a.ready:
            return many_shapes(shapes, a.jobs, a.names + [f"--{how_many}"] * (how_many != "chosen"))
        return one_shape(shapes[0], a.names, how_many)
    except vm.MachineError as e:
        print(f"not ok - {e}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
