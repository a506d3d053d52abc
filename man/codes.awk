# SPDX-License-Identifier: Apache-2.0
# akashi-codes(7) from src/base/err.def: awk -f man/codes.awk src/base/err.def
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
	print ".\\\" Made by man/codes.awk from src/base/err.def."
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

END {
	print ".El"
	print ".Sh SEE ALSO"
	print ".Xr akashi 1 ,"
	print ".Xr akashid 8"
}
