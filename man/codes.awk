# SPDX-License-Identifier: Apache-2.0
# akashi-codes(7) from the tables that awk is given: src/base/err.def,
# src/appraise/limits.def, src/appraise/advisories.def, src/appraise/cause.def.
BEGIN {
	class["TAMPER"] = "tamper-suspected"
	class["CHANGE"] = "unapproved-change"
	class["MISCONFIG"] = "misconfiguration"
	class["UNKNOWN"] = "unknown-measurement"
	class["PROTOCOL"] = "protocol-error"
	class["STALE"] = "stale"
	class["NOPOLICY"] = "no-policy"
	class["OPERATOR"] = "operator-error"
	class["OURS"] = "verifier-error"
	effect["NONE"] = "no effect on a result"
	effect["WARN"] = "warn"
	effect["FAIL"] = "fail"
	effect["REJECT"] = "reject"
	effect["UNKNOWN"] = "no result (unknown)"
	print ".\\\" SPDX-License-Identifier: Apache-2.0"
	print ".\\\" Made by man/codes.awk from src/base/err.def and others."
	print ".Dd November 20, 2026"
	print ".Dt AKASHI-CODES 7"
	print ".Os"
	print ".Sh NAME"
	print ".Nm akashi-codes"
	print ".Nd reason and error codes of Akashi"
	print ".Sh DESCRIPTION"
	print "Every reason in a verdict and every error carries one of these codes."
	print "A code never changes its meaning and is never used again."
	print "Each entry gives its class, what it does to the result of an"
	print "appraisal, and the HTTP status when it answers a request."
	print ".Nm akashi Cm explain Ar CODE"
	print "prints one entry."
	print ".Pp"
	print "Codes of the class verifier-error are errors of the verifier itself:"
	print "they never say anything about a node, and no verdict is recorded."
}

/^\/\* --- .* -+ \*\/$/ {
	title = $0
	sub(/^\/\* --- /, "", title)
	sub(/ -+ \*\/$/, "", title)
	if (open)
		print ".El"
	print ".Ss " title
	print ".Bl -tag -width Ds"
	open = 1
	next
}

/^X\(/ {
	n = split($0, part, "\"")
	split(part[3], word, /, */)
	if (n != 7 || !(word[2] in class) || !(word[3] in effect)) {
		print "codes.awk: cannot read: " $0 > "/dev/stderr"
		exit 1
	}
	print ".It Li " part[2]
	print class[word[2]] "; " effect[word[3]] "; HTTP " word[4] "."
	print ".br"
	gsub(/\. /, ".\n", part[4])
	print part[4]
	print ".br"
	print part[6]
}

function section(title, text) {
	print ".El"
	print ".Ss " title
	print text
	print ".Bl -tag -width Ds"
}

# L("limit.relay", D | F | V, "English.", "Japanese.")
/^L\(/ {
	if (split($0, part, "\"") != 7) {
		print "codes.awk: cannot read: " $0 > "/dev/stderr"
		exit 1
	}
	if (!limits++)
		section("limits", "What no verdict can show, told with each one by the class of the TPM.")
	classes = part[3]
	gsub(/[ ,|]/, "", classes)
	gsub(/D/, "discrete ", classes)
	gsub(/F/, "firmware ", classes)
	gsub(/V/, "virtual ", classes)
	sub(/ $/, "", classes)
	gsub(/ /, ", ", classes)
	print ".It Li " part[2]
	print classes " and unknown roots of trust."
	print ".br"
	print part[4]
	print ".br"
	print part[6]
}

# A("CVE-2019-16863", STM, V(71, 0, 0, 0), V(71, 16, 0, 0), 0, "what", "source")
/^A\(/ {
	if (split($0, part, "\"") != 7) {
		print "codes.awk: cannot read: " $0 > "/dev/stderr"
		exit 1
	}
	if (!advisories++)
		section("TPM firmware with published flaws", "What tpm.advisory names: versions from the first on, before the second.")
	range = part[3]
	split(range, v, /V\(|\)/)
	maker = v[1]
	gsub(/[ ,]/, "", maker)
	gsub(/, /, ".", v[2])
	gsub(/, /, ".", v[4])
	print ".It Li " part[2]
	print maker " " v[2] " to " v[4] (v[5] ~ /1/ ? ", physical access" : "") "."
	print part[4] "; see " part[6] "."
}

# C(ID, "name", …, "title", "題", "rule.", "規則。", "sentence.", "文。")
/^C\(/ {
	if (split($0, part, "\"") != 15) {
		print "codes.awk: cannot read: " $0 > "/dev/stderr"
		exit 1
	}
	if (!causes++)
		section("likely causes", "What an explanation names as the likely cause of a verdict that did not pass:\nthe first of these rules that any of the gravest reasons meets.\nFurther ones that the first does not account for are named beside it.\nThe rules also read labels that no digest binds, such as names of files: a cause\nis a help for people and never changes a verdict.")
	print ".It Li " part[2]
	for (i = 4; i <= 14; i += 2) {
		gsub(/\. /, ".\n", part[i])
		if (i > 4)
			print ".br"
		print part[i]
	}
}

END {
	print ".El"
	print ".Sh SEE ALSO"
	print ".Xr akashi 1 ,"
	print ".Xr akashid 8"
}
