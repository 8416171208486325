#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# image.sh DIRECTORY [RELEASE]: a Debian to boot, 12 (bookworm) or 13 (trixie), made without a loop device or a mount, as
# root. Leaves there disk.img, vmlinuz, initrd and the key id; does nothing when they are up to date.
# EXTRA_PKGS="a b" puts more packages in. With STOCK=1 it is what Debian's installer makes a server, and has nothing that
# only nsshell or its tests need.
set -euo pipefail
umask 022
self=$(readlink -f "$0")
mkdir -p "${1:?a directory}"
dir=$(cd "$1" && pwd) release=${2:-bookworm}
extra=$(echo "${EXTRA_PKGS:-}" | tr ' ' ',') stock=${STOCK:-} variant=essential recommends=false

# systemd and its friends; what nsshell is linked with; login programs; what the tests use.
packages=systemd,systemd-sysv,udev,dbus,libpam-systemd,apparmor,kmod,iproute2,procps,e2fsprogs,util-linux,acl
packages+=,libcap2,libmount1,libsmartcols1,libseccomp2,libjansson4,libselinux1,libaudit1,libsystemd0,libnl-route-3-200,libnftables1,nftables
packages+=,openssh-server,openssh-client,openssh-sftp-server,login,passwd,sudo,cron,at,dropbear-bin,dbus-user-session
packages+=,python3,strace,rsync,git,xauth,netcat-openbsd,libcap2-bin,busybox-static,lxcfs,fuse3,polkitd,uidmap,systemd-resolved
case $release in
bookworm) packages+=,libcgroup2,libarchive13 ;;
# Accounting as new installations have it, and what a package of this release is linked with.
trixie) packages+=,libcgroup3,libarchive13t64,libpam-wtmpdb,wtmpdb,libpam-lastlog2,lastlog2 ;;
*) echo "image.sh: no packages are known of $release" >&2 && exit 1 ;;
esac
if [ "$stock" ]; then
	packages=openssh-server,sudo,dbus,libpam-systemd,apparmor,ca-certificates,bash-completion variant=important recommends=true
fi

