/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/boot.h"

static rc
crypto(const struct evlog_event *ev, struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "events[%u]", ev->index);
}

/* Banks stand in the log's order. */
static rc
extend_event(const struct evlog *log, const struct evlog_event *ev,
    struct hasher *h, struct banks *banks, struct err *e)
{
	size_t k = 0;

	for (size_t i = 0; i < log->algs_n && k < banks->n; i++) {
		struct bank *bank = &banks->bank[k];
		if (log->algs[i].id != bank->alg)
			continue;
		k++;
		if (!ev->digests[i])
			continue;
		if (!rc_ok(hash_extend(
			h, bank->alg, bank->pcr[ev->pcr], ev->digests[i])))
			return crypto(ev, e);
		bank->touched |= 1u << ev->pcr;
	}
	return RC_OK;
}

rc
boot_extend(const struct evlog *log, size_t from, size_t to, struct hasher *h,
    struct banks *banks, struct err *e)
{
	for (size_t i = from; i < to; i++)
		if (evlog_extended(&log->events[i]))
			TRY(extend_event(log, &log->events[i], h, banks, e));
	return RC_OK;
}

/* Does the candidate hash to the event's digest in this bank? */
static rc
matches(const struct evlog *log, const struct evlog_event *ev, size_t alg,
    const struct uefi_hashed *of, size_t candidate, struct hasher *h, bool *out)
{
	static const uint8_t nul = 0;
	uint8_t digest[HASH_MAX];
	size_t tail = of->nul >> candidate & 1;

	TRY(hash_of2(h, log->algs[alg].id, of->try[candidate],
	    span_of(&nul, tail), digest));
	*out = memcmp(digest, ev->digests[alg], log->algs[alg].size) == 0;
	return RC_OK;
}

/* Find what the digests cover. The first bank picks the candidate, the others
 * must agree; where the first knows none, one known to another bank is a
 * split as well. */
static rc
bind_event(const struct evlog *log, const struct evlog_event *ev,
    const struct banks *banks, struct hasher *h, struct boot_event *out)
{
	struct uefi_hashed of = uefi_hashed(ev);
	size_t alg[LIMIT_BANKS];
	size_t n = 0;
	size_t c = 0;
	bool hit = false;

	for (size_t i = 0; i < log->algs_n; i++)
		if (ev->digests[i] && banks_get(banks, log->algs[i].id))
			alg[n++] = i;
	for (; n && c < of.n && !hit; c++)
		TRY(matches(log, ev, alg[0], &of, c, h, &hit));
	bool first = hit;
	for (size_t i = 1; i < n && first && hit; i++)
		TRY(matches(log, ev, alg[i], &of, c - 1, h, &hit));
	if (first) {
		*out = (struct boot_event){hit ? (uint8_t)c : 0, !hit};
		return RC_OK;
	}
	for (size_t i = 1; i < n && !hit; i++)
		for (c = 0; c < of.n && !hit; c++)
			TRY(matches(log, ev, alg[i], &of, c, h, &hit));
	*out = (struct boot_event){0, hit};
	return RC_OK;
}

/* No quote can select SM3: it is for display, where OpenSSL has it. */
static bool
wanted(const struct evlog_alg *alg, const struct pcr_selections *only,
    const struct hasher *h)
{
	return only ? pcr_selections_mask(only, alg->id) != 0
		    : hash_computable(h, alg->id);
}

rc
boot_replay(const struct evlog *log, const struct pcr_selections *only,
    struct hasher *h, struct arena *a, struct boot_replay *out, struct err *e)
{
	struct boot_event *events =
	    arena_array(a, log->events_n, sizeof(*events));

	if (!events)
		return err_at(e, ERR_MEMORY, NULL, "events");
	out->events = events;
	out->banks.n = 0;
	for (size_t i = 0; i < log->algs_n; i++)
		if (wanted(&log->algs[i], only, h))
			bank_init(&out->banks.bank[out->banks.n++],
			    log->algs[i].id, log->startup_locality);
	for (size_t i = 0; i < log->events_n; i++) {
		const struct evlog_event *ev = &log->events[i];
		if (!evlog_extended(ev))
			continue;
		TRY(extend_event(log, ev, h, &out->banks, e));
		if (!rc_ok(bind_event(log, ev, &out->banks, h, &events[i])))
			return crypto(ev, e);
	}
	return RC_OK;
}
