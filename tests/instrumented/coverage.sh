#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# coverage.sh BUILD PROFILES: how many lines of the instrumented BUILD all that ran of it has reached, and
# by file and line what none did. Last line: "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1
directory=$1 profiles=$2
passed=0 failed=0

objects=()
for program in "$directory"/unit/test_* "$directory"/nsshell-* "$directory"/nsctl "$directory"/nsjoin "$directory"/bin/nsshell \
	"$directory"/pam_nsshell.so; do
	[ -f "$program" ] && objects+=(-object "$program")
done
llvm-profdata merge -sparse "$profiles"/*.profraw -o "$directory/all.profdata" || exit 1
llvm-cov export -format=lcov -instr-profile "$directory/all.profdata" "${objects[@]}" >"$directory/all.lcov" 2>/dev/null || exit 1

# Who asks systemd is only reached where that runs the host: tests/vm does.
beside='^$'
if [ ! -d /run/systemd/system ]; then
	beside='^(helpers/scope/|core/run/cgroup/(cgroup_)?scope)'
	echo "# left out, as no systemd runs this host: helpers/scope/ core/run/cgroup/*scope.c"
fi

# A line counts once, however many programs it is in.
awk -F: -v beside="$beside" -v top="$PWD/" -v list="$directory/uncovered.txt" -v files="$directory/files" '
	$1 == "SF" { file = $2; sub("^" top, "", file); next }
	$1 == "DA" && (file ~ beside || file ~ /^(tests)?\//) { next }
	$1 == "DA" { split($2, d, ","); at = file ":" d[1]; if (!(at in hits) || d[2] > hits[at]) hits[at] = d[2] }
	END {
		for (at in hits) {
			split(at, part, ":"); dir = part[1]; sub("/[^/]*$", "", dir)
			if (match(dir, "^(core/run|helpers|nsshell)/")) dir = substr(dir, 1, RLENGTH - 1)
			lines[dir]++; reached[dir] += hits[at] > 0
			all[part[1]]++; seen[part[1]] += hits[at] > 0
			if (hits[at] == 0) print at | "sort -t: -k1,1 -k2,2n >" list
		}
		for (dir in lines) print dir, reached[dir], lines[dir]
		for (file in all) print file ":" seen[file] ":" all[file] >files
	}' "$directory/all.lcov" | sort >"$directory/directories"

while read -r dir reached lines; do
	case $dir in
	core/plan | config) aim=90 ;;
	core/* | helpers | pam_module) aim=80 ;;
	*) continue ;;
	esac
	percent=$((1000 * reached / lines))
	text="$dir: $((percent / 10)).$((percent % 10)) % of $lines lines reached, aim $aim %"
	if ((percent >= 10 * aim)); then
		echo "ok - $text"
		passed=$((passed + 1))
	else
		echo "not ok - $text"
		failed=$((failed + 1))
	fi
done <"$directory/directories"
echo "# lines that none reaches, error paths mostly: $(wc -l <"$directory/uncovered.txt")"
awk -F: '
	function range() { text = text " " first (last > first ? "-" last : "") }
	function told() { range(); printf "# %s: %d %%, but not%s\n", file, 100 * seen[file] / all[file], text; text = "" }
	FNR == NR { seen[$1] = $2; all[$1] = $3; next }
	$1 == file && $2 == last + 1 { last = $2; next }
	file { if ($1 == file) range(); else told() }
	{ file = $1; first = last = $2 }
	END { if (file) told() }' "$directory/files" "$directory/uncovered.txt"
((passed + failed >= 6)) || failed=$((failed + 1))
echo "$passed passed, $failed failed, 0 skipped"
exit $((failed > 0))
