#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# make check: every part in its turn, and one line that counts them all.
# Last line: "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0 skipped=0
export NSSHELL_TEST_SECOND_TRY=1

part() { # NAME COMMAND...: its last line counts
	local name=$1 log last status
	shift
	log=build/check.$name.log
	echo "== $name"
	"$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
	if [ -z "$last" ]; then
		echo "not ok - $name ended without counting (status $status)"
		failed=$((failed + 1))
		return
	fi
	read -r p _ f _ s _ <<<"$last"
	((passed += p, failed += f, skipped += s))
	if ((status != 0 && f == 0)); then failed=$((failed + 1)); fi
}

part unit make -s --no-print-directory CI=1 check-unit
part asan make -s --no-print-directory asan
part system make -s --no-print-directory CI=1 check-system
part hostile make -s --no-print-directory CI=1 check-hostile
part faults make -s --no-print-directory CI=1 faults
part soak make -s --no-print-directory CI=1 soak SOAK='--logins 400 --minutes 0.3'
part vm make -s --no-print-directory CI=1 check-vm
part fuzz make -s --no-print-directory fuzz-smoke
part coverage make -s --no-print-directory coverage
part lint make -s --no-print-directory lint

grep -h '^not ok\|^first try: not ok\|^# passed or failed at a second try' build/check.*.log
grep -h '# SKIP\|^skip' build/check.*.log
grep -h '^# [0-9]* hostile tries\|^# [0-9]* faults$' build/check.*.log
echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
