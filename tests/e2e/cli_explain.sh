#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi appraise --explain on recorded boots: the texts of tests/vectors/explain
# in both languages at each level. WRITE=1 writes them anew, to be read before
# they are kept.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/cli.sh
want=tests/vectors/explain

# explain LANG LEVEL BOOT GOLDEN [OPTION...]
explain() {
	echo "# $2"
	"$akashi" --lang "$1" appraise "$tmp/$3" --policy "$tmp/$4.json" \
		--explain "$2" "${@:5}" 2>/dev/null
	echo "# exit $?"
}

for golden in grub-sb-golden uki-golden direct-golden; do
	lay_out $golden
	"$akashi" policy learn "$tmp/$golden" --name $golden \
		--ima-allow $vm/common/allowlist-root.sha256 \
		--ima-allow $vm/common/allowlist-initrd-golden.sha256 \
		>"$tmp/$golden.json" 2>/dev/null
done

while read -r boot golden cause; do
	lay_out "$boot"
	for lang in en ja; do
		{
			explain $lang management "$boot" "$golden"
			explain $lang operator "$boot" "$golden"
			explain $lang analyst "$boot" "$golden" \
				--last-good "$tmp/$golden"
		} >"$tmp/text"
		[ -z "${WRITE:-}" ] || cp "$tmp/text" "$want/$boot.$lang"
		none "$boot in $lang" "$(diff "$want/$boot.$lang" "$tmp/text" 2>&1)"
	done
	"$akashi" appraise "$tmp/$boot" --policy "$tmp/$golden.json" -o json \
		--explain analyst >"$tmp/json" 2>/dev/null
	if grep -qE "\"cause\":(\{\"id\":\")?${cause}[\",]" "$tmp/json"; then
		ok "$boot: $cause"
	else
		not_ok "$boot: not $cause"
	fi
done <<'END'
grub-sb-second grub-sb-golden null
grub-sb-initrd grub-sb-golden initrd.rebuild
grub-sb-cmdline grub-sb-golden cmdline.edit
grub-sb-kernel-old grub-sb-golden kernel.update
grub-sb-ram-size grub-sb-golden firmware.update
grub-sb-modified-tool grub-sb-golden file.changed
grub-sb-unexpected-exec grub-sb-golden file.new
grub-sb-log-behind grub-sb-golden evidence.altered
grub-nosb-chainload grub-sb-golden secure_boot.off
grub-nosb-no-eventlog grub-sb-golden evidence.missing
uki-initrd uki-golden initrd.rebuild
uki-cmdline uki-golden cmdline.edit
direct-kernel-cloud direct-golden kernel.update
direct-optionrom direct-golden option_rom
END

# usage NAME ARGUMENT...: refused as a usage error
usage() {
	if "$akashi" appraise "${@:2}" >"$tmp/out" 2>"$tmp/err"; then
		not_ok "$1: exit 0"
	elif [ $? = 2 ] && [ ! -s "$tmp/out" ]; then
		ok "$1"
	else
		not_ok "$1: another exit"
	fi
}
golden="$tmp/grub-sb-golden"
usage "another level" "$golden" --explain all
usage "a last good boot alone" "$golden" --last-good "$golden"
usage "a last good boot that is none" "$tmp/grub-sb-cmdline" \
	--policy "$golden.json" --explain operator \
	--last-good $vm/negatives/eventlog-digest-altered
usage "no evidence" "$tmp/grub-sb-cmdline" \
	--policy "$golden.json" --explain operator --last-good "$tmp"
tap_done
