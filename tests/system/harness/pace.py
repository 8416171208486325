# SPDX-License-Identifier: BSD-3-Clause
"""How patient to be: NSSHELL_TEST_SLOW=4 waits four times as long, on an emulated machine."""

import os

SLOW = float(os.environ.get("NSSHELL_TEST_SLOW", "1"))


def patient(seconds):
    return seconds * SLOW


def rounds(count):
    """How often to try what is a matter of luck: less often where each takes so long."""
    return max(4, int(count / SLOW))
