# SPDX-License-Identifier: BSD-3-Clause
"""Who holds a lock file."""

import fcntl


def is_free(path):
    """Whether nobody has it at this moment, or the file isn't there."""
    try:
        with open(path, encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        pass
    return True


def of_account(person):
    return f"/run/nsshell/accounts/{person.pw_uid}"
