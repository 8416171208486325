# SPDX-License-Identifier: BSD-3-Clause
"""Environment=, and what an image's config has of the kind: in all programs of a session, by whatever way they came."""

from harness.imagestore import busybox, store
from test_door import door_of

ASK = 'echo "$EDITOR|$MOTTO|$TZ|${LD_PRELOAD-none}|$HOME|${NSSHELL_SESSION:+session}"; env | sort'
CONFIG = "Environment=EDITOR=vi 'MOTTO=so # what' TZ=Europe/Paris\nEnvironment=EDITOR=\"ed it\"\n"


def _has(b, what, r, home, want="ed it|so # what|Europe/Paris|none"):
    b.check(r.stdout.startswith(f"{want}|{home}|session\n"), what, r.stdout + r.stderr, b.log_tail())
    b.check("NSSHELL_ENVIRONMENT" not in r.stdout, f"{what}: and what isn't a variable is none", r.stdout)


def test_ways_in(b):
    name, home = b.alice.pw_name, b.alice.pw_dir
    b.stage.config(CONFIG)
    with b.shell(name) as one:
        b.check(one.do(ASK).startswith(f"ed it|so # what|Europe/Paris|none|{home}|session\n"), "ssh", b.log_tail())
        _has(b, "nsjoin", b.run(b.stage.bin / "nsjoin", name, "sh", "-c", ASK), home)
        _has(b, "nsjoin --env goes over it", b.run(b.stage.bin / "nsjoin", "--env", "MOTTO=mine", name, "sh", "-c", ASK), home,
             "ed it|mine|Europe/Paris|none")
        b.check(one.do(f"sg {b.proj.gr_name} -c 'echo $EDITOR'; EDITOR=own sg {b.proj.gr_name} -c 'echo $EDITOR'") == "ed it\nown",
                "newgrp keeps what its caller has", b.log_tail())
    _has(b, "su -", b.run("su", "-", name, "-c", ASK), home)
    _has(b, "nsctl run", b.nsctl("run", "--config", b.stage.conf, "--helper", b.stage.helper, name, "--", "sh", "-c", ASK), home)
    r = b.nsctl("plan", "--config", b.stage.conf, "-s", "su", name)
    b.check("\nenvironment\n  EDITOR=ed it\n  MOTTO=so # what\n  TZ=Europe/Paris\n" in r.stdout, "nsctl plan shows it", r.stdout + r.stderr)
    b.stage.config("Environment=LD_PRELOAD=/home/x.so\n")
    r = b.ssh(name, "echo in")
    b.check(r.returncode != 0 and "in\n" not in r.stdout and b.stage.syslog.wait("'LD_PRELOAD' is heeded by the C library"),
            "what a loader heeds is refused, and the log says so", r.stdout + r.stderr, b.log_tail())


def test_through_the_door(b):
    name, home = b.alice.pw_name, b.alice.pw_dir
    with door_of(b, b.alice, config=f"{CONFIG}Services=nsshell\n"):
        r = b.ssh(name, ASK)
        _has(b, "nsshell as the login shell", r, home)
        r = b.ssh(name, "echo $PATH:$EDITOR", options=("-o", "SetEnv=EDITOR=theirs"))
        b.check(r.stdout.endswith(":ed it\n") and "/usr/bin" in r.stdout, "over what its caller has", r.stdout + r.stderr)


test_through_the_door.later = "links a door of its own; ways_in has what starts commands for it, nsctl run"


def test_of_an_image(b):
    """What its config has is there, below the admin's; but for what isn't an image's to say."""
    name, home = b.alice.pw_name, b.alice.pw_dir
    of_image = ("PATH=/opt/bin:/bin", "EDITOR=of-image", "MOTTO=of-image", "LD_PRELOAD=/lib/evil.so", "GCONV_PATH=/lib",
                "HOME=/root", "USER=root", "NSSHELL_SESSION=x", "SSH_AUTH_SOCK=/x", "NOT A NAME", "LINE=a\x01b")

    def fill(root):
        busybox(root)
        (root / "opt/bin").mkdir(parents=True)
        (root / "opt/bin/only-there").write_text("#!/bin/sh\necho found\n", encoding="ascii")
        (root / "opt/bin/only-there").chmod(0o755)
    with store(b) as s:
        s.tag("tiny:1", [s.layer(fill)], environment=of_image)
        b.stage.config("RootFS=image:tiny:1\nEnvironment=MOTTO=of-admin\n")
        want = f"of-image|of-admin||none|{home}|session\n"
        with b.shell(name, options=("-o", "SetEnv=LC_ALL=C")) as one:
            r = one.do(f"{ASK}; only-there")
            b.check(r.startswith(want) and r.endswith("found"), "ssh", r, b.log_tail())
            b.check("GCONV_PATH" not in r and "USER=root" not in r and "LINE" not in r and "PATH=/opt/bin:/bin\n" in r,
                    "without what a loader heeds, who somebody is, and what is no text", r)
            r = b.run(b.stage.bin / "nsjoin", name, "only-there")
            b.check(r.stdout == "found\n", "nsjoin looks for its program in the image's PATH", r.stdout + r.stderr)
        for argv in (("su", "-", name, "-c"), ("su", name, "-c"),
                     (b.stage.bin / "nsctl", "run", "--config", b.stage.conf, "--helper", b.stage.helper, name, "--", "sh", "-c")):
            r = b.run(*argv, f"{ASK}; only-there")
            b.check(r.stdout.startswith(want) and r.stdout.endswith("found\n"), " ".join(str(a).rsplit("/", maxsplit=1)[-1] for a in argv[:3]),
                    r.stdout + r.stderr, b.log_tail())
        r = b.nsctl("plan", "--config", b.stage.conf, "-s", "su", name)
        b.check("  PATH=/opt/bin:/bin\n" in r.stdout and "  left out    LD_PRELOAD of the image\n" in r.stdout,
                "nsctl plan shows what is there, and what isn't", r.stdout + r.stderr)


def test_as_many_as_an_image_likes(b):
    """Somebody's image takes none of root's time and memory at each login."""
    with store(b) as s:
        for n in (512, 8000):
            s.tag(f"many:{n}", [s.layer(lambda root, n=n: (busybox(root), (root / "n").write_text(str(n), encoding="ascii")))],
                  environment=[f"v{i:x}=" for i in range(n)])
            b.stage.config(f"RootFS=image:many:{n}\n")
            r = b.run("sh", "-c", 'ulimit -v 400000; ulimit -t 5; exec "$@"', "sh", b.stage.build / "nsctl", "plan", "--config", b.stage.conf,
                      "-s", "su", b.alice.pw_name)
            b.check("\n  v1ff=\n" in r.stdout if n == 512 else "more than 512 together" in r.stdout + r.stderr,
                    f"{n} variables of an image", (r.stdout + r.stderr)[-300:])
        r = b.ssh(b.alice.pw_name, "echo in")
        b.check("in" not in r.stdout.split() and b.stage.syslog.wait("more than 512 together"), "there is no login with 8000", r.stdout + r.stderr)


test_as_many_as_an_image_likes.not_instrumented = "which takes more memory than the limit that it has here"
