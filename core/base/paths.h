/* SPDX-License-Identifier: BSD-3-Clause */
/* Where things are on this host. The Makefile passes SYSCONFDIR and LIBEXECDIR. */
#pragma once

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/libexec"
#endif
#ifndef VERSIONDIR
#define VERSIONDIR LIBEXECDIR "/nsshell"
#endif
#ifndef DATADIR
#define DATADIR "/usr/share"
#endif
#ifndef PAMDIR
#define PAMDIR "/usr/lib/x86_64-linux-gnu/security"
#endif

#define PATH_CONF       SYSCONFDIR "/nsshell/nsshell.conf"
#define PATH_LOGIN_DEFS SYSCONFDIR "/login.defs"
#define PATH_PAM_D      SYSCONFDIR "/pam.d"
#define PATH_HELPER     LIBEXECDIR "/nsshell/nsshell-helper"
#define PATH_DOOR       LIBEXECDIR "/nsshell/nsshell-door"
#define PATH_SCOPE      LIBEXECDIR "/nsshell/nsshell-scope"
#define PATH_SESSION    LIBEXECDIR "/nsshell/nsshell-session"
#define PATH_COMMAND    LIBEXECDIR "/nsshell/nsshell-command"
#define PATH_NET        LIBEXECDIR "/nsshell/nsshell-net"
#define PATH_INIT       VERSIONDIR "/nsshell-init"
#define PATH_SUPERVISOR VERSIONDIR "/nsshell-supervisor"
#define PATH_WORKER     VERSIONDIR "/nsshell-worker"
#define PATH_PLANNER    VERSIONDIR "/nsshell-planner"
#define PATH_IMAGE      LIBEXECDIR "/nsshell/nsshell-image"
#define PATH_MODULE     PAMDIR "/pam_nsshell.so"

/* Shipped entries of HostCommands=; "commands" beside nsshell.conf goes before. */
#define PATH_COMMANDS DATADIR "/nsshell/commands"

/* The gate as a profile of Debian's pam-auth-update(8), where that is. */
#define PATH_PAM_PROFILE "/usr/share/pam-configs/nsshell"

/* There where systemd runs the host, sd_booted(3). */
#define PATH_SYSTEMD "/run/systemd/system"

/* State, outside /tmp (CVE-2022-31214): all below PATH_RUN is root's alone but PATH_OWN. */
#define PATH_RUN      "/run/nsshell"
#define PATH_RUN_MODE 0711 /* on the way to PATH_OWN */
/* A directory an account, by uid, for the sockets of its sessions: the same outside and inside. */
#define PATH_OWN      PATH_RUN "/own"
#define PATH_SESSIONS PATH_RUN "/sessions"
#define PATH_ACCOUNTS PATH_RUN "/accounts"
#define PATH_FILTERS  PATH_RUN "/filters"
#define PATH_CHANGES  PATH_RUN "/changes"
/* The table that nsshell-net has made, and the lock of who makes it */
#define PATH_NET_TABLE PATH_RUN "/net.table"
#define PATH_NET_LOCK  PATH_RUN "/net.lock"
/* Rules of an account's network, by its number: text of core/plan/netrules.h */
/* Numbers of logins' own addresses: a file each, locked as long as it has it. */
#define PATH_NET_LENT  PATH_RUN "/net.lent"
#define PATH_NET_RULES PATH_RUN "/net"
/* Inside a box: holds the session id; its being there says that this is a box. */
#define PATH_RUN_SESSION PATH_RUN "/session"
/* Inside: the limits of all the account's sessions, KEY=VALUE; a file of the host's, read-only. */
#define PATH_RUN_LIMITS PATH_RUN "/limits"
/* Inside: what Environment= and the image give, a line a variable; not there where that is nothing. */
#define PATH_RUN_ENVIRONMENT PATH_RUN "/environment"
/* And what the config says for nsshell(1): a file with Shell=, and a directory of the account's,
 * with Record=yes, for the sockets at which its terminals can be looked at. */
/* Upper=none: what /var/log/wtmp and lastlog are links to */
#define PATH_RUN_WTMP      PATH_RUN "/wtmp"
#define PATH_RUN_LASTLOG   PATH_RUN "/lastlog"
#define PATH_RUN_SHELL     PATH_RUN "/shell"
#define PATH_RUN_TERMINALS PATH_RUN "/terminals"
#define PATH_STAGE         PATH_RUN "/stage"
#define PATH_STATE         "/var/lib/nsshell"
/* Where no journal is: events, a line of JSON each (core/base/event.h); root's alone */
#define PATH_LOG    "/var/log/nsshell"
#define PATH_EVENTS PATH_LOG "/events"
#define PATH_RANGES PATH_STATE "/ranges"
/* Volumes=: UID/NAME, core/run/mount/volumes.h */
#define PATH_VOLUMES PATH_STATE "/volumes"
/* Network=private: the account's number, by which it has its addresses */
#define PATH_ADDRESSES PATH_STATE "/addresses"
