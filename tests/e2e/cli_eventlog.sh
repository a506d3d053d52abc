#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi eventlog: exit codes, streams, and what its two forms print.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/cli.sh
cli=(--lang en eventlog)
golden=$vm/boots/grub-sb-golden/eventlog.bin

run 0 "a log" "$golden"
silent err
says out "= kernel command line: /boot/vmlinuz-6.1.0 root=LABEL=root"
says out "~ GRUB read (hd0,gpt1)/EFI/debian/grub.cfg"
says out "~ shim loaded GRUB from \EFI\BOOT\grubx64.efi"
says out "   7  75677db6f14082d3bfec4d14bdd75c8d72612ef6914ca99cd5a5997b7a21309d"
cp "$tmp/out" "$tmp/table"
run 0 "-o table is the default" -o table "$golden"
none "the same output" "$(cmp "$tmp/out" "$tmp/table" 2>&1)"

run 0 "-o json" -o json "$golden"
silent err
json '.format == "agile"'
json '.banks == ["sha1", "sha256", "sha384"]'
json '.events | length == 57'
json '[.events[].index] == [range(57)]'
json '.events[0].type_name == "EV_NO_ACTION" and (.events[0].bound | not)'
json '.events[4].text == "SecureBoot = 01" and .events[4].bound'
json '.events[4].digests | keys == ["sha1", "sha256", "sha384"]'
json '.events[4].meaning == "Secure Boot is on"'
json '.events[7].facts.entries | length == 2'
json '.events[7].facts.entries[1].subject | endswith("CN=Microsoft Corporation UEFI CA 2011")'
json '.events[9].data == "00000000" and .events[9].facts.state == "normal"'
json '.events[51].facts.kind == "kernel_cmdline"'
json '.events[35].bound | not'
json '.pcrs.sha256 | keys | length == 11'
json '.pcrs.sha1["14"] == "58b61026354cf9f00ebdf559d8ed0a9bc3166bd3"'
json '.incomplete == [] and .quirks == ["shim_label"] and (has("error") | not)'

json '.profile == "pc" and .not_computed == []'
json '[.events[] | select(.covers == "value")] == [.events[10, 11, 12, 13]] and (.events[11].bound | not)'
json '.events[51].covers == "all" and .events[35].covers == "none"'

run 0 "--output json" --output json "$golden"
"$akashi" --lang en eventlog -o json - <"$golden" >"$tmp/stdin"
none "standard input gives the same" "$(cmp "$tmp/stdin" "$tmp/out" 2>&1)"

cli=(--lang ja eventlog)
run 0 "in Japanese" "$golden"
cli=(--lang en eventlog)
says out "セキュアブートは有効"
run 1 "a log cut inside an event" "$vm/negatives/eventlog-truncated-mid-event/eventlog.bin"
says err "[log.truncated events[21]]"
says out "   20   5  EV_SEPARATOR"
run 1 "the same in JSON" -o json "$vm/negatives/eventlog-truncated-mid-event/eventlog.bin"
json '.error.code == "log.truncated" and .error.path == "events[21]"'
json '.events | length == 21'
cat "$golden" "$vm/boots/uki-golden/eventlog.bin" >"$tmp/two"
run 0 "two logs, as after hibernation" -o json "$tmp/two"
json '.logs == 2 and (.events | length == 37)'
run 1 "an empty log" "$vm/negatives/eventlog-empty/eventlog.bin"
says err "[log.no_events"
run 1 "no log at all" "tests/e2e/cli_eventlog.sh"
says err "[log.format"
head -c 16777217 /dev/zero >"$tmp/large"
run 1 "more than 16 MiB" "$tmp/large"
says err "[log.too_large"
run 1 "more than 16 MiB from a pipe" - < <(cat "$tmp/large")
says err "[log.too_large"
run 0 "a log without its command line bound" -o json \
	"$vm/negatives/eventlog-data-altered-cmdline/eventlog.bin"
json '[.events[] | select(.pcr == 8 and (.bound | not))] | length == 1'

# The Spec ID record of a confidential guest stands in register 1.
{
	printf '\001'
	tail -c +2 "$golden"
} >"$tmp/cc"
run 0 "a log of a PC, as asked" --profile pc "$golden"
run 1 "a log of a PC, asked for the other" --profile cc "$golden"
says err "[log.profile"
says out "Secure Boot is on"
run 0 "a log of a confidential guest" --profile cc -o json "$tmp/cc"
json '.profile == "cc"'
run 1 "the same, asked for the other" --profile pc "$tmp/cc"
says err "[log.profile"
says out "crypto-agile log of a confidential guest"
run 2 "a profile that there is not" --profile tdx "$golden"

run 2 "no file" "$tmp/absent"
says err "absent"
silent out
run 2 "a folder" "$tmp"
run 2 "no operand"
run 2 "two operands" "$golden" "$golden"
run 2 "an unknown option" --frobnicate "$golden"
run 2 "an unknown form" -o yaml "$golden"
run 2 "a form that is not for logs" -o text "$golden"
run 2 "an option without its argument" "$golden" -o
run 0 "--help" --help
says out "Usage: akashi eventlog"
"$akashi" eventlog "$golden" >/dev/full 2>"$tmp/err"
code=$?
if [ "$code" = 5 ]; then
	ok "a full disk: exit 5"
else
	not_ok "a full disk: exit $code"
fi
tap_done
