# SPDX-License-Identifier: BSD-3-Clause
# Completion of nsctl(8) for bash.
# shellcheck shell=bash

_nsctl_sessions() { # accounts with sessions, and ids
	nsctl list --raw --noheadings -o user,id 2>/dev/null | tr ' ' '\n' | sort -u
}

_nsctl_options() { # what "nsctl COMMAND --help" tells
	nsctl help "$1" 2>/dev/null | grep -oE '(^|[ ,])--?[a-z][-a-z]*' | tr -d ' ,'
}

_nsctl_columns() {
	nsctl list --help 2>/dev/null | awk 'f { print tolower($1) } /^columns:/ { f = 1 }'
}

# One more of the words in $1 for a list that commas separate.
_nsctl_list() {
	local cur=$2 before=''
	case $cur in *,*) before=${cur%,*}, ;; esac
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
	compopt -o nospace
}

_nsctl_services() { # PAM services of the host
	local f
	for f in /etc/pam.d/*; do
		case ${f##*/} in common-*|*.*|*~) ;; *) echo "${f##*/}" ;; esac
	done
}

_nsctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words='' commands
	commands='plan check enable disable list status top stop kill pause resume set run log
		metrics gc refresh help'
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --version" -- "$cur")
		return
	fi
	case $prev in
	-c|--config|--file|--helper) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--pam-dir|-D|--directory) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	esac
	case $command:$prev in
	list:-o|list:--output|top:-o|top:--output) _nsctl_list "$(_nsctl_columns)" "$cur"; return ;;
	top:-s|top:--sort) words='cpu memory tasks time age' ;;
	kill:-s|kill:--signal) words='HUP INT QUIT KILL USR1 USR2 TERM CONT STOP' ;;
	metrics:-o|metrics:--output) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	plan:-s|plan:--service) words=$(_nsctl_services) ;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_nsctl_options "$command")" -- "$cur")
		return
	fi
	case $command in
	help) words=$commands ;;
	enable|disable) words=$(_nsctl_services) ;;
	status|stop|kill|pause|resume|log) words=$(_nsctl_sessions) ;;
	plan) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	set)
		if ((COMP_CWORD > 2)) && [[ $prev != -* ]]; then
			mapfile -t COMPREPLY < <(compgen -S = -W 'MemoryMax MemoryHigh TasksMax
				CPUQuota CPUWeight' -- "$cur")
			compopt -o nospace
			return
		fi
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	run)
		if ((COMP_CWORD > 3)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
		fi
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _nsctl nsctl
