#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs every fuzzer of a directory from the corpora in tests/fuzz/corpus, two at a time, for
# SECONDS_EACH seconds (60). With the same SEED (1) the same is tried, so that what breaks can be
# had again; 0 is a new one each time. What is new in coverage is kept in the directory's corpus.NAME; what
# breaks, in crash.NAME-*. Last line: "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
directory=$1 seconds=${SECONDS_EACH:-60} seed=${SEED:-1}
# shellcheck disable=SC2317 # called through xargs
one() {
	local name=${1##*/fuzz_} log figures
	log=$directory/$name.log
	mkdir -p "$directory/corpus.$name"
	if ! "$1" -seed="$seed" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
		-artifact_prefix="$directory/crash.$name-" "$directory/corpus.$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
		tail -n 40 "$log"
		echo "not ok - fuzz $name"
		return 0
	fi
	figures=$(awk '/number_of_executed_units/ { runs = $2 } / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
		END { print runs " runs, " cov " edges" }' "$log")
	echo "ok - fuzz $name: $figures"
}
export -f one
export directory seconds seed
# shellcheck disable=SC2016 # the inner bash expands it
out=$(printf '%s\n' "$directory"/fuzz_* | xargs -P 2 -I{} bash -c 'one "$1"' bash {})
echo "$out"
passed=$(grep -c '^ok - ' <<<"$out")
failed=$(grep -c '^not ok - ' <<<"$out")
expected=$(find "$directory" -maxdepth 1 -name 'fuzz_*' -type f | wc -l)
if ((passed + failed != expected || expected == 0)); then failed=$((failed + 1)); fi
echo "$passed passed, $failed failed, 0 skipped"
exit $((failed > 0))