# Two runs at once: the second waits and finds it done.
exec 9>"$dir/lock"
flock 9
stamp=$({ cat "$self" && echo "$release $extra $stock"; } | sha256sum)
if [ -e "$dir/initrd" ] && [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

work=$(mktemp -d "$dir/work.XXXXXX")
# The host's /proc, /sys and /dev are below it while mmdebstrap runs, so that does in a mount namespace of its own.
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root

# The kernel is unpacked, not installed: nobody's next boot is meant to be this one. busybox can't read compressed modules.
unpack_kernel() {
	dpkg-deb -x "$work"/linux-image-*.deb "$work/kernel"
	[ -e "$work/kernel/lib" ] || ln -s usr/lib "$work/kernel/lib"
	kernel=$(ls "$work/kernel/lib/modules")
	find "$work/kernel/lib/modules/" -name '*.ko.xz' -exec xz -d {} +
	depmod -b "$work/kernel" "$kernel"
}

module_files() { # MODULE...: files of these and of what they need, in the order of loading
	local m
	for m in "$@"; do
		modprobe -d "$work/kernel" -S "$kernel" --show-depends --ignore-install "$m" | awk '$1 == "insmod" { print $2 }'
	done | awk '!seen[$0]++'
}

# Finds the disk, gives the network card its address, and starts what init= names.
build_initrd() {
	local tmp=$work/initrd f list=
	mkdir -p "$tmp"/{bin,mod,dev,proc,root}
	cp /bin/busybox "$tmp/bin/busybox"
	ln -s busybox "$tmp/bin/sh"
	for f in $(module_files virtio_pci virtio_blk virtio_net); do
		cp "$f" "$tmp/mod/"
		list+=" ${f##*/}"
	done
	cat >"$tmp/init" <<-E
		#!/bin/sh
		export PATH=/bin
		b=/bin/busybox
		\$b mount -t devtmpfs dev /dev
		\$b mount -t proc proc /proc
		for m in $list; do \$b insmod /mod/\$m; done
		n=0; while [ ! -b /dev/vda ] && [ \$n -lt 250 ]; do \$b usleep 20000; n=\$((n+1)); done
		\$b ifconfig lo up
		\$b ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
		\$b route add default gw 10.0.2.2
		init=/sbin/init
		for word in \$(\$b cat /proc/cmdline); do case \$word in init=*) init=\${word#init=} ;; esac; done
		\$b umount /proc
		\$b mount -t ext4 -o rw /dev/vda /root
		\$b mount --move /dev /root/dev
		exec \$b switch_root /root \$init
	E
	chmod +x "$tmp/init"
	(cd "$tmp" && find . | cpio -o -H newc --quiet) >"$work/out/initrd"
}

install_modules() {
	local f
	mkdir -p "$root/lib/modules/$kernel"
	cp "$work/kernel/lib/modules/$kernel"/modules.{builtin,builtin.modinfo,order} "$root/lib/modules/$kernel/"
	module_files autofs4 virtio_net virtio_blk virtio_pci virtio_rng fuse overlay loop tun quota_v2 \
		veth nf_tables nft_ct nft_fib_inet nft_chain_nat nft_nat nft_masq nft_connlimit nft_limit nft_reject_inet |
		while read -r f; do install -Dm644 "$f" "$root/${f#"$work/kernel"}"; done
	depmod -b "$root" "$kernel"
}

add_account() { # NAME UID: its password is nsshell
	local name=$1 uid=$2 hash
	# shellcheck disable=SC2016 # perl's
	hash=$(perl -e 'print crypt("nsshell", q($6$nsshell$))')
	echo "$name:x:$uid:$uid::/home/$name:/bin/bash" >>"$root/etc/passwd"
	echo "$name:x:$uid:" >>"$root/etc/group"
	echo "$name:$hash:19000:0:99999:7:::" >>"$root/etc/shadow"
	echo "$name:$((100000 + (uid - 1000) * 65536)):65536" | tee -a "$root/etc/subuid" >>"$root/etc/subgid"
	install -d -m 0700 -o "$uid" -g "$uid" "$root/home/$name" "$root/home/$name/.ssh"
	install -m 0600 -o "$uid" -g "$uid" "$work/out/id.pub" "$root/home/$name/.ssh/authorized_keys"
}

# A root shell and an unpacker on ports of their own, which work whatever happens to logins.
add_doors() {
	local name port command
	mkdir -p "$root/etc/systemd/system/sockets.target.wants"
	while read -r name port command; do
		printf '[Socket]\nListenStream=%s\nAccept=yes\n' "$port" >"$root/etc/systemd/system/$name.socket"
		cat >"$root/etc/systemd/system/$name@.service" <<-E
			[Service]
			ExecStart=-$command
			StandardInput=socket
			StandardOutput=socket
			StandardError=socket
			Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
			WorkingDirectory=/root
			KillMode=process
		E
		ln -s "../$name.socket" "$root/etc/systemd/system/sockets.target.wants/$name.socket"
	done <<-E
		rootshell 23 /bin/bash
		unpack 24 /bin/tar -xf - -C / --warning=no-timestamp --no-same-owner --keep-directory-symlink
	E
}

# The init of the shape without systemd: busybox's, as Alpine has it, with plain cgroup v2.
add_plain_init() {
	mkdir -p "$root/opt/plain"
	ln -s /bin/busybox "$root/opt/plain/init"
	cat >"$root/opt/plain/start" <<-'E'
		#!/bin/sh
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
		mount -t proc -o nosuid,nodev,noexec proc /proc
		mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
		mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
		mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run
		mkdir -p /dev/pts /dev/shm /run/sshd /run/lock /run/user
		mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
		mount -t tmpfs -o nosuid,nodev tmpfs /dev/shm
		ln -sf /proc/self/fd /dev/fd
		ln -sf /proc/self/fd/0 /dev/stdin
		ln -sf /proc/self/fd/1 /dev/stdout
		ln -sf /proc/self/fd/2 /dev/stderr
		: >/run/utmp
		modprobe fuse
		modprobe overlay
		hostname -F /etc/hostname
		busybox syslogd -O /var/log/auth.log
		systemd-socket-activate --accept --inetd -l 23 /bin/bash >/dev/null 2>&1 &
		systemd-socket-activate --accept --inetd -l 24 /bin/tar -xf - -C / --warning=no-timestamp --no-same-owner --keep-directory-symlink >/dev/null 2>&1 &
		cron
		atd
		/usr/sbin/sshd
	E
	chmod +x "$root/opt/plain/start"
	# busybox's init reads this, systemd doesn't.
	printf '::sysinit:/opt/plain/start\nttyS1::respawn:/sbin/agetty -L ttyS1 115200 vt100\n' >"$root/etc/inittab"
}

configure_root() {
	local u
	echo vm >"$root/etc/hostname"
	echo '127.0.0.1 localhost vm' >"$root/etc/hosts"
	echo '/dev/root / ext4 rw,relatime 0 0' >"$root/etc/fstab"
	: >"$root/etc/default/locale"
	echo 00112233445566778899aabbccddeeff >"$root/etc/machine-id"
	sed -i 's/^root:[^:]*:/root:*:/' "$root/etc/shadow"
	install -d -m 0700 "$root/root/.ssh"
	install -m 0600 "$work/out/id.pub" "$root/root/.ssh/authorized_keys"
	rm -f "$root"/etc/ssh/ssh_host_*
	ssh-keygen -q -t ed25519 -N '' -C vm -f "$root/etc/ssh/ssh_host_ed25519_key"
	printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin yes\nUseDNS no\n' >"$root/etc/ssh/sshd_config.d/vm.conf"
	add_account alice 1000
	add_account bob 1001
	add_account plain 1002
	# What takes time at boot and does nothing here.
	for u in systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
		e2scrub_all.timer e2scrub_reap.service systemd-random-seed.service systemd-pstore.service getty.target \
		serial-getty@ttyS0.service getty@tty1.service console-getty.service systemd-hwdb-update.service \
		systemd-binfmt.service proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount sys-kernel-tracing.mount \
		modprobe@drm.service modprobe@efi_pstore.service systemd-fsck-root.service cgconfig.service cgred.service; do
		ln -sf /dev/null "$root/etc/systemd/system/$u"
	done
	# The tests that need them start them.
	rm -f "$root"/etc/systemd/system/*.wants/{lxcfs,systemd-resolved}.service "$root"/etc/systemd/system/dbus-org.freedesktop.resolve1.service
	rm -f "$root/etc/resolv.conf"
	cat /etc/resolv.conf >"$root/etc/resolv.conf"
	add_doors
	add_plain_init
	rm -rf "$root"/var/cache/apt/*
	if [ "$stock" ]; then
		rm -f "$root"/etc/{apt/apt.conf.d,dpkg/dpkg.cfg.d}/99mmdebstrap
	else
		rm -rf "$root"/var/lib/apt/lists/*
	fi
}

sources=/etc/apt/sources.list
[ -s "$sources" ] || sources=$(ls /etc/apt/sources.list.d/debian.sources)
mkdir "$work/out"
ssh-keygen -q -t ed25519 -N '' -C vm -f "$work/out/id"
# This machine's mirrors, of that release.
# shellcheck disable=SC1091
sed "s/\b$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")\b/$release/g" "$sources" >"$work/${sources##*/}"
# shellcheck disable=SC2016 # mmdebstrap's shell
unshare --mount mmdebstrap --mode=root --variant=$variant --quiet --include="$packages${extra:+,$extra}" \
	--aptopt='Acquire::Languages "none"' --aptopt="APT::Install-Recommends \"$recommends\"" \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
	--customize-hook="cd '$work'"' && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
		apt-get download -qq $(apt-cache depends --important linux-image-cloud-amd64 | sed -n "s/^ *Depends: //p" | head -n 1)' \
	--skip=check/empty --skip=cleanup/apt/lists "$release" "$root" "$work/${sources##*/}"
# What programs built here are linked with, and a host keeps that comes from this release to a later one.
[ "$stock" ] || cp -an /usr/lib/*/libcgroup.so.[0-9]* "$root/usr/lib/$(gcc -print-multiarch)/"
unpack_kernel
install_modules
configure_root
build_initrd
cp "$work/kernel/boot/vmlinuz-$kernel" "$work/out/vmlinuz"
mke2fs -q -t ext4 -d "$root" -E lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0 -m 0 -L vm "$work/out/disk.img" 2000M >/dev/null
rm -f "$dir/stamp"
mv -f "$work"/out/* "$dir/"
echo "$stamp" >"$dir/stamp"
