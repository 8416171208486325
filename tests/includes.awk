# SPDX-License-Identifier: BSD-3-Clause
# The include directions of the house: base < plan < config, run < mains. A line "not ok" each.
function rank(path) {
	if (path ~ /^core\/base\//) return 1
	if (path ~ /^core\/plan\//) return 2
	if (path ~ /^config\//) return 3
	if (path ~ /^core\/run\//) return 3
	return 4
}
function side(path) {
	return path ~ /^config\// ? "config" : path ~ /^core\/run\// ? "run" : ""
}
/^#include "/ {
	split($0, part, "\"")
	to = part[2]
	if (to !~ /\//) { print "not ok - " FILENAME ":" FNR ": name the directory: " to; bad++; next }
	if (rank(to) > rank(FILENAME) || (rank(to) == 3 && rank(FILENAME) == 3 && side(to) != side(FILENAME))) {
		print "not ok - " FILENAME ":" FNR ": includes upwards: " to
		bad++
	}
}
END { exit bad > 0 }
