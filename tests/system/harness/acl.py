# SPDX-License-Identifier: BSD-3-Clause
"""Access control lists, acl(5), without asking for a package."""

import os
import struct

NAME = "system.posix_acl_access"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32


def value(*lines):
    """The attribute of these lines: tag, what is allowed, and the id where there is one."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *line, *([] if len(line) > 2 else [0xffffffff])) for line in lines)


def allow(path, uid, mask=7):
    """On a directory of mode 0755: @uid may do all there, as far as @mask goes."""
    os.setxattr(path, NAME, value((USER_OBJ, 7), (USER, 7, uid), (GROUP_OBJ, 5), (MASK, mask), (OTHER, 5)))
