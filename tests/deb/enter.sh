#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# enter.sh ROOT COMMAND...: run it with ROOT for its root, mounts and loopback network of its own, so that logins there
# can have boxes. Of this machine it has the devices, the control groups and the kernel, and with NETWORK=host the
# network. As root.
set -euo pipefail
root=$(readlink -f "${1:?a root}")
shift
# shellcheck disable=SC2016 # the inner one's
net=--net
[ "${NETWORK:-}" != host ] || net=--ipc
# shellcheck disable=SC2016 # the inner one's
exec unshare --mount "$net" --propagation private bash -euc '
	ip link set lo up
	mount --bind "$1" "$1"
	cd "$1" && shift
	# What who made the root has mounted there may lie below that, where umount(8) finds it and umount(2) does not.
	for d in proc sys dev; do
		umount -R -l $d 2>/dev/null || :
	done
	mount -t proc proc proc
	for d in sys dev; do mount --rbind /$d $d; done
	mount -t tmpfs -o mode=0755 tmpfs run
	mkdir -p run/old run/sshd
	pivot_root . run/old
	cd /
	umount -l /run/old
	exec "$@"
' bash "$root" "$@"
