#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Tests of the build with AddressSanitizer, UBSan and counters, which make has made in BUILD; what those say
# goes to the directory STATE, in which every program, a user's in a box too, has to be able to write.
#
#	run.sh BUILD STATE begin             an empty STATE
#	run.sh BUILD STATE unit|system|hostile|faults [WORDS...]
#	run.sh BUILD STATE found             what the sanitizers found is a failure
#	run.sh BUILD STATE coverage
#
# Last line but for begin: "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 state=$2 what=$3
shift 3
export NSSHELL_BUILD=$build NSSHELL_TEST_REPORTS=$state NSSHELL_DAEMON_ROUNDS=${NSSHELL_DAEMON_ROUNDS:-20}
# What links objects of this build with others.
export NSSHELL_TEST_CC="clang -fsanitize=address,undefined $build/options.o -fprofile-instr-generate=$state/profiles/%m%c.profraw -mllvm -runtime-counter-relocation"

begin() {
	rm -rf "$state"
	mkdir -p "$state/reports" "$state/profiles" && chmod 0755 "$state" && chmod 1777 "$state/reports" && chmod 0777 "$state/profiles"
	# Each makes its file of counters, which those of other users have to be able to write.
	for program in "$build"/nsshell-* "$build/nsctl" "$build/nsjoin" "$build/bin/nsshell"; do
		[ -x "$program" ] && [ -f "$program" ] && timeout 10 "$program" --help </dev/null >/dev/null 2>&1
	done
	chmod 0666 "$state"/profiles/* 2>/dev/null
	return 0
}

# Error paths. A call of the sanitizer's own may be among those that fail: it gives up then, and reports that.
faults() {
	local status
	python3 tests/fault/run.py --only :EMFILE login gate second share
	status=$?
	find "$state/reports" -type f -exec sh -c '
		head -n 1 "$1" | grep -Eq "AddressSanitizer(: CHECK failed: (asan|sanitizer)_| failed to (de)?allocate | setrlimit\(\) failed)"' sh {} ';' -delete
	return $status
}

found() {
	local n
	n=$(find "$state/reports" -type f | wc -l)
	if [ "$n" = 0 ]; then
		echo "ok - AddressSanitizer and UBSan found nothing in any program"
		echo "1 passed, 0 failed, 0 skipped"
		return
	fi
	find "$state/reports" -type f | head -n 5 | while read -r f; do
		head -n 40 "$f" | sed "s/^/#   /"
	done
	echo "not ok - AddressSanitizer and UBSan found $n things, see $state/reports"
	echo "0 passed, 1 failed, 0 skipped"
	return 1
}

[ -d "$state/profiles" ] || begin
case $what in
begin) begin ;;
# Programs say detect_leaks=0, as a box does not let them look.
unit) ASAN_OPTIONS=detect_leaks=1 tests/unit/run.py "$build"/unit/test_* ;;
faults) faults ;;
system | hostile) python3 "tests/$what/run.py" "$@" ;;
found) found ;;
coverage) tests/instrumented/coverage.sh "$build" "$state/profiles" ;;
esac
