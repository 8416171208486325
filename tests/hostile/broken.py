#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Proof that the tests of group_rules.py, group_private.py and others can fail: in scratch copies of the tree, with what is built of
it, each rule is broken by a small edit of the source, the copy is built, and the rule's test is to fail.

	tests/hostile/broken.py [--list | --fit] [RULE or words of a row...]

Takes some ten seconds a row, two at a time; as root. README.md has what it said. A row whose text isn't in the source
any more fails, too: write it anew. --fit only looks for that. --list has which test is to notice it, and whether
`make check` runs that.
"""

import concurrent.futures
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests"))
sys.dont_write_bytecode = True

import check  # noqa: E402  pylint: disable=wrong-import-position

HELPER, CONFIG, FIND = "helpers/opener/helper.c", "config/file.c", "core/run/session/find.c"
INSIDE, ROOTFS, JOIN = "core/run/enter/enter_inside.c", "core/run/mount/rootfs.c", "helpers/client/client_join.c"
PLAN_ROOTFS, NETPOOL, CHECK = "core/plan/plan_rootfs.c", "core/plan/netpool.c", "core/plan/plan_check_mounts.c"
# What root holds against a plan, and then refuses the login.
ROOTFS_CHECK = (CHECK, "(o->attr & must) != must || ", "")
DUMPABLE = "prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0"

# Rule; what is broken; (file, text, what stands there instead)...
ROWS = (
    ("fresh_start", "the helper's umask is the caller's", (HELPER, "(void)umask(0);", "")),
    ("fresh_start", "fds of the caller's stay open",
     (HELPER, "sys_close_from(PROTO_FD + 1) < 0 || chdir", "chdir")),
    ("fresh_start", "its directory is the caller's", (HELPER, ' || chdir("/") < 0', "")),
    ("fresh_start", "its limits are the caller's", (HELPER, "\treset_limits();\n", "\t(void)reset_limits;\n")),
    ("fresh_start", "its signal mask is the caller's",
     (HELPER, "(void)sigprocmask(SIG_SETMASK, &none, NULL);", "")),
    ("fresh_start", "its environment is the caller's", (HELPER, "environ = nothing;", "(void)nothing;")),
    ("fresh_start", "a login program hands its environment down",
     ("helpers/client/client.c", "attr, argv, envp);", "attr, argv, (void *)envp ? environ : envp);")),
    ("trusted_input", "a config that everybody can write", (CONFIG, "st->st_mode & S_IWOTH", "false")),
    ("trusted_input", "a config that its group can write", (CONFIG, "st->st_mode & S_IWGRP", "false")),
    ("trusted_input", "a config of another user's", (CONFIG, "st->st_uid != 0 &&", "false &&")),
    ("trusted_input", "Services= isn't asked",
     ("helpers/planner/planner.c", "!strlist_has(&w->policy.services, ask->service)", "false")),
    ("trusted_input", "whoever calls the helper is believed",
     (HELPER, "if (geteuid() != 0 ||", "if (geteuid() != 0)\n\t\treturn 0;\n\tif (")),
    ("trusted_input", "a helper that was made setuid", (HELPER, "(st.st_mode & (S_ISUID | S_ISGID))", "false")),
    ("one_true_record", "a state directory that others can write",
     ("core/base/io.c", "if (st.st_uid != 0 || (st.st_mode & 022))", "if (false)")),
    ("one_true_record", "init's start time isn't compared", (FIND, " || start != r->init.start)", ")")),
    ("one_true_record", "its namespaces aren't compared", (FIND, "if (want != 0 && theirs != want)", "if (false)")),
    ("one_true_record", "a record without one of them",
     (FIND, "if (want == 0 && k->offset != NO_RECORD &&", "if (false &&")),
    ("one_true_record", "the host's own are joined",
     (FIND, "if (want != 0 && k->flag != CLONE_NEWNET &&", "if (false &&")),
    ("one_true_record", "nsjoin joins all but one",
     ("core/run/enter/enter.c", "(int)in->held->namespaces)", "(int)in->held->namespaces & ~CLONE_NEWUTS)"),
     ("core/run/enter/enter.c", "#include <fcntl.h>", "#include <fcntl.h>\n#include <sched.h>")),
    ("one_true_record", "a login joins all but one",
     (JOIN, "(int)reply->namespaces)", "(int)reply->namespaces & ~CLONE_NEWUTS)"),
     (JOIN, "#include <errno.h>", "#include <errno.h>\n#include <sched.h>")),
    ("paths_by_fd", "a link of the user's is followed",
     ("core/run/mount/resolve.c", "if (st->st_uid != 0)", "if (false)"),
     ("core/run/mount/resolve.c", "if (!top(w)->roots)", "if (false)")),
    ("paths_by_fd", "links below the new root are followed",
     ("core/run/mount/safe_path.c", "RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |", "RESOLVE_IN_ROOT |")),
    ("paths_by_fd", "a source that the user can't reach is found by root",
     ("core/run/ids/privs.c", " ||\n\t\tsys_setfsuid(uid) < 0", "")),
    ("home_as_user", "the home is looked at by root",
     ("core/run/ids/privs.c", " ||\n\t\tsys_setfsuid(uid) < 0", "")),
    ("nothing_lent", "nsjoin can be debugged while it joins",
     ("nsshell/nsjoin/nsjoin.c", DUMPABLE, "false"), ("core/run/enter/enter.c", DUMPABLE + ") {", "false) {")),
    ("nothing_lent", "who executes can be debugged before", (INSIDE, DUMPABLE + " ||\n", "false ||\n")),
    ("nothing_lent", "nsjoin keeps the admin's fds", ("nsshell/nsjoin/nsjoin.c", " || sys_close_from(3) < 0", "")),
    ("nothing_lent", "who executes keeps the joiner's fds",
     (INSIDE, "sys_close_from(agent >= 0 ? AGENT_FD + 1 : SOCK_FD + 1) < 0", "false")),
    ("nothing_lent", "0 to 2 are the admin's", (INSIDE, "if (dup2(high[i], i) < 0)", "if (false)")),
    ("nothing_lent", "the environment is the admin's", (INSIDE, "environ = (char **)(uintptr_t)in->env;", ""),
     (INSIDE, "environ = (char **)(uintptr_t)merged;", "")),
    ("no_lookups_inside", "nsjoin looks a name up inside",
     (INSIDE, "environ = (char **)(uintptr_t)in->env;",
      "(void)getgrgid(1);\n\tenviron = (char **)(uintptr_t)in->env;")),
    ("no_lookups_inside", "the module looks a name up inside",
     (JOIN, "if (reply->scoped &&", "(void)getgrgid(1);\n\tif (reply->scoped &&"),
     (JOIN, "#include <errno.h>", "#include <errno.h>\n#include <grp.h>")),
    ("no_propagation", "the mounts stay shared", (ROOTFS, " || sys_mount_setattr(root, true, &attr) < 0)", ")"),
     (ROOTFS, "const struct mount_attr attr = { .propagation = MS_PRIVATE };", "")),
    ("no_tree_deleted", "the helper walks a tree",
     (HELPER, "#include <fcntl.h>", "#include <fcntl.h>\n#include <ftw.h>"),
     (HELPER, "title_begin(argc, argv);", "title_begin(argc, argv);\n\t(void)nftw(\"/nst\", NULL, 9, 0);")),
    ("nosuid_nodev", "overlays are suid", (PLAN_ROOTFS, ".attr = ATTR_PLAIN |", ".attr = MOUNT_ATTR_NODEV |"), ROOTFS_CHECK),
    ("nosuid_nodev", "overlays have devices", (PLAN_ROOTFS, ".attr = ATTR_PLAIN |", ".attr = MOUNT_ATTR_NOSUID |"),
     ROOTFS_CHECK),
    ("no_release_agent", "the host's control groups are to be seen",
     ("core/plan/plan_ops.c", 'op->source = "/sys";', 'op->source = "/sys";\n\top->recursive = true;'),
     ("core/plan/plan_ops.c", "tmpfs_add(b, PLAN_CGROUPS, 64 * KIB, 0755);", "(void)0;"),
     (CHECK, "if (is_ours(c, op))", "if (is_ours(c, op))\n\t\treturn NULL;\n\tif (false)"),
     (CHECK, "!rules[op->kind].mounts && is_made", "false && is_made")),
    ("own_network", "a source isn't looked at", (NETPOOL, "missing goto dropped", "missing accept"),
     ("helpers/net/link.c", "r = net_route_inside(s, v6);", "r = 0;")),
    ("own_network", "the host is open", (NETPOOL, "goto to_host", "accept")),
    ("own_network", "boxes reach each other",
     (NETPOOL, '"\\t\\toifname \\"" NETPOOL_LINK "*\\" goto rejected\\n"', '""')),
    ("own_network", "the metadata is open", (NETPOOL, "169.254.0.0/16 : goto rejected, ", "")),
    ("own_network", "there is no end of connections", (NETPOOL, "ct state new goto begun", "ct state invalid goto begun")),
    ("own_network", "the box has the rights over it",
     ("helpers/supervisor/session_open.c", "CLONE_NEWCGROUP | CLONE_NEWNET;", "CLONE_NEWCGROUP;")),
    ("judge", "no call is refused", (JOIN, "filter_install(filter, e) < 0 || privs_keep", "!filter || privs_keep")),
    ("judge", "new privileges are to be had", (JOIN, "if (reply->no_new_privs &&", "if (false &&")),
    ("judge", "who logs in has all that a box's root may have", (JOIN, " || privs_keep_caps(reply->caps, e) < 0)", ")")),
    ("ipc", "abstract sockets are everybody's", (JOIN, "if (reply->scoped &&", "if (false &&")),
    ("masks", "what the kernel shows to root is to be seen",
     ("core/run/mount/stage_enter.c", "return hide(t, op, e);", "(void)hide;\n\t\treturn 0;")),
    ("masks", "the kernel's settings can be written",
     ("core/run/mount/stage_enter.c", "return bind_readonly(t, op, e);", "(void)bind_readonly;\n\t\treturn 0;")),
    ("system private.connections_that_are_closed", "closed connections aren't counted",
     (NETPOOL, "burst %u packets } goto", "burst %u000 packets } goto")),
    ("system handed", "what the login program has open goes in", ("core/run/enter/handed.c", "|| may_go_in((int)fd))", "|| fd)")),
    ("system living_host.a_mask_beside_an_open_session", "nothing is masked",
     ("core/run/mount/stage_mount.c", "return do_mask(d, e);", "(void)do_mask;\n\t\treturn 0;")),
    ("system say.to_all_terminals", "what is said steers terminals", ("helpers/worker/work_say.c", "harmless_make(buf, (size_t)n);", "")),
    ("system locks.roots_pause", "what root has paused its user resumes",
     ("core/run/session/pause.c", "== 1 &&\n\t\t(pread(", "== 2 &&\n\t\t(pread(")),
    ("commands", "any words do", ("helpers/worker/work_host.c", "words->head.n, ret_file))", "words->head.n, ret_file) && false)")),
    ("commands", "what is handed over may change",
     ("core/run/session/session_words.c", "(seals & SESSION_WORDS_SEALS) == SESSION_WORDS_SEALS ? 0", "true ? 0")),
    ("commands", "a session is asked by everybody",
     ("helpers/worker/serve.c", "(peer.uid == 0 || peer.uid == s->plan->uid)", "s"),
     ("core/run/session/session_socket.c", "ENTRY(ACL_OTHER, 0,", "ENTRY(ACL_OTHER, READS,")),
    ("network", "everybody hears of all processes",
     ("core/plan/plan_filter.c", "\trefuse_protocols(b);\n", "\t(void)refuse_protocols;\n")),
    ("terminals", "a terminal may be given to a driver",
     ("core/plan/filter.c", '\tDENY_IF("ioctl", FILTER_EQUAL, 1, TIOCSETD),\n', "")),
    ("terminals", "a late answer of the admin's terminal is typed into her shell",
     ("core/run/terminal/proxy.c", "if (l->asked)", "if (false)")),
    ("terminals", "an answer comes to her shell past a pipe", ("core/run/terminal/proxy.c", "\tfind_terminal(&l);\n", "\t(void)find_terminal;\n")),
)
# In another group than that of the rules; where nothing but the group is named, all of it. "system NAME": a test of tests/system.
GROUPS = {"own_network": "private", **{g: g for g in ("judge", "ipc", "masks", "commands", "network", "terminals")}}
JOBS = 2
# Where nothing works any more, and that is what is noticed. Elsewhere a group that ends early has shown nothing of a rule.
ENDS = ("the helper's umask is the caller's", "0 to 2 are the admin's")
# Objects, which make takes for as old as they are.
BUILT = ("core", "config", "helpers", "nsshell", "pam_module", "tests", "pic", "static", "hostile", "bin")


def scratch(directory):
    """All that git knows of, and what has been built of it."""
    directory.mkdir(mode=0o755)
    names = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (TREE / name).exists():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, directory / name)
    for name in BUILT:
        if (TREE / "build" / name).is_dir():
            shutil.copytree(TREE / "build" / name, directory / "build" / name)
    for path in (TREE / "build").glob("*.a"):
        shutil.copy2(path, directory / "build")
    if (TREE / "build/.flags").exists():
        shutil.copy2(TREE / "build/.flags", directory / "build")


def make(directory):
    # A warning of what was broken is no mistake.
    r = subprocess.run(["make", "-s", "-j2", "CI=", "all", "build/hostile/attack", "build/hostile/evil.so"],
                       cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return r.stderr if r.returncode else ""


def edit(directory, edits):
    """Return: what to write back, or None where one text isn't there once."""
    saved = {}
    for name, old, new in edits:
        path = directory / name
        text = path.read_text(encoding="utf-8")
        saved.setdefault(path, text)
        if text.count(old) != 1:
            return None, saved
        path.write_text(text.replace(old, new), encoding="utf-8")
    return True, saved


