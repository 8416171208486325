# SPDX-License-Identifier: BSD-3-Clause
# nsshell: `make demo` and `make check` are the two commands to try; `make help` lists the rest.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec
# Where the helper looks for what must be of its own version. A package gives each version one, see debian/rules.
VERSIONDIR ?= $(LIBEXECDIR)/nsshell
MANDIR     ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
BUILD      ?= build
CC         ?= cc
PKG_CONFIG ?= pkg-config
MULTIARCH  := $(shell $(CC) -print-multiarch 2>/dev/null)
# Where the compiler doesn't say (or is gone by the time of an uninstall): beside PAM's own.
PAMDIR     ?= $(if $(MULTIARCH),/usr/lib/$(MULTIARCH)/security,$(or $(patsubst %/pam_unix.so,%,$(firstword \
	$(wildcard $(addsuffix /security/pam_unix.so,/usr/lib/*-linux-* /usr/lib64 /usr/lib)))),/usr/lib/security))

# The one place that says it; .commit is in what `make dist` packs, where there is no git to ask.
VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
COMMIT  := $(shell cat .commit 2>/dev/null || git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)

# ---- what Debian 12 and 13 call what we need ------------------------------------------------
DEPS_BUILD := gcc make pkgconf libc6-dev libpam0g-dev libcap-dev libcgroup-dev libmount-dev libblkid-dev \
	libsubid-dev libselinux1-dev libaudit-dev libsmartcols-dev libjansson-dev \
	libseccomp-dev libsystemd-dev libnl-route-3-dev libnftables-dev libarchive-dev nettle-dev
DEPS_DEMO  := openssh-server openssh-client python3 passwd util-linux procps
DEPS_CHECK := $(DEPS_DEMO) dnsmasq-base libcmocka-dev clang clang-format clang-tidy cppcheck shellcheck \
	mandoc cron login lxcfs fuse3 rsync git xauth netcat-openbsd strace libclang-rt-dev llvm dropbear-bin \
	python3-prometheus-client qemu-system-x86 mmdebstrap busybox-static e2fsprogs cpio kmod \
	gdb bubblewrap at sudo screen tmux iputils-ping nftables iptables \
	golang-go nodejs default-jdk-headless rustc valgrind libc6-dbg
# What only make check-all starts.
DEPS_ALL := buildah podman skopeo umoci musl-tools
DEPS_DEB := $(DEPS_BUILD) build-essential debhelper libcmocka-dev python3 lintian mmdebstrap git xz-utils
DEPS_BENCH := $(DEPS_DEMO) bubblewrap crun firejail iperf3 iputils-ping passt

# `make deps install`: what is said below asks the compiler and pkg-config, so make has to read it anew where that has
# installed them. It does when a makefile that it includes was written on the way.
ifneq ($(filter deps%,$(MAKECMDGOALS)),)
ifeq ($(findstring n,$(firstword -$(MAKEFLAGS))),)
include $(BUILD)/.deps
$(BUILD)/.deps: FORCE
	@mkdir -p $(BUILD)
	@$(call need,$(DEPS_BUILD),$@)
	@test -e $@ || : >$@
endif
endif

# ---- flags ---------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wformat-nonliteral -Wundef
# gcc only: cutting what is too long is what snprintf(3) is for.
WARN += $(shell $(CC) -Werror -Wno-format-truncation -x c -c /dev/null -o /dev/null 2>/dev/null && \
	echo -Wno-format-truncation)
WERROR ?= $(if $(CI),-Werror)
HARDEN := -fPIE -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2
ifneq ($(filter x86_64%,$(MULTIARCH)),)
HARDEN += -fcf-protection=full
endif
OPT ?= -O2 -g
# What no program calls isn't in it.
SECTIONS := -ffunction-sections -fdata-sections
GC_SECTIONS := -Wl,--gc-sections
CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"' \
	-DLIBEXECDIR='"$(LIBEXECDIR)"' -DVERSIONDIR='"$(VERSIONDIR)"' -DDATADIR='"$(PREFIX)/share"' -DPAMDIR='"$(PAMDIR)"'
CFLAGS += -std=gnu17 $(OPT) $(SECTIONS) $(WARN) $(WERROR) $(HARDEN) $(SANITIZE)
LDFLAGS += -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed $(if $(SANITIZE),,$(GC_SECTIONS)) $(SANITIZE) $(SANITIZE_LINK)
# A shared object lives in a program that isn't instrumented.
SANITIZE_PIC ?= $(SANITIZE)
LDFLAGS_PIC = $(filter-out -pie $(SANITIZE) $(SANITIZE_LINK),$(LDFLAGS)) $(SANITIZE_PIC)

PKG_run  := mount blkid libcgroup libcap
PKG_ctl  := smartcols
PKGS     := $(PKG_run) $(PKG_ctl)
CPPFLAGS += $(filter-out -I/usr/include/libmount,$(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null))

# ---- the house: include directions go downwards only, `make lint` checks it ----------------
BASE := $(wildcard core/base/*.c)
PLAN := $(wildcard core/plan/*.c)
CONF := $(wildcard config/*.c)
RUN  := $(wildcard core/run/*/*.c)
SCOPE  := $(wildcard helpers/scope/*.c)
NET    := $(wildcard helpers/net/*.c)
SESSION := helpers/session/pam_session.c
CLIENT := $(filter-out helpers/client/client_open.c,$(wildcard helpers/client/*.c))
# A session's resident process, what the opener alone has of it, and what both have.
RESIDENT := $(addprefix helpers/supervisor/,follow.c limit_notice.c link_watch.c network_watch.c presence.c session_ready.c \
	session_caps.c supervisor.c) $(wildcard helpers/worker/serve*.c)
OPENING := $(addprefix helpers/supervisor/,begin.c network.c rootfs_share.c session_open.c supervisor_hand_over.c tmp_share.c)
BOTH := $(filter-out $(RESIDENT) $(OPENING),$(wildcard helpers/supervisor/*.c)) helpers/worker/children.c \
	helpers/opener/cgroup_await.c
SUPERVISOR := $(RESIDENT) $(BOTH)
# One request of the account's each.
WORKER := $(filter-out helpers/worker/serve%,$(wildcard helpers/worker/*.c)) $(addprefix helpers/supervisor/,pass_on.c session_caps.c title.c)
HELPER := $(wildcard helpers/opener/*.c) $(OPENING) $(filter-out helpers/opener/%,$(BOTH)) helpers/client/session_id.c \
	helpers/init/init.c helpers/init/user_manager.c \
	helpers/planner/messages.c helpers/planner/talk.c
MODULE := $(wildcard pam_module/*.c) $(CLIENT) core/run/ids/privs.c core/run/ids/privs_caps.c \
	core/run/enter/seccomp.c core/run/enter/handed.c core/run/enter/inside.c core/run/enter/environment.c \
	core/plan/sessionenv.c core/base/err.c core/base/event.c core/base/harmless.c \
	core/base/io.c core/base/parse.c core/base/sys.c
NSCTL  := $(wildcard nsshell/nsctl/*.c nsshell/nsctl/check/*.c) helpers/client/client.c helpers/client/client_open.c \
	helpers/client/session_id.c helpers/image/table.c
NSJOIN := $(wildcard nsshell/nsjoin/*.c)
NSSHELL := $(wildcard nsshell/shell/*.c)
COMMAND := $(wildcard nsshell/command/*.c)
PLANNER := $(wildcard helpers/planner/*.c)
# All that stays of it in a box: file by file, so that nothing comes along.
INIT   := helpers/init/live.c helpers/init/confine.c helpers/init/user_manager_await.c core/run/enter/seccomp.c core/run/ids/privs_caps.c \
	core/base/clock.c core/base/err.c core/base/io.c core/base/parse.c core/base/sys.c
IMAGE  := $(wildcard helpers/image/*.c) nsshell/nsctl/options.c nsshell/nsctl/say.c
DOOR   := $(wildcard nsshell/door/*.c) helpers/client/client.c helpers/client/client_open.c helpers/client/session_id.c
UNIT   := $(wildcard tests/unit/test_*.c)
BENCH  := $(wildcard tests/bench/*.c)
ATTACK := $(wildcard tests/hostile/attack*.c)

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
# A line a file; V=1: the commands; -s: neither.
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '$(1) $(2)')
LIBS := $(BUILD)/librun.a $(BUILD)/libconfig.a $(BUILD)/libplan.a $(BUILD)/libbase.a
# libsubid's shared object brings ten libraries for administration along, and 0.5 ms of loading
# at every login; its archive needs two that are small.
LDLIBS_run  = $(if $(wildcard $(SECCOMP_A)),$(SECCOMP_A),-lseccomp) $(shell $(PKG_CONFIG) --libs $(PKG_run)) \
	$(if $(wildcard $(SUBID_A)),$(SUBID_A) -lselinux -laudit,-lsubid)
# Each login executes the helper, and to map seven libraries is a third of what that takes: all are from archives, where there
# are, but the C library, whose NSS can't do without, and libcgroup, whose archive has walks through trees.
ARCHIVES    := $(patsubst %,/usr/lib/$(MULTIARCH)/lib%.a,seccomp blkid cap subid selinux pcre2-8 audit cap-ng)
LDLIBS_helper = $(if $(filter-out $(wildcard $(ARCHIVES)),$(ARCHIVES)),$(LDLIBS_run),$(ARCHIVES) -lcgroup)
LDLIBS_ctl  = $(LDLIBS_run) -lsmartcols -ljansson
SECCOMP_A  ?= /usr/lib/$(MULTIARCH)/libseccomp.a
SUBID_A    ?= /usr/lib/$(MULTIARCH)/libsubid.a
PROGRAMS := $(BUILD)/nsshell-helper $(BUILD)/nsshell-planner $(BUILD)/nsshell-supervisor $(BUILD)/nsshell-worker \
	$(BUILD)/nsshell-init \
	$(BUILD)/nsctl $(BUILD)/nsjoin $(BUILD)/bin/nsshell \
	$(BUILD)/nsshell-door $(BUILD)/nsshell-command $(BUILD)/nsshell-session $(BUILD)/nsshell-image \
	$(BUILD)/pam_nsshell.so
# Asks systemd for an account's scope; a system without systemd's library has no use for it.
PROGRAMS += $(if $(shell $(PKG_CONFIG) --exists libsystemd && echo yes),$(BUILD)/nsshell-scope)
# Makes the links of Network=private, which a system without these libraries doesn't have.
PKG_net  := libnl-route-3.0 libnl-3.0 libnftables
PROGRAMS += $(if $(shell $(PKG_CONFIG) --exists $(PKG_net) && echo yes),$(BUILD)/nsshell-net)
$(call obj,$(NET)): CPPFLAGS += $(shell $(PKG_CONFIG) --cflags $(PKG_net) 2>/dev/null)
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH))
FAULT_PROGRAMS := $(patsubst %,$(BUILD)/fault/%,login inject pam_mark.so)

.PHONY: all install uninstall demo check check-unit check-system check-hostile lint clean deps \
	deps-demo deps-check deps-all deps-bench bench help format
all: $(PROGRAMS)

help:
	@sed -n 's/^## //p' Makefile

# What is compiled in (PREFIX and the like) and linked with counts as a source: `make install PREFIX=/usr` builds anew.
FLAGS := $(CC) $(CPPFLAGS) $(OPT) $(SECTIONS) $(SANITIZE) $(SANITIZE_PIC) $(LDFLAGS) $(LDLIBS_helper)
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(foreach f,$(FLAGS),$(f)) | cmp -s - $@ || \
		printf '%s\n' $(foreach f,$(FLAGS),$(f)) >$@
.PHONY: FORCE
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<


$(BUILD)/nsshell/nsctl/version.o: CPPFLAGS += -DCOMMIT='"$(COMMIT)"'
$(BUILD)/nsshell/nsctl/version.o: $(BUILD)/.commit
$(BUILD)/.commit: FORCE
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@

# The module's objects are position independent code for a shared object.
$(BUILD)/pic/%.o: %.c $(BUILD)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -fPIE $(SANITIZE),$(CFLAGS)) $(SANITIZE_PIC) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(BUILD)/libbase.a: $(call obj,$(BASE))
$(BUILD)/libplan.a: $(call obj,$(PLAN))
$(BUILD)/libconfig.a: $(call obj,$(CONF))
$(BUILD)/librun.a: $(call obj,$(RUN))
%.a:
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/nsshell-helper: $(call obj,$(HELPER)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS_helper)

# All of what reads config and mount table: no part of that is in what runs as root.
$(BUILD)/nsshell-planner: $(call obj,$(PLANNER)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS_run)

# One for each session, for as long as that lasts: static, as the tables of libraries would be each one's own memory.
$(BUILD)/nsshell-supervisor: $(call obj,$(SUPERVISOR)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out $(if $(SANITIZE),,-pie),$(LDFLAGS)) $(if $(SANITIZE),,-static-pie) -o $@ $^ -lcap

# What it does for its account asks NSS, which a static program can't.
$(BUILD)/nsshell-worker: $(call obj,$(WORKER)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcap

# Static: there is one for each session, and its box has whatever libraries. So it is never instrumented.
$(BUILD)/static/%.o: %.c $(BUILD)/.flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out $(SANITIZE),$(CFLAGS)) -MMD -MP -c -o $@ $<

$(BUILD)/nsshell-init: $(patsubst %.c,$(BUILD)/static/%.o,$(INIT))
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out -pie $(SANITIZE) $(SANITIZE_LINK),$(LDFLAGS)) -static-pie -o $@ $^ -lcap

$(BUILD)/nsctl: $(call obj,$(NSCTL)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS_ctl)

$(BUILD)/nsjoin: $(call obj,$(NSJOIN)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcap

# Static: it runs outside with an environment that its user may have had a say in.
$(BUILD)/bin/nsshell: $(call obj,$(NSSHELL)) $(LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out $(if $(SANITIZE),,-pie),$(LDFLAGS)) $(if $(SANITIZE),,-static-pie) -o $@ $^

# Static: it is bound into boxes, over programs of whatever distribution they have.
$(BUILD)/nsshell-command: $(call obj,$(COMMAND)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out $(if $(SANITIZE),,-pie),$(LDFLAGS)) $(if $(SANITIZE),,-static-pie) -o $@ $^

$(BUILD)/nsshell-door: $(call obj,$(DOOR)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcap

$(BUILD)/nsshell-scope: $(call obj,$(SCOPE)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lsystemd

$(BUILD)/nsshell-net: $(call obj,$(NET)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(PKG_net)) -lcap

# Beside libarchive, which brings nettle along.
$(BUILD)/nsshell-image: $(call obj,$(IMAGE)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS_run) -larchive -lnettle -lsmartcols -ljansson

$(BUILD)/nsshell-session: $(call obj,$(SESSION)) $(LIBS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpam

$(BUILD)/pam_nsshell.so: $(patsubst %.c,$(BUILD)/pic/%.o,$(MODULE)) pam_module/pam_nsshell.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(LDFLAGS_PIC) -Wl,--version-script=pam_module/pam_nsshell.map \
		-Wl,-z,defs -o $@ $(filter %.o,$^) -lpam -lcap

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS_run) -lcmocka
$(BUILD)/unit/test_client: $(BUILD)/helpers/client/client.o $(BUILD)/helpers/client/client_join.o $(BUILD)/helpers/client/client_preload.o
$(BUILD)/unit/test_init_confine: $(BUILD)/helpers/init/confine.o
$(BUILD)/unit/test_follow: $(BUILD)/helpers/supervisor/follow.o
$(BUILD)/unit/test_talk: $(BUILD)/helpers/planner/messages.o $(BUILD)/helpers/planner/talk.o

$(BUILD)/fault/inject: $(BUILD)/tests/fault/site.o

# Fuzzers are built by `make fuzz-smoke`, by clang and into a directory of their own.
FUZZED := helpers/opener/request.c $(CLIENT) $(filter-out nsshell/nsjoin/nsjoin.c,$(NSJOIN)) \
	$(wildcard nsshell/nsctl/log_*.c) nsshell/nsctl/text.c \
	nsshell/door/harden.c
$(BUILD)/libfuzzed.a: $(call obj,$(FUZZED))
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libfuzzed.a $(LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS_run)

$(BUILD)/bench/filter: $(BUILD)/tests/bench/filter.o $(LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS_run)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpam -lpam_misc

$(BUILD)/hostile/evil.so: $(BUILD)/pic/tests/hostile/evil.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS_PIC) -o $@ $^

$(BUILD)/hostile/attack: $(call obj,$(ATTACK))
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(BUILD)/fault/%.so: $(BUILD)/pic/tests/fault/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS_PIC) -o $@ $^

$(BUILD)/fault/%: $(BUILD)/tests/fault/%.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpam -lseccomp -lutil

# Of this tree alone: an older version's build is below it, too, and names what this one has no more.
-include $(shell find $(addprefix $(BUILD)/,core config helpers nsshell pam_module tests pic static) -type f -name '*.d' 2>/dev/null)

# ---- what to run ---------------------------------------------------------------------------
## make demo          build, and open a real SSH login that lands in a box (as root)
demo: deps deps-demo
	@$(MAKE) --no-print-directory all
	@python3 tests/demo/demo.py

## make check         install what the tests need, build, and judge a change: a quarter of an hour (as root)
check: deps deps-check
	@$(MAKE) --no-print-directory CI=1 all check-programs
	@tests/check.py check

## make check-all     everything there is, whole: hours (as root); SOAK_MINUTES=60 FUZZ_SECONDS=3600 VM=all for longer,
##                    RESUME=1 to go on where a run on the same commit was cut
check-all: deps deps-check deps-all
	@$(MAKE) --no-print-directory CI=1 all check-programs
	@tests/check.py all $(if $(RESUME),--resume)
.PHONY: check-all check-programs
# What the tests bring along.
check-programs: older $(UNITS) $(BUILD)/hostile/attack $(BUILD)/hostile/evil.so fault-programs bench-programs

# The first version that was a package, for what says how sessions get over an upgrade: tests/system/test_upgrade.py.
older:
	@tests/older.sh $(BUILD)/older
.PHONY: older

## make check-unit    unit and golden tests, no root needed
check-unit: all $(UNITS)
	@tests/unit/run.py $(UNITS)

## make check-system  real sshd, su, cron, login (as root)
check-system: all
	@python3 tests/system/run.py $(TESTS)

## make check-hostile real logins of two users who try everything (as root)
check-hostile: all $(BUILD)/hostile/attack $(BUILD)/hostile/evil.so
	@python3 tests/hostile/run.py $(TESTS)

## make check-broken  each rule of SECURITY.md broken once in a scratch copy: its test must fail (as root)
check-broken:
	@python3 tests/hostile/broken.py $(TESTS)
.PHONY: check-broken

## make check-vm      on whole machines under qemu: Debian 13 and 12, with cgroup v2 and v1, with systemd and without (as root)
check-vm: all $(BUILD)/hostile/attack $(BUILD)/hostile/evil.so
	@python3 tests/vm/run.py $(TESTS)
## make check-vm-all  the same, and everything of the other suites that can be run in there; takes long
check-vm-all:
	@$(MAKE) --no-print-directory check-vm TESTS=--all
## make check-vm-more cockpit and xrdp, with an image of their own
check-vm-more: all $(BUILD)/hostile/attack $(BUILD)/hostile/evil.so
	@VM_DIR=$(BUILD)/vm-more EXTRA_PKGS="cockpit-ws cockpit-bridge xrdp tigervnc-standalone-server" \
		python3 tests/vm/run.py --shape v2 remote
.PHONY: check-vm check-vm-all check-vm-more

## make check-cross   builds for i386, arm64 and musl, in roots of Debian's (as root); TESTS="arm64"
check-cross:
	@tests/cross/run.sh $(TESTS)
.PHONY: check-cross

## make check-mail    mail from boxes by exim, postfix and nullmailer, in roots of Debian's (as root); TESTS="postfix"
check-mail:
	@tests/mail/run.sh $(TESTS)
.PHONY: check-mail

## make faults        system calls of a login, a join and a logout fail, one at a time (as root)
faults: all fault-programs
	@python3 tests/fault/run.py
## make faults-all    the same, from each place that makes one, with every error, or killed; FAULTS=every for each call;
##                    takes hours
faults-all: all fault-programs
	@python3 tests/fault/run.py --$(or $(FAULTS),all)
## make soak          10,000 logins and logouts, then an hour of random joins, stops and kills (as root)
soak: all bench-programs
	@python3 tests/soak/run.py $(SOAK)
.PHONY: fault-programs faults faults-all soak
fault-programs: $(FAULT_PROGRAMS) $(BUILD)/bench/pamcaller

## make lint          clang-format, clang-tidy, cppcheck, shellcheck, mandoc, include directions
lint:
	@tests/lint.sh

# One build with AddressSanitizer, UBSan and counters. clang's: gcc's UBSan writes to standard error
# whatever it is told. Counters are mapped from a file (%c), so that those of a process that is killed, leaves
# by _exit(2) or stands in a box are there as well; every program has a file of its own (%m).
INSTRUMENTED := $(abspath $(BUILD))/instrumented
INSTRUMENTED_STATE := /var/lib/instrumented-$(firstword $(shell echo $(CURDIR) | cksum))
COUNT := -fprofile-instr-generate=$(INSTRUMENTED_STATE)/profiles/%m%c.profraw -fcoverage-mapping -mllvm \
	-runtime-counter-relocation -Wno-unused-command-line-argument
# The options are what each program is linked with.
instrumented:
	@mkdir -p $(INSTRUMENTED)
	@clang -fPIE -DREPORTS='"$(INSTRUMENTED_STATE)/reports"' -c -o $(INSTRUMENTED)/options.o tests/instrumented/options.c
	@$(MAKE) --no-print-directory BUILD=$(INSTRUMENTED) CC=clang OPT='-O1 -gdwarf-4' \
		SANITIZE_LINK=$(INSTRUMENTED)/options.o \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all $(COUNT)' \
		SANITIZE_PIC='-fsanitize=undefined -fsanitize-undefined-trap-on-error $(COUNT)' \
		all instrumented-units fault-programs bench-programs
instrumented-units: $(UNITS)
INSTRUMENTED_RUN = tests/instrumented/run.sh $(INSTRUMENTED) $(INSTRUMENTED_STATE)
## make check-instrumented  system tests of the build with AddressSanitizer, UBSan and counters (as root);
##                    TESTS=hostile.GROUP for hostile ones
check-instrumented: instrumented $(BUILD)/hostile/attack $(BUILD)/hostile/evil.so
	@$(INSTRUMENTED_RUN) begin
	@$(if $(filter hostile.%,$(TESTS)),$(INSTRUMENTED_RUN) hostile $(TESTS:hostile.%=%),$(INSTRUMENTED_RUN) system $(TESTS))
	@$(INSTRUMENTED_RUN) found
## make coverage      lines that the last tests of that build have reached
coverage:
	@$(INSTRUMENTED_RUN) coverage
print-instrumented:
	@echo $(INSTRUMENTED) $(INSTRUMENTED_STATE)
.PHONY: instrumented instrumented-units check-instrumented coverage print-instrumented

## make fuzz-smoke    every fuzzer for a minute; SECONDS_EACH=3600 for longer
fuzz-smoke:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzzing CC=clang OPT='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzzers
	@tests/fuzz/run.sh $(BUILD)/fuzzing/fuzz
fuzzers: $(FUZZERS)
.PHONY: fuzz-smoke fuzzers
.SECONDARY: $(patsubst tests/%.c,$(BUILD)/tests/%.o,$(wildcard tests/fuzz/*.c tests/unit/*.c tests/bench/*.c))

## make bench         times and sizes, side by side with peers (as root)
bench: deps deps-bench
	@$(MAKE) --no-print-directory all bench-programs
	@python3 tests/bench/bench.py
.PHONY: bench-programs
bench-programs: $(BENCHES)

## make format        clang-format over the tree
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# Man pages and snippets name the places of an installation without any of these variables.
PLACES = sed -e 's,/usr/local/libexec,$(LIBEXECDIR),g' -e 's,/usr/local/\(s\?bin\|share\),$(PREFIX)/\1,g' \
	-e 's,/etc/\(nsshell\|pam\.d\),$(SYSCONFDIR)/\1,g'
MANPAGES := nsshell.1 nsshell.7 nsshell.conf.5 nsshell-commands.5 nsctl.8 nsctl-image.8 nsjoin.8 pam_nsshell.8
# "nsctl.8" to its place below MANDIR.
man = $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(1)))/$(1)

# Debian's pam-auth-update reads profiles from there, whatever PREFIX is. Empty: there is none here.
PAM_CONFIGS := $(if $(wildcard /usr/sbin/pam-auth-update),/usr/share/pam-configs)
PAM_PROFILE = $(PREFIX)/share/nsshell/pam_profile.sh
# Debian 13's last(1) reads a database of its own.
WTMPDB ?= $(wildcard /usr/share/pam-configs/wtmpdb)
# It is run for this host only, not for what is below DESTDIR.
pam_profile = $(if $(DESTDIR)$(filter-out /etc,$(SYSCONFDIR)),,$(if $(PAM_CONFIGS),test ! -e $(PAM_PROFILE) || $(PAM_PROFILE) $(1)))

# A login meanwhile finds the old one or the new one, whole: install(1) alone unlinks what is there first.
put = install -m $(1) $(2) $(DESTDIR)$(3)/$(notdir $(2)).new && \
	mv -f $(DESTDIR)$(3)/$(notdir $(2)).new $(DESTDIR)$(3)/$(notdir $(2))

# Of HostCommands=.
ENTRIES := $(wildcard config/commands/*.conf)

# Of before the sessions had sockets.
OLD_SETUID = $(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-own

# Who may not read a program isn't traced by others of the same id from its first instruction on (execve(2)):
# so the mode of nsshell-planner and nsshell-init is 0711.
## make install       PREFIX, DESTDIR, SYSCONFDIR, LIBEXECDIR, PAMDIR, MANDIR are honoured
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(LIBEXECDIR)/nsshell $(DESTDIR)$(VERSIONDIR) $(DESTDIR)$(PAMDIR) \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8 $(DESTDIR)$(COMPLETIONDIR) \
		$(DESTDIR)$(SYSCONFDIR)/nsshell/nsshell.conf.d
	rm -f $(OLD_SETUID)
	install -m 0755 $(BUILD)/nsctl $(BUILD)/nsjoin $(DESTDIR)$(PREFIX)/sbin/
	$(call put,0711,$(BUILD)/nsshell-planner,$(VERSIONDIR))
	$(call put,0711,$(BUILD)/nsshell-init,$(VERSIONDIR))
	$(call put,0755,$(BUILD)/nsshell-worker,$(VERSIONDIR))
	$(call put,0755,$(BUILD)/nsshell-supervisor,$(VERSIONDIR))
	$(call put,0755,$(BUILD)/nsshell-helper,$(LIBEXECDIR)/nsshell)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANDIR)/man1
	ln -sf ../sbin/nsctl ../sbin/nsjoin $(DESTDIR)$(PREFIX)/bin/ # users' PATH has no sbin
	$(call put,0755,$(BUILD)/bin/nsshell,$(PREFIX)/bin)
	$(call put,4755,$(BUILD)/nsshell-door,$(LIBEXECDIR)/nsshell)
	$(call put,0755,$(BUILD)/nsshell-command,$(LIBEXECDIR)/nsshell)
	$(call put,0755,$(BUILD)/nsshell-session,$(LIBEXECDIR)/nsshell)
	$(call put,0755,$(BUILD)/nsshell-image,$(LIBEXECDIR)/nsshell)
	$(if $(filter %/nsshell-scope,$(PROGRAMS)),$(call put,0755,$(BUILD)/nsshell-scope,$(LIBEXECDIR)/nsshell))
	$(if $(filter %/nsshell-net,$(PROGRAMS)),$(call put,0755,$(BUILD)/nsshell-net,$(LIBEXECDIR)/nsshell))
	install -d $(DESTDIR)$(PREFIX)/share/nsshell/commands
	install -m 0644 $(ENTRIES) $(DESTDIR)$(PREFIX)/share/nsshell/commands/
	$(PLACES) config/sshd_nsshell.conf >$(DESTDIR)$(PREFIX)/share/nsshell/sshd_nsshell.conf
	$(PLACES) config/profile_nsshell.sh >$(DESTDIR)$(PREFIX)/share/nsshell/profile_nsshell.sh
	$(PLACES) config/userdel_nsshell.sh >$(DESTDIR)$(PREFIX)/share/nsshell/userdel_nsshell.sh
	chmod 0755 $(DESTDIR)$(PREFIX)/share/nsshell/userdel_nsshell.sh
	$(if $(PAM_CONFIGS),install -D -m 0644 config/pam_profile $(DESTDIR)$(PAM_CONFIGS)/nsshell)
	$(if $(PAM_CONFIGS),install -m 0644 config/pam_profile_elogind $(DESTDIR)$(PAM_CONFIGS)/nsshell-elogind)
	$(if $(PAM_CONFIGS),install -m 0755 config/pam_profile.sh $(DESTDIR)$(PAM_PROFILE))
	install -m 0644 config/pam_login $(DESTDIR)$(PREFIX)/share/nsshell/pam_login
	$(if $(and $(PAM_CONFIGS),$(WTMPDB)),install -m 0644 config/pam_profile_wtmpdb $(DESTDIR)$(PAM_CONFIGS)/nsshell-wtmpdb)
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system/lxcfs.service.d
	$(PLACES) config/lxcfs_nsshell.conf \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/lxcfs.service.d/nsshell.conf
	$(call put,0644,$(BUILD)/pam_nsshell.so,$(PAMDIR))
	test -e $(DESTDIR)$(SYSCONFDIR)/logrotate.d/nsshell || \
		install -D -m 0644 config/logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/nsshell
	test -e $(DESTDIR)$(SYSCONFDIR)/nsshell/nsshell.conf || \
		install -m 0644 config/nsshell.conf $(DESTDIR)$(SYSCONFDIR)/nsshell/nsshell.conf
	$(PLACES) config/nsctl.bash >$(DESTDIR)$(COMPLETIONDIR)/nsctl
	ln -sf nsctl $(DESTDIR)$(COMPLETIONDIR)/nsjoin
	$(foreach m,$(MANPAGES),$(PLACES) man/$(m) >$(call man,$(m)) &&) true
	$(call pam_profile,on source)

## make dist          the source of what git knows here, as a tarball in build/dist
DIST_TAR := $(BUILD)/dist/nsshell-$(VERSION).tar.xz
dist: $(BUILD)/.commit
	@mkdir -p $(BUILD)/dist
	@rm -f $(DIST_TAR)
	@if [ -e .git ]; then \
		what=$$(git stash create) && git archive --format=tar --prefix=nsshell-$(VERSION)/ \
		--add-file=$(BUILD)/.commit $${what:-HEAD}; \
	else tar -c --exclude=./$(BUILD) --transform='s,^\.,nsshell-$(VERSION),' .; fi | xz -T0 >$(DIST_TAR)
	@echo $(DIST_TAR)

## make deb           Debian packages of it in build/deb, for this machine; DIST=bookworm or trixie for another
##                    release, in a root of its own
deb: dist
	@debian/build.sh $(DIST_TAR) $(BUILD)/deb/$(or $(DIST),here) $(DIST)
## make deb-deps      install what that needs
deb-deps:
	@mkdir -p $(BUILD)
	@$(call need,$(DEPS_DEB))
## make check-deb     the package's life in a fresh root and on a machine (as root); DIST="bookworm trixie"
check-deb:
	@tests/deb/run.sh $(DIST)
.PHONY: dist deb deb-deps check-deb

# What packages and editors leave among PAM's services, as core/run/host/pamfile.c has it.
PAM_LEFTOVERS := *~ *.dpkg-* *.ucf-* *.pam-* *.bak *.old *.orig *.rej *.save *.swo *.swp

refuse_used = @if grep -ls '^[^\#]*pam_nsshell' $(foreach x,$(PAM_LEFTOVERS) $(1),--exclude='$(x)') $(DESTDIR)$(SYSCONFDIR)/pam.d/*; then \
	echo 'These PAM files still use the module: run nsctl disable --all first.' >&2; exit 1; fi

## make uninstall     refuses while a PAM file still names the module
uninstall:
	$(call refuse_used,common-session)
	$(call pam_profile,off)
	$(call refuse_used,)
	rm -f $(DESTDIR)$(PREFIX)/sbin/nsctl $(DESTDIR)$(PREFIX)/sbin/nsjoin \
		$(DESTDIR)$(PREFIX)/bin/nsctl $(DESTDIR)$(PREFIX)/bin/nsjoin \
		$(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-helper \
		$(DESTDIR)$(VERSIONDIR)/nsshell-planner $(DESTDIR)$(VERSIONDIR)/nsshell-init \
		$(DESTDIR)$(VERSIONDIR)/nsshell-supervisor $(DESTDIR)$(VERSIONDIR)/nsshell-worker \
		$(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-door $(OLD_SETUID) \
		$(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-scope $(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-net \
		$(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-command \
		$(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-session \
		$(DESTDIR)$(LIBEXECDIR)/nsshell/nsshell-image \
		$(patsubst config/%,$(DESTDIR)$(PREFIX)/share/nsshell/%,$(ENTRIES)) \
		$(DESTDIR)$(PREFIX)/bin/nsshell $(foreach m,$(MANPAGES),$(call man,$(m))) \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/lxcfs.service.d/nsshell.conf \
		$(DESTDIR)$(PREFIX)/share/nsshell/sshd_nsshell.conf \
		$(DESTDIR)$(PREFIX)/share/nsshell/profile_nsshell.sh \
		$(DESTDIR)$(PREFIX)/share/nsshell/userdel_nsshell.sh \
		$(DESTDIR)$(PAM_PROFILE) $(DESTDIR)$(PREFIX)/share/nsshell/pam_login \
		$(if $(PAM_CONFIGS),$(addprefix $(DESTDIR)$(PAM_CONFIGS)/,nsshell nsshell-elogind nsshell-wtmpdb)) \
		$(DESTDIR)$(PAMDIR)/pam_nsshell.so \
		$(DESTDIR)$(SYSCONFDIR)/logrotate.d/nsshell \
		$(DESTDIR)$(COMPLETIONDIR)/nsctl $(DESTDIR)$(COMPLETIONDIR)/nsjoin
	-rmdir $(DESTDIR)$(LIBEXECDIR)/nsshell $(DESTDIR)$(PREFIX)/share/nsshell/commands $(DESTDIR)$(PREFIX)/share/nsshell \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/lxcfs.service.d

clean:
	rm -rf $(BUILD)

# Installs only what is missing, so that a machine without network passes when it has all, and then writes the file $(2).
define need
missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(1) 2>/dev/null | \
	awk '$$2 == "installed" { print $$1 }' > $(BUILD)/.have; \
	for p in $(1); do grep -qx "$$p" $(BUILD)/.have || echo $$p; done); \
if [ -n "$$missing" ]; then echo "installing:" $$missing; \
	apt-get -o DPkg::Lock::Timeout=300 update -qq && DEBIAN_FRONTEND=noninteractive \
	apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends $$missing >$(BUILD)/apt.log 2>&1 || \
	{ cat $(BUILD)/apt.log; exit 1; }; $(if $(2),: >$(2);) fi
endef
deps:
	@mkdir -p $(BUILD)
	@$(call need,$(DEPS_BUILD))
deps-demo: deps
	@$(call need,$(DEPS_DEMO))
deps-check: deps
	@$(call need,$(DEPS_CHECK))
	@test -e $(BUILD)/metrics/usr/bin/prometheus-node-exporter || \
		$(call unpack,prometheus-node-exporter,prometheus-node-exporter) || echo "no node exporter: its test is skipped"
	@test -e $(BUILD)/metrics/usr/bin/promtool || \
		$(call unpack,prometheus,promtool) || echo "no promtool: its test is skipped"
deps-all: deps
	@$(call need,$(DEPS_ALL))
	@test -e $(BUILD)/metrics/usr/bin/docker-registry || \
		$(call unpack,docker-registry,docker-registry) || echo "no docker-registry: its test is skipped"
deps-bench: deps
	@$(call need,$(DEPS_BENCH))

# Programs of packages that would start a service: unpacked beside the objects, not installed.
unpack = (mkdir -p $(BUILD)/metrics && cd $(BUILD)/metrics && apt-get download -qq $(1) >/dev/null && \
	dpkg-deb --fsys-tarfile $(1)_*.deb | tar x ./usr/bin/$(2) && rm -f $(1)_*.deb)
.PHONY: print-cppflags print-libs print-deps print-archives
# A list a line.
print-deps:
	$(info $(DEPS_BUILD))$(info $(DEPS_CHECK))$(info $(DEPS_ALL))$(info $(DEPS_DEB))$(info $(DEPS_BENCH))@:
print-archives:
	$(info $(ARCHIVES))@:
print-cppflags:
	$(info $(CPPFLAGS) $(shell $(PKG_CONFIG) --cflags $(PKG_net) 2>/dev/null))@:
# Of nsctl, for the tests that link it anew with other paths.
print-libs:
	$(info $(LDLIBS_ctl))@:
