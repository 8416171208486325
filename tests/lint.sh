#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every static check, a line each; the output of those that fail. Last line: counts.
# lint.sh --some: what make check does: no gcc -fanalyzer, no build by clang (its instrumented build is one),
# and clang-tidy on what it has seen nothing of yet, changed files first, as far as TIDY_SECONDS take it.
# shellcheck disable=SC2317 # the checks are called through try()
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p build
all=yes
if [ "${1:-}" = --some ]; then all=; fi
passed=0 failed=0

files() { # PATTERN...: what the repository has, also outside a git checkout
	if [ -d .git ]; then git ls-files -co --exclude-standard -- "$@"; else
		find . -path ./build -prune -o -type f -print | sed 's|^\./||' | while read -r f; do
			# shellcheck disable=SC2254 # patterns
			for p in "$@"; do case $f in $p) echo "$f" ;; esac; done
		done
	fi | while read -r f; do [ -e "$f" ] && echo "$f"; done | sort -u
}
try() { # NAME COMMAND...
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		printf '%s\nnot ok - %s\n' "$out" "$name"
		failed=$((failed + 1))
	fi
}
flags=$(make -s --no-print-directory print-cppflags)

includes() { files 'core/*' 'config/*.[ch]' 'helpers/*' 'nsshell/*' 'pam_module/*' | grep '\.[ch]$' | xargs awk -f tests/includes.awk; }
tidy() { # shellcheck disable=SC2086 # words
	files '*.c' | python3 tests/tidy.py ${all:+--all} -- $flags
}
# Leaks are ASan's to find: cppcheck doesn't know the cleanup attribute.
check() {
	mkdir -p build/cppcheck # what it found in files that are as they were
	# shellcheck disable=SC2046,SC2086
	cppcheck -q -j 2 --cppcheck-build-dir=build/cppcheck --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
		--suppress=missingIncludeSystem --suppress=resourceLeak --suppress=memleak \
		-I. $(files '*.c')
}
clang_build() { make -s --no-print-directory BUILD=build/clang CC=clang CI=1 all; }
# What the planner takes from outside: memory, strings and a FILE to print to, and nothing that
# makes a system call.
pure() {
	local lib=build
	nm "$lib/libplan.a" | awk '$1 == "U" { print $2 }' | sort -u >build/plan.undefined
	nm "$lib/libplan.a" "$lib/libbase.a" | awk '$2 ~ /[TDRB]/ { print $3 }' | sort -u >build/plan.defined
	! comm -23 build/plan.undefined build/plan.defined |
		grep -vxE '__[a-z]+_chk|__stack_chk_fail|__ctype_.*|(as|f|sn|vas|vf|vsn)?printf|[cm]alloc|realloc(array)?|free|fput[cs]|fputc|fwrite|ferror|fnmatch|qsort|bcmp|(mem|str)[a-z]+|inet_(ntop|pton)|open_memstream|fclose'
}
# Where a function inside of an archive's library has the name of one of ours, that one would be called.
archives() {
	nm -g --defined-only build/lib{base,plan,config,run}.a | awk 'NF == 3 { print $3 }' | sort -u >build/ours
	# shellcheck disable=SC2046 # words
	nm --undefined-only $(ls $(make -s --no-print-directory print-archives) 2>/dev/null) 2>/dev/null |
		awk 'NF == 2 { print $2 }' | sort -u >build/called
	[ -s build/called ] && ! comm -12 build/ours build/called | grep .
}
# gcc 12 doesn't know the cleanup attribute, reallocarray(3), nor what a failed asprintf(3) leaves: leaks and what is
# read before it is set are for ASan, valgrind and clang's analyzer to find.
analyzer() { make -s --no-print-directory -j 2 BUILD=build/analyzer CC=gcc CI=1 \
	OPT='-O1 -g -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-mismatching-deallocation' all; }
python() { PYTHONPYCACHEPREFIX=build/pycache; export PYTHONPYCACHEPREFIX; files '*.py' | xargs python3 -m py_compile; }

# shellcheck disable=SC2046
{
	try "include directions" includes
	try "clang-format" clang-format --dry-run -Werror $(files '*.c' '*.h')
	try "shellcheck" shellcheck $(files '*.sh' 'debian/*.p*' debian/tests/login) .ci/run
	try "mandoc" mandoc -Tlint -Wwarning $(files 'man/*')
	try "python" python
	if [ "$all" ]; then
		try "clang builds it without a warning" clang_build
		try "gcc -fanalyzer" analyzer
	fi
	try "the planner makes no system calls" pure
	try "no library from an archive calls what is ours" archives
	try "what check-broken breaks is in the source" python3 tests/hostile/broken.py --fit
	try "cppcheck" check
	try "clang-tidy" tidy
	tail -n 1 build/tidy.told
	tests/linked.py
}
echo "$passed passed, $failed failed, 0 skipped"
exit $((failed > 0))
