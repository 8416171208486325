# SPDX-License-Identifier: BSD-3-Clause
"""What the system tests and the demo stand on: a private stage on the real host."""
