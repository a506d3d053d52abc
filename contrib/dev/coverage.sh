#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: lines of decode, verify and replay that no test runs, with their reasons
set -eu
. contrib/dev/lib.sh

least=95
reasons=tests/coverage.tsv
folder=build-cov
command -v gcovr >/dev/null ||
	die "gcovr is missing: apt-get install --no-install-recommends gcovr"
build_in $folder --enable-coverage CFLAGS='-g -O0' >&2
find $folder -name '*.gcda' -delete
make -C $folder -j"$jobs" check RUN_E2E= RUN_TREE= >$folder/check.log 2>&1 ||
	die "a test fails: $folder/check.log"
gcovr -r . $folder --filter 'src/(decode|verify|replay)/' \
	--json $folder/coverage.json --txt $folder/coverage.txt >&2
grep -v '100%' $folder/coverage.txt
share=$(jq '[.files[].lines[] | select(.["gcovr/noncode"] | not)] |
	100 * (map(select(.count > 0)) | length) / length' $folder/coverage.json)

# file<TAB>line of text, without numbers, which move.
jq -r '.files[] | .file as $f | .lines[] |
	select((.["gcovr/noncode"] | not) and .count == 0) |
	"\($f)\t\(.line_number)"' $folder/coverage.json |
	while IFS=$'\t' read -r file line; do
		printf '%s\t%s\n' "$file" \
			"$(sed -n "${line}s/^[[:space:]]*//p" "$file")"
	done | sort -u >$folder/missed.tsv
grep -v "^#" $reasons | cut -f1,2 | sort -u >$folder/reasoned.tsv
unexplained=$(comm -23 $folder/missed.tsv $folder/reasoned.tsv)
stale=$(comm -13 $folder/missed.tsv $folder/reasoned.tsv)
[ -z "$unexplained" ] || printf 'No test runs, no reason in %s:\n%s\n' \
	"$reasons" "$unexplained"
[ -z "$stale" ] || printf 'Run by now, take out of %s:\n%s\n' \
	"$reasons" "$stale"
printf 'coverage %.1f %% of lines, at least %d %%\n' "$share" $least
[ -z "$unexplained$stale" ] && jq -en "$share >= $least" >/dev/null
