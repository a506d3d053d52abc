/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/cel.h"

#include "decode/uefi.h"
#include "decode/userspace.h"

/* The gravest refusal, the first among equals, kept while the rest is
 * replayed. */
struct verdict {
	rc r;
	bool launched;
};

static rc
crypto(const struct cel_record *rec, struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "events[%u]", rec->index);
}

static rc
extend(const struct cel_record *rec, struct hasher *h, struct banks *banks,
    struct err *e)
{
	for (size_t i = 0; i < rec->digests_n; i++) {
		const struct cel_digest *d = &rec->digests[i];
		struct bank *bank = banks_find(banks, d->alg->id);
		if (!bank)
			continue;
		if (!rc_ok(hash_extend(
			h, bank->alg, bank->pcr[rec->where], d->bytes)))
			return crypto(rec, e);
		bank->touched |= 1u << rec->where;
	}
	return RC_OK;
}

/* Every digest of a replayed bank is that of data, with a NUL where asked. */
static rc
covers(const struct cel_record *rec, const struct banks *banks,
    struct span data, bool nul, struct hasher *h, bool *out)
{
	static const uint8_t zero = 0;
	uint8_t digest[HASH_MAX];
	size_t compared = 0;

	*out = false;
	for (size_t i = 0; i < rec->digests_n; i++) {
		const struct cel_digest *d = &rec->digests[i];
		if (!banks_get(banks, d->alg->id))
			continue;
		TRY(hash_of2(h, d->alg->id, data, span_of(&zero, nul), digest));
		if (memcmp(digest, d->bytes, d->alg->size) != 0)
			return RC_OK;
		compared++;
	}
	*out = compared > 0;
	return RC_OK;
}

/* What the digests may cover by the record's type. */
static struct uefi_hashed
candidates(const struct cel_record *rec)
{
	struct evlog_event ev = cel_as_event(rec);
	struct uefi_hashed none = {.n = 0};
	const struct cel_field *f = NULL;

	if (rec->type == CEL_TYPE_PCCLIENT)
		return uefi_hashed(&ev);
	if (rec->type == CEL_TYPE_COS)
		return (struct uefi_hashed){.n = 1, .try = {rec->content}};
	if (rec->type == CEL_TYPE_IMA_TEMPLATE)
		f = cel_field(rec, "template_data");
	else if (userspace_string_measured(rec))
		f = cel_field(rec, "string");
	return f ? (struct uefi_hashed){.n = 1, .try = {f->bytes}} : none;
}

static rc
bind(const struct cel_record *rec, const struct banks *banks, struct hasher *h,
    bool *out, struct err *e)
{
	struct uefi_hashed of = candidates(rec);
	bool hit = false;

	for (size_t i = 0; i < of.n && !hit; i++)
		if (!rc_ok(covers(
			rec, banks, of.try[i], of.nul >> i & 1, h, &hit)))
			return crypto(rec, e);
	*out = hit;
	return RC_OK;
}

/* A bank that was not asked for says nothing about the content. */
static bool
compared(const struct cel_record *rec, const struct banks *banks)
{
	for (size_t i = 0; i < rec->digests_n; i++)
		if (banks_get(banks, rec->digests[i].alg->id))
			return true;
	return false;
}

static rc
judge(const struct cel_record *rec, bool comparable, bool bound,
    struct verdict *v, struct err *e)
{
	enum err_code code = ERR_OK;

	if (rec->type == CEL_TYPE_COS && v->launched)
		code = ERR_CEL_AFTER_LAUNCH;
	v->launched |=
	    rec->type == CEL_TYPE_COS && rec->event == CEL_COS_LAUNCH_SEPARATOR;
	if (comparable && !bound && rec->type == CEL_TYPE_COS)
		code = ERR_CEL_DIGEST_DATA;
	if (comparable && !bound && userspace_string_measured(rec))
		code = ERR_USERSPACE_DIGEST;
	return code == ERR_OK ? RC_OK
			      : err_at(e, code, NULL, "events[%u]", rec->index);
}

static bool
graver(rc r, rc than)
{
	return err_effect(r.code) == EFF_REJECT &&
	       err_effect(than.code) != EFF_REJECT;
}

rc
cel_replay(const struct cel_log *log, const struct pcr_selections *only,
    struct hasher *h, struct arena *a, struct cel_replay *out, struct err *e)
{
	struct verdict v = {RC_OK, false};

	out->banks.n = 0;
	out->bound = arena_array(a, log->records_n, sizeof(*out->bound));
	if (!out->bound)
		return err_at(e, ERR_MEMORY, NULL, "events");
	for (size_t i = 0; i < log->algs_n; i++)
		if (!only || pcr_selections_mask(only, log->algs[i]->id))
			bank_init(&out->banks.bank[out->banks.n++],
			    log->algs[i]->id, 0);
	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		if (!cel_extended(rec))
			continue;
		if (!rec->nv)
			TRY(extend(rec, h, &out->banks, e));
		TRY(bind(rec, &out->banks, h, &out->bound[i], e));
		struct err fault;
		rc r = judge(
		    rec, compared(rec, &out->banks), out->bound[i], &v, &fault);
		if (rc_ok(r) || (!rc_ok(v.r) && !graver(r, v.r)))
			continue;
		v.r = r;
		if (e)
			*e = fault;
	}
	return v.r;
}
