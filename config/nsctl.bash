# SPDX-License-Identifier: BSD-3-Clause
# Completion of nsctl(8) and nsjoin(8) for bash. What they take is read from their own --help.
# shellcheck shell=bash

_nsshell_run() { # who isn't root may not have it in PATH
	PATH=$PATH:/usr/local/sbin "$@" 2>/dev/null
}

_nsshell_sessions() { # accounts with sessions, and ids
	_nsshell_run nsctl list --raw --noheadings -o "$1" | tr ' ' '\n' | sort -u
}

_nsshell_services() { # PAM services of the host
	local f
	for f in /etc/pam.d/*; do
		case ${f##*/} in common-*|*.*|*~) ;; *) echo "${f##*/}" ;; esac
	done
}

_nsshell_section() { # first words of the lines that follow the line in $1
	awk -v begin="$1" 'f { print $1 } $0 == begin { f = 1 }'
}

# Takes a help text apart: options; takes[OPTION] and what[OPTION], its argument and its line;
# operands, in their order.
_nsshell_read() {
	local line letter name
	while IFS= read -r line; do
		if [[ $line == usage:*'[OPTION...]'* ]]; then
			line=${line#*'[OPTION...]'}
			read -ra operands <<<"${line//'[--]'/}"
		elif [[ $line =~ ^\ \ (-.,|\ \ \ )\ (--[a-z-]+)(\ ([A-Z|=]+))?\ +(.*) ]]; then
			letter=${BASH_REMATCH[1]%,} name=${BASH_REMATCH[2]}
			[[ $letter == -* ]] || letter=$name
			options+=("$name")
			[[ $letter == "$name" ]] || options+=("$letter")
			takes[$name]=${BASH_REMATCH[4]} takes[$letter]=${BASH_REMATCH[4]}
			what[$name]=${BASH_REMATCH[5]} what[$letter]=${BASH_REMATCH[5]}
		fi
	done
}

_nsshell_words() { # offers those of the words in $1 that $cur begins
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_nsshell_paths() { # -f: files, too, -d: directories
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
	compopt -o filenames
}

_nsshell_columns() { # one more for a list that commas separate
	local before='' names table=list
	case $cur in *,*) before=${cur%,*}, ;; esac
	[[ ${COMP_WORDS[*]} == *' net '* ]] && table=net
	names=$(_nsshell_run nsctl help "$table" | _nsshell_section columns: | tr '[:upper:]' '[:lower:]')
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$names" -- "${cur##*,}")
	compopt -o nospace
}

_nsshell_keys() {
	local keys
	keys=$(_nsshell_run nsctl help set | _nsshell_section keys:)
	case $prev in
	IO*Max) _nsshell_paths -f; return ;;
	esac
	[[ " ${keys//$'\n'/ } " == *" $prev "* ]] && return
	mapfile -t COMPREPLY < <(compgen -S = -W "$keys" -- "$cur")
	compopt -o nospace
}

_nsshell_offer() { # what --help calls $1, of which it says $2
	case $1 in
	FILE|ARG|ARGUMENT) _nsshell_paths -f ;;
	DIR) _nsshell_paths -d ;;
	USER|'USER|UID') mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	COMMAND) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	'USER|SESSION') _nsshell_words "$(_nsshell_sessions user,id)" ;;
	IMAGE) _nsshell_words "$(_nsshell_run nsctl image list --raw --noheadings | cut -d' ' -f1)" ;;
	VOLUME) _nsshell_words "$(_nsshell_run nsctl volume list --raw --noheadings | cut -d' ' -f3)" ;;
	ID) _nsshell_words "$(_nsshell_sessions id)" ;;
	SERVICE|NAME) _nsshell_words "$(_nsshell_services)" ;;
	SIG) _nsshell_words 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP' ;;
	BY|WHAT) _nsshell_words "$(tr -d , <<<"${2/ or / }")" ;;
	COLS) _nsshell_columns ;;
	KEY=VALUE) _nsshell_keys ;;
	esac
}

# Completes behind COMP_WORDS[$1]; options end at operand $2, as what follows is a command's.
_nsshell_complete() {
	local options=() operands=() i n=0 word last ended=''
	local -A takes=() what=()
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	_nsshell_read
	# "--config=FILE" and "KEY=VALUE" are three words.
	[[ $cur == '=' ]] && cur='' prev="$prev="
	[[ $prev == '=' ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	prev=${prev%=}
	for ((i = $1 + 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $ended || $word != -* ]]; then
			n=$((n + 1))
			[[ $2 && $n -ge $2 ]] && ended=1
		elif [[ $word == -- ]]; then
			ended=1
		elif [[ ${takes[$word]-} ]]; then
			[[ ${COMP_WORDS[i + 1]} == '=' ]] && i=$((i + 1))
			i=$((i + 1))
		fi
	done
	if [[ ! $ended && ${takes[$prev]-} ]]; then
		_nsshell_offer "${takes[$prev]}" "${what[$prev]}"
	elif [[ ! $ended && $cur == -* ]]; then
		_nsshell_words "${options[*]}"
	elif ((${#operands[@]} > 0)); then
		last=${operands[-1]}
		((n >= ${#operands[@]})) && [[ $last != *...* ]] && return
		word=${operands[n]-$last}
		word=${word//[][]/}
		_nsshell_offer "${word%%...*}" ''
	fi
}

_nsctl() {
	local command=${COMP_WORDS[1]} commands cur=${COMP_WORDS[COMP_CWORD]} end=''
	COMPREPLY=()
	commands=$(_nsshell_run nsctl help | awk '/^  [a-z]/ { print $1 }')
	if ((COMP_CWORD == 1)); then
		_nsshell_words "$commands --version --help"
	elif [[ $command == image || $command == volume ]]; then
		if ((COMP_CWORD == 2)); then
			_nsshell_words "$(_nsshell_run nsctl "$command" help | awk '/^  [a-z]/ { print $1 }')"
		else
			_nsshell_complete 2 '' < <(_nsshell_run nsctl "$command" "${COMP_WORDS[2]}" --help)
		fi
	elif [[ $command == help ]]; then
		((COMP_CWORD == 2)) && _nsshell_words "$commands"
	else
		[[ $command == run ]] && end=2
		_nsshell_complete 1 "$end" < <(_nsshell_run nsctl help "$command")
	fi
}

_nsjoin() {
	COMPREPLY=()
	_nsshell_complete 0 1 < <(_nsshell_run nsjoin --help)
}

complete -F _nsctl nsctl
complete -F _nsjoin nsjoin