def suite_of(rule):
    """As words of its own, of what tests it."""
    return rule.split() if rule.startswith("system ") else ["hostile", GROUPS.get(rule, "rules")]


def noticed(directory, rule):
    """The checks that fail; or, where the suite itself ended, why."""
    env = dict(os.environ, NSSHELL_TEST_RULE=rule)
    env["NSSHELL_TEST_NAME"] = env.get("NSSHELL_TEST_NAME", "") + directory.name
    env.pop("NSSHELL_TEST_SECOND_TRY", None)
    suite, name = suite_of(rule)
    r = subprocess.run([sys.executable, f"tests/{suite}/run.py", name], cwd=directory, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    failed = re.findall(r"^not ok - (?:\w+: )?(.*)$", r.stdout, re.M)
    if not re.search(r"^\d+ passed, \d+ failed, \d+ skipped$", r.stdout, re.M):
        return [], r.stdout[-800:]
    return failed, ""


def try_row(directory, row):
    rule, what, *edits = row
    good, saved = edit(directory, edits)
    try:
        if not good:
            return "the source has changed: this row has to be written anew"
        error = make(directory)
        if error:
            return "isn't C: " + error[-800:]
        failed, said = noticed(directory, rule)
        if what not in ENDS:
            said = "".join(failed) or said
            failed = [f for f in failed if " comes to its end: " not in f]
        if failed:
            print(f"ok - {rule}: {what}: noticed by {len(failed)}, first: {failed[0][:120]}", flush=True)
            return ""
        return "nothing fails " + said
    finally:
        for path, text in saved.items():
            path.write_text(text, encoding="utf-8")


def try_all(top, rows):
    """Return: how many aren't noticed."""
    free = queue.SimpleQueue()
    for letter in "abcdefgh"[:JOBS]:
        scratch(top / letter)
        wrong = make(top / letter)
        if wrong:
            raise SystemExit(wrong)
        free.put(top / letter)

    def one(row):
        directory = free.get()
        try:
            wrong = try_row(directory, row)
        finally:
            free.put(directory)
        if wrong:
            print(f"not ok - {row[0]}: {row[1]}: {wrong}", flush=True)
        return bool(wrong)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return sum(pool.map(one, rows))


def notices(rule):
    """The test that is to fail, and who runs it."""
    suite, name = suite_of(rule)
    runs = [p.name for p in check.check() if "system" in p.argv] if suite == "system" else \
        [p.name for p in check.check() if "tests/hostile/run.py" in p.argv and "--but" in p.argv and name not in p.argv]
    which = f"{suite} {name}" + (f", {rule}" if rule not in (name, f"system {name}") else "")
    return f"{which}: {'make check, part ' + runs[0] if runs else 'make check-all only'}"


def main():
    wanted = [a for a in sys.argv[1:] if a[0] != "-"]
    chosen = [r for r in ROWS if not wanted or any(a == r[0] or a in r[1] for a in wanted)]
    if "--list" in sys.argv:
        print("\n".join(f"{r[1]}: noticed by {notices(r[0])}" for r in chosen))
        return 0
    if "--fit" in sys.argv:
        stale = [f"{r[0]}: {r[1]}: {name} doesn't have once: {old}" for r in chosen for name, old, _ in r[2:]
                 if not (TREE / name).exists() or (TREE / name).read_text(encoding="utf-8").count(old) != 1]
        print("\n".join(stale))
        return int(bool(stale))
    with tempfile.TemporaryDirectory(prefix="nsshell-broken.", dir="/var/lib") as name:
        pathlib.Path(name).chmod(0o755)
        wrong = try_all(pathlib.Path(name), chosen)
    print(f"{len(chosen) - wrong} passed, {wrong} failed, 0 skipped")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
