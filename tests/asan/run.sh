#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs unit, system and some hostile tests of a build with AddressSanitizer and UBSan; whatever those say into
# the folder REPORTS is a failure. Last line: "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=$1 reports=$2
passed=0 failed=0 skipped=0

rm -rf "$reports"
mkdir -p "$reports" && chmod 1777 "$reports" || exit 1

run() { # NAME COMMAND...: its last line counts
	local name=$1 last
	shift
	"$@" 2>&1 | tee "$folder/$name.log" | grep --line-buffered -v '^[0-9]* passed, '
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$folder/$name.log" | tail -n 1)
	read -r p _ f _ s _ <<<"${last:-0 passed, 1 failed, 0 skipped}"
	((passed += p, failed += f, skipped += s))
}
# Programs say detect_leaks=0, as a box does not let them look.
run unit env ASAN_OPTIONS=detect_leaks=1 tests/unit/run.py "$folder"/unit/test_*
if [ "$(id -u)" = 0 ]; then
	run system env NSSHELL_BUILD="$folder" NSSHELL_TEST_REPORTS="$reports" NSSHELL_DAEMON_ROUNDS=20 \
		NSSHELL_TEST_CC="clang -fsanitize=address,undefined $folder/options.o" python3 tests/system/run.py
	# What is fed to the helper and to who joins. The attacker's programs are as make builds them.
	make -s --no-print-directory CI=1 build/hostile/attack build/hostile/evil.so
	run hostile env NSSHELL_BUILD="$folder" NSSHELL_TEST_REPORTS="$reports" python3 tests/hostile/run.py helper join
else
	echo "skip - system and hostile tests of the instrumented build: they need root"
	skipped=$((skipped + 1))
fi

found=$(find "$reports" -type f | wc -l)
if [ "$found" = 0 ]; then
	echo "ok - AddressSanitizer and UBSan found nothing in any program"
	passed=$((passed + 1))
	rm -rf "$reports"
else
	find "$reports" -type f | head -n 5 | while read -r f; do
		head -n 40 "$f" | sed "s/^/#   /"
	done
	echo "not ok - AddressSanitizer and UBSan found $found things, see $reports"
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
