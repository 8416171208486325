#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# enter.sh ROOT COMMAND...: run it in that root, as root there, with namespaces of its own of every kind but user and cgroup:
# nothing of the host but its devices that every process has.
set -eu
if [ "${1:-}" != --in ]; then
	exec unshare --mount --pid --fork --uts --net --ipc --kill-child -- "$0" --in "$@"
fi
root=$2
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=0755 tmpfs run
mkdir run/lock
mount -t tmpfs -o mode=0755 tmpfs dev
for name in null zero full random urandom tty; do
	touch "dev/$name"
	mount --bind "/dev/$name" "dev/$name"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
ip link set lo up
mkdir -p mnt/host
pivot_root . mnt/host
# Of the root's own from here on.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umount -l /mnt/host
exec "${@:3}"
