#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reference sets as files, and lists of declared byte order: a policy that names
# a set passes with it alone, and never without.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/cli.sh

# holds NAME COMMAND...
holds() {
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}

lay_out grub-sb-golden
lay_out grub-sb-second
lay_out grub-sb-modified-tool

# --- made of lists -----------------------------------------------------------
lists=(tests/vectors/vm/common/allowlist-*.sha256)
mkdir "$tmp/sets"
run 0 "a set of four lists" refset make "${lists[@]}"
cp "$tmp/out" "$tmp/sets/distribution"
holds "in order" sort -c "$tmp/sets/distribution"
hash=$(sha256sum "$tmp/sets/distribution" | cut -d' ' -f1)
run 0 "a set of a set is itself" refset make "$tmp/sets/distribution"
holds "same bytes" cmp -s "$tmp/out" "$tmp/sets/distribution"

# --- a policy that names it --------------------------------------------------
run 0 "learn with a set" policy learn "$tmp/grub-sb-golden" --name sets \
	--refset "$tmp/sets/distribution"
cp "$tmp/out" "$tmp/sets.json"
says out "\"refset\": \"sha256:$hash\""
run 0 "learn without" policy learn "$tmp/grub-sb-golden" --name plain
listed() { grep -c '"sha256:.* /' "$1"; }
with=$(listed "$tmp/sets.json")
without=$(listed "$tmp/out")
holds "$with files listed, not $without" test "$with" -lt "$without"

run 0 "with its set" appraise "$tmp/grub-sb-second" --policy "$tmp/sets.json" \
	--refset "$tmp/sets/distribution"
run 0 "with a folder of sets" appraise "$tmp/grub-sb-second" \
	--policy "$tmp/sets.json" --refset "$tmp/sets"
run 1 "a changed tool" appraise "$tmp/grub-sb-modified-tool" \
	--policy "$tmp/sets.json" --refset "$tmp/sets"
says out "ima.changed_file"
run 3 "without its set" appraise "$tmp/grub-sb-second" --policy "$tmp/sets.json"
says out "policy.refset_missing"
sed '$d' "$tmp/sets/distribution" >"$tmp/other"
run 3 "with another set" appraise "$tmp/grub-sb-second" \
	--policy "$tmp/sets.json" --refset "$tmp/other"
says out "sha256:$hash"
run 0 "check without" policy check "$tmp/sets.json"
says err "dead.ima_refset"
run 0 "check with" policy check "$tmp/sets.json" --refset "$tmp/sets"
holds "asks no more" test "$(grep -c dead.ima_refset "$tmp/err")" = 0

# --- what is no set ----------------------------------------------------------
tac "$tmp/sets/distribution" >"$tmp/backwards"
run 2 "backwards" appraise "$tmp/grub-sb-second" --policy "$tmp/sets.json" \
	--refset "$tmp/backwards"
says err "refset.format"
says err "lines[2]"
run 2 "no such file" appraise "$tmp/grub-sb-second" --policy "$tmp/sets.json" \
	--refset "$tmp/nowhere"

# --- denied ------------------------------------------------------------------
bash=$(grep -m1 ' /usr/bin/bash$' "$tmp/sets/distribution" | cut -d' ' -f1)
echo "$bash" >"$tmp/sets/bad"
bad=$(sha256sum "$tmp/sets/bad" | cut -d' ' -f1)
sed "s|\"allow\": \[|\"deny\": [{\"refset\": \"sha256:$bad\", \"name\": \"bad\"}], &|" \
	"$tmp/sets.json" >"$tmp/denied.json"
run 1 "a denied digest" appraise "$tmp/grub-sb-second" \
	--policy "$tmp/denied.json" --refset "$tmp/sets"
says out "ima.denied"

# --- a list of declared byte order -------------------------------------------
cp "$tmp/grub-sb-golden/ima.bin" "$tmp/little"
run 0 "as it is" ima "$tmp/little"
run 1 "declared big-endian, and it is not" ima --ima-big-endian "$tmp/little"
says err "declared big-endian"
python3 - "$tmp/little" "$tmp/big" <<'END'
import hashlib, struct, sys
data, out, at = open(sys.argv[1], 'rb').read(), b'', 0
def take(n):
    global at
    at += n
    return data[at - n:at]
def number():
    return struct.unpack('<I', take(4))[0]
while at < len(data):
    pcr, _ = number(), take(20)
    name = take(number())
    end = number() + at
    fields = b''
    while at < end:
        field = take(number())
        fields += struct.pack('>I', len(field)) + field
    out += struct.pack('>I', pcr) + hashlib.sha1(fields).digest()
    out += struct.pack('>I', len(name)) + name
    out += struct.pack('>I', len(fields)) + fields
open(sys.argv[2], 'wb').write(out)
END
run 1 "big-endian, not declared" ima "$tmp/big"
says err "--ima-big-endian"
run 0 "big-endian, declared" ima --ima-big-endian "$tmp/big"
says out "200"
run 1 "and judged as declared" appraise "$tmp/grub-sb-golden" \
	--ima "$tmp/big" --ima-big-endian --policy "$tmp/sets.json" \
	--refset "$tmp/sets"
says out "ima.replay"
tap_done
