#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the unit test programs named as arguments, in TAP, and counts their checks.
# Last line: "N passed, N failed, N skipped".
set -u
passed=0 failed=0 skipped=0
for program in "$@"; do
	out=$(CMOCKA_MESSAGE_OUTPUT=TAP "$program" 2>&1)
	status=$?
	ok=$(grep -c '^ok ' <<<"$out")
	# cmocka calls a skipped one "not ok" (TAP 12 leaves that to it).
	skip=$(grep -cE '^(not )?ok .*# SKIP' <<<"$out")
	bad=$(grep '^not ok ' <<<"$out" | grep -vc '# SKIP')
	if ((status != 0 && bad == 0)) || ((ok + bad + skip == 0)); then bad=$((bad + 1)); fi
	((passed += ok - $(grep -c '^ok .*# SKIP' <<<"$out"), failed += bad, skipped += skip))
	grep '# SKIP' <<<"$out"
	if ((bad > 0)); then
		echo "not ok - ${program##*/} (status $status)"
		printf '%s\n' "$out"
	else
		echo "ok - ${program##*/}: $ok checks"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
