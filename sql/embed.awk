# SPDX-License-Identifier: Apache-2.0
# Turn numbered SQL files into C: a table of steps, each a list of lines,
# because a C11 string literal need not be longer than 4,095 bytes.
function name_of(path) {
	sub(/.*\//, "", path)
	sub(/\.sql$/, "", path)
	return path
}
FNR == 1 {
	if (n++)
		print "\tNULL,\n};"
	else
		print "/* Made from sql/ by embed.awk. */\n#include \"record/steps.h\"\n#include <stddef.h>\n"
	step[n] = name_of(FILENAME)
	print "static const char *const lines_" n "[] = {"
}
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	print "\t\"" $0 "\\n\","
}
END {
	print "\tNULL,\n};\n\nconst struct schema_step schema_steps[] = {"
	for (i = 1; i <= n; i++)
		print "\t{\"" step[i] "\", lines_" i "},"
	print "};\n\nconst int schema_steps_n = " n ";"
}
