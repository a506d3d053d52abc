/* SPDX-License-Identifier: Apache-2.0 */
#include "record/boots.h"

/* A part of offset 0 without a byte is as good as none. */
uint64_t
boots_ima_bytes(const struct verdict_row *v)
{
	return v->ima_start + v->ima_bytes;
}

bool
ima_pieces_add(struct ima_pieces *p, uint64_t start, struct span piece,
    uint64_t total, struct arena *a)
{
	if (start > p->list.n || piece.n > total || start > total - piece.n) {
		p->list = (struct span){NULL, 0};
		return true;
	}
	if (start == 0 && !p->own) {
		p->list = piece;
		return true;
	}
	if (!p->own) {
		p->own = arena_alloc(a, (size_t)total);
		if (!p->own)
			return false;
		memcpy(p->own, p->list.p, (size_t)start);
	}
	memcpy(p->own + start, piece.p, piece.n);
	p->list = span_of(p->own, (size_t)start + piece.n);
	return true;
}

static bool
there(const struct sha256 *named, struct span bytes)
{
	return sha256_none(named) || bytes.p;
}

void
boots_settle(const struct verdict_row *v, struct boot_evidence *out)
{
	out->kept = out->quote.attest.p && out->quote.signature.p &&
		    there(&v->pcrs, out->quote.pcrs) &&
		    there(&v->boot_log, out->boot_log) &&
		    there(&v->userspace_log, out->userspace_log) &&
		    out->ima.n == boots_ima_bytes(v);
	if (!out->kept)
		*out = (struct boot_evidence){0};
}
