/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/evidence_dir.h"

#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMBER(m) offsetof(struct evidence_files, m)

const struct evidence_part evidence_parts[EVIDENCE_PARTS] = {
    {"quote.msg", MEMBER(ev.attest), true},
    {"quote.sig", MEMBER(ev.signature), true},
    {"ak.pub", MEMBER(ev.ak_pub), true},
    {"nonce.bin", MEMBER(nonce), false},
    {"eventlog.bin", MEMBER(ev.eventlog), false},
    {"ima.bin", MEMBER(ev.ima), false},
    {"userspace.log", MEMBER(ev.userspace), false},
    {"ek.pub", MEMBER(ev.ek_pub), false},
    {"ekcert.der", MEMBER(ev.ek_cert), false},
    {"pcrs.bin", MEMBER(ev.pcrs), false},
};

rc
evidence_part_load(struct cli *c, const char *named, const char *dir,
    const struct evidence_part *part, struct span *out, struct err *e)
{
	const char *path = named;

	if (!named && !dir)
		return part->required ? err_text(e, ERR_FILE, part->name,
					    "%s is needed: give DIR or name "
					    "the file.",
					    part->name)
				      : RC_OK;
	if (!named)
		path = arena_printf(&c->arena, "%s/%s", dir, part->name);
	if (!path)
		return err_at(e, ERR_MEMORY, NULL, "%s", part->name);
	if (!named && !part->required && access(path, F_OK) != 0)
		return RC_OK;
	return cli_read(c, path, SIZE_MAX, out, e);
}

bool
evidence_marked(struct cli *c, const char *named, const char *dir)
{
	const char *path = named;
	struct stat st;

	if (!named && dir)
		path = arena_printf(&c->arena, "%s/userspace.log", dir);
	return path && stat(path, &st) == 0 && (st.st_mode & S_ISVTX);
}

rc
evidence_selection_load(struct cli *c, const char *text, const char *dir,
    struct evidence_files *out, struct err *e)
{
	static const struct evidence_part part = {"pcrsel.txt", 0, false};
	struct span s = {NULL, 0};

	if (text)
		s = span_str(text);
	else if (dir)
		TRY(evidence_part_load(c, NULL, dir, &part, &s, e));
	if (!s.p)
		return RC_OK;
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	if (!rc_ok(pcr_selections_parse(s, &out->asked, e)))
		return err_at(e, ERR_USAGE,
		    "A PCR selection is written as sha256:0,1,2+sha1:10.", "%s",
		    part.name);
	out->asked_given = true;
	return RC_OK;
}

rc
evidence_dir_load(
    struct cli *c, const char *dir, struct evidence_files *out, struct err *e)
{
	*out = (struct evidence_files){0};
	for (size_t i = 0; i < EVIDENCE_PARTS; i++) {
		const struct evidence_part *part = &evidence_parts[i];
		struct span *to =
		    (struct span *)(void *)((char *)out + part->member);
		TRY(evidence_part_load(c, NULL, dir, part, to, e));
	}
	out->ev.userspace_incomplete = evidence_marked(c, NULL, dir);
	return evidence_selection_load(c, NULL, dir, out, e);
}
