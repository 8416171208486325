# SPDX-License-Identifier: BSD-3-Clause
"""The host goes on living under open boxes: what root changes there, and the rules for the next login."""


def _project(b, name, secret="secret"):
    """A folder of the host's that all may write, with one in it that is to be hidden."""
    folder = b.stage.base / name
    (folder / secret).mkdir(parents=True)
    folder.chmod(0o1777)
    (folder / secret / "word").write_text("hidden\n", encoding="ascii")
    return folder


def test_a_mask_beside_an_open_session(b):
    name = b.alice.pw_name
    folder = _project(b, "masked")
    for upper in ("tmpfs", "disk"):
        b.stage.config(f"Upper={upper}\nBindPaths={folder}\nInaccessiblePaths={folder}/secret\n")
        with b.shell(name) as one:
            b.check(one.do(f"ls {folder}") == "secret", f"Upper={upper}: a bind with a mask below it",
                    b.log_tail())
            for n in (2, 3):
                r = b.ssh(name, f"ls {folder}; cat {folder}/secret/word")
                b.check(r.stdout == "secret\n" and "denied" in r.stderr,
                        f"Upper={upper}: login {n} beside it is let in, and the mask is there, too",
                        r.stdout + r.stderr, b.log_tail())
