/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/submission.h"

enum {
	KINDS = PART_CHALLENGE + 1,
	/* A challenge is some 200 characters of base64url. */
	CHALLENGE_MAX = 512,
	/* Every PCR of every bank, with the largest hash. */
	PCRS_MAX = LIMIT_BANKS * LIMIT_PCRS * 64,
	IMA_HEAD = 8,
};

/* What each kind may be; kind 0 does not exist. */
static const struct {
	const char *name;
	size_t least, most;
	bool required;
	size_t offset; /* of its span in struct submission */
} parts[KINDS] = {
    [PART_ATTEST] = {"attest", 1, LIMIT_ATTEST, true,
	offsetof(struct submission, attest)},
    [PART_SIGNATURE] = {"signature", 1, LIMIT_SIGNATURE, true,
	offsetof(struct submission, signature)},
    [PART_EVENTLOG] = {"boot_log", 0, LIMIT_EVENTLOG, false,
	offsetof(struct submission, eventlog)},
    [PART_EVENTLOG_HASH] = {"boot_log_sha256", 32, 32, false,
	offsetof(struct submission, eventlog_hash)},
    [PART_IMA] = {"ima", IMA_HEAD, LIMIT_IMA, false,
	offsetof(struct submission, ima)},
    [PART_USERSPACE] = {"userspace_log", 0, LIMIT_EVENTLOG, false,
	offsetof(struct submission, userspace)},
    [PART_CERTIFICATE] = {"certificate", 1, LIMIT_CERT, false, 0},
    [PART_PCRS] = {"pcr_values", 1, PCRS_MAX, false,
	offsetof(struct submission, pcrs)},
    [PART_CHALLENGE] = {"challenge", 1, CHALLENGE_MAX, true,
	offsetof(struct submission, challenge)},
};

static rc
keep_certificate(
    struct submission *out, struct span bytes, size_t i, struct err *e)
{
	if (out->ncerts == LIMIT_CERTS)
		return err_text(e, ERR_FRAME_FORMAT, "parts",
		    "Part %zu: more than %d certificates.", i, LIMIT_CERTS);
	out->cert[out->ncerts++] = bytes;
	return RC_OK;
}

static rc
keep_part(struct submission *out, unsigned kind, struct span bytes, size_t i,
    struct err *e)
{
	struct span *at =
	    (struct span *)(void *)((char *)out + parts[kind].offset);

	if (bytes.n < parts[kind].least || bytes.n > parts[kind].most)
		return err_at(e, ERR_FRAME_FORMAT,
		    "The part is shorter or longer than its kind may be.",
		    "parts[%zu].length", i);
	if (kind == PART_CERTIFICATE)
		return keep_certificate(out, bytes, i, e);
	if (at->p)
		return err_at(e, ERR_FRAME_DUPLICATE, NULL, "parts[%zu]", i);
	if (kind == PART_IMA) {
		struct rd in = rd_over(bytes);
		out->ima_offset = rd_u64le(&in);
		bytes = span_of(bytes.p + IMA_HEAD, bytes.n - IMA_HEAD);
	}
	*at = bytes;
	return RC_OK;
}

static unsigned
allowed_flags(unsigned kind)
{
	if (kind == PART_IMA)
		return SUBMISSION_BIG_ENDIAN;
	return kind == PART_USERSPACE ? SUBMISSION_INCOMPLETE : 0;
}

static rc
read_part(struct rd *in, struct submission *out, size_t i, struct err *e)
{
	unsigned kind = rd_u16le(in);
	unsigned flags = rd_u16le(in);
	struct span bytes = rd_bytes(in, rd_u32le(in));

	if (!rd_ok(in))
		return err_at(e, ERR_FRAME_FORMAT,
		    "The body ends inside a part.", "parts[%zu]", i);
	if (kind == 0 || kind >= KINDS)
		return err_at(e, ERR_FRAME_KIND, NULL, "parts[%zu].kind", i);
	if (flags & ~allowed_flags(kind))
		return err_at(e, ERR_FRAME_FORMAT,
		    "The part has a flag that its kind does not have.",
		    "parts[%zu].flags", i);
	if (kind == PART_IMA)
		out->ima_big_endian = flags & SUBMISSION_BIG_ENDIAN;
	if (kind == PART_USERSPACE)
		out->userspace_incomplete = flags & SUBMISSION_INCOMPLETE;
	return keep_part(out, kind, bytes, i, e);
}

static rc
check_complete(const struct submission *s, struct err *e)
{
	for (unsigned k = 1; k < KINDS; k++) {
		const struct span *at =
		    (const struct span *)(const void *)((const char *)s +
							parts[k].offset);
		if (parts[k].required && !at->p)
			return err_at(
			    e, ERR_FRAME_MISSING, NULL, "%s", parts[k].name);
	}
	if (s->eventlog.p && s->eventlog_hash.p)
		return err_at(e, ERR_FRAME_FORMAT,
		    "The boot log and its hash exclude each other.",
		    "boot_log_sha256");
	return RC_OK;
}

rc
submission_decode(struct span body, struct submission *out, struct err *e)
{
	struct rd in = rd_over(body);
	struct submission s = {0};
	struct span magic = rd_bytes(&in, sizeof(SUBMISSION_MAGIC) - 1);

	if (!rd_ok(&in) || !span_eq(magic, span_str(SUBMISSION_MAGIC)))
		return err_at(e, ERR_FRAME_FORMAT,
		    "The body does not start with " SUBMISSION_MAGIC ".",
		    "magic");
	for (size_t i = 0; rd_left(&in); i++)
		TRY(read_part(&in, &s, i, e));
	TRY(check_complete(&s, e));
	*out = s;
	return RC_OK;
}
