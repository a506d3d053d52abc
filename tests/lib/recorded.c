/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/recorded.h"

#include "appraise/learn.h"
#include "base/text.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
die(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s %s %s\n", what, err_name(e->code), e->path,
	    e->text);
	exit(99);
}

struct span
recorded_optional(struct arena *a, const char *path)
{
	const char *top = getenv("SRCDIR");
	char full[1024];

	snprintf(full, sizeof(full), "%s/%s", top ? top : AKASHI_SRCDIR, path);
	if (access(full, F_OK) != 0)
		return span_of(NULL, 0);
	return tap_file(a, path);
}

/* --- evidence --------------------------------------------------------- */

static struct span
trimmed(struct span s)
{
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' '))
		s.n--;
	return s;
}

static void
parse_asked(struct span text, struct recorded *r)
{
	struct err e;

	if (!rc_ok(pcr_selections_parse(trimmed(text), &r->asked, &e)))
		die("pcrsel", &e);
}

struct recorded
recorded_negative(struct arena *a, const char *name)
{
	const struct {
		const char *file;
		size_t member;
	} parts[] = {
	    {"quote.msg", offsetof(struct recorded, ev.attest)},
	    {"quote.sig", offsetof(struct recorded, ev.signature)},
	    {"ak.pub", offsetof(struct recorded, ev.ak_pub)},
	    {"eventlog.bin", offsetof(struct recorded, ev.eventlog)},
	    {"ima.bin", offsetof(struct recorded, ev.ima)},
	    {"ekcert.der", offsetof(struct recorded, ev.ek_cert)},
	    {"nonce.bin", offsetof(struct recorded, nonce)},
	    {"ca.pem", offsetof(struct recorded, ca)},
	};
	struct recorded r = {0};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct span *to =
		    (struct span *)(void *)((char *)&r + parts[i].member);
		*to = recorded_optional(a,
		    arena_printf(a, VM "negatives/%s/%s", name, parts[i].file));
	}
	parse_asked(
	    tap_file(a, arena_printf(a, VM "negatives/%s/pcrsel.txt", name)),
	    &r);
	return r;
}

static struct span
boot_file(struct arena *a, const char *boot, const char *quote, const char *end)
{
	return recorded_optional(
	    a, arena_printf(a, VM "boots/%s/%s%s", boot, quote, end));
}

struct recorded
recorded_boot(struct arena *a, const char *boot, const char *quote)
{
	struct span ak = trimmed(boot_file(a, boot, quote, ".ak"));
	struct recorded r = {
	    .ev.attest = boot_file(a, boot, quote, ".msg"),
	    .ev.signature = boot_file(a, boot, quote, ".sig"),
	    .ev.eventlog = boot_file(a, boot, "eventlog.bin", ""),
	    .ev.ima = boot_file(a, boot, "ima.bin", ""),
	    .nonce = boot_file(a, boot, quote, ".nonce"),
	};

	r.ev.ak_pub = boot_file(a, boot,
	    arena_printf(a, "ak-%.*s", (int)ak.n, (const char *)ak.p), ".pub");
	parse_asked(boot_file(a, boot, quote, ".pcrsel"), &r);
	return r;
}

/* --- PCR values ------------------------------------------------------- */

static void
pcrread_line(const char *line, struct banks *out)
{
	struct bank *b = out->n ? &out->bank[out->n - 1] : NULL;
	char name[16], hex[160];
	unsigned pcr;

	if (b && sscanf(line, " %u : 0x%159[0-9A-Fa-f]", &pcr, hex) == 2 &&
	    pcr < LIMIT_PCRS &&
	    rc_ok(hex_decode(
		span_str(hex), b->pcr[pcr], hash_by_id(b->alg)->size))) {
		b->touched |= 1u << pcr;
	} else if (sscanf(line, " %15[a-z0-9]:", name) == 1 &&
		   hash_by_name(span_str(name))) {
		/* a bank that is not allocated has a name and no values */
		if (!b || b->touched)
			b = &out->bank[out->n++];
		b->alg = hash_by_name(span_str(name))->id;
	}
}

struct banks
recorded_pcrs(struct arena *a, const char *below)
{
	struct banks out = {.n = 0};
	struct span text =
	    tap_file(a, arena_printf(a, VM "%s/pcrs.yaml", below));
	char line[256];

	while (text.n) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) + 1 : text.n;
		snprintf(
		    line, sizeof(line), "%.*s", (int)n, (const char *)text.p);
		pcrread_line(line, &out);
		text = span_of(text.p + n, text.n - n);
	}
	if (out.n && !out.bank[out.n - 1].touched)
		out.n--;
	return out;
}

struct span
recorded_values(
    struct arena *a, const char *below, const struct pcr_selections *selection)
{
	struct banks banks = recorded_pcrs(a, below);
	uint8_t *out =
	    arena_alloc(a, (size_t)LIMIT_BANKS * LIMIT_PCRS * HASH_MAX);
	size_t n = 0;

	for (size_t i = 0; out && i < selection->n; i++) {
		const struct bank *b =
		    banks_get(&banks, selection->bank[i].alg);
		for (unsigned p = 0; b && p < LIMIT_PCRS; p++) {
			size_t size = hash_by_id(b->alg)->size;
			if (!(selection->bank[i].mask & 1u << p))
				continue;
			memcpy(out + n, b->pcr[p], size);
			n += size;
		}
	}
	return span_of(out, n);
}

/* --- policy ----------------------------------------------------------- */

struct attest_context
recorded_context(const struct recorded *r, const struct policy *p)
{
	return (struct attest_context){
	    .nonce = r->nonce,
	    .nonce_given = r->nonce.p != NULL,
	    .asked = &r->asked,
	    .policy = p,
	    .now = RECORDED_AT,
	};
}

static struct policy *
learn(struct arena *a, const struct golden *golden)
{
	const struct span allow[] = {
	    tap_file(a, VM "common/allowlist-initrd-golden.sha256"),
	    tap_file(a, VM "common/allowlist-initrd-debian.sha256"),
	    tap_file(a, VM "common/allowlist-root.sha256"),
	    tap_file(a, VM "common/allowlist-root-systemd.sha256"),
	};
	/* What systemd writes at run time differs from boot to boot. */
	static const char *const exclude[] = {"/etc/machine-id", "/*/etc/fstab",
	    "/var/lib/systemd/random-seed", "/var/log/journal/**"};
	const struct learn_options o = {
	    .name = golden->source,
	    .ima_allow = allow,
	    .ima_allow_n = 4,
	    .ima_exclude = exclude,
	    .ima_exclude_n = 4,
	};
	struct learn_note *notes = NULL;
	struct policy *p = NULL;
	struct buf json = {0};
	struct err e;

	if (!rc_ok(policy_learn(golden, 1, &o, a, &json, &notes, &e)) ||
	    !rc_ok(policy_decode(buf_span(&json), &p, &e)))
		die("learn", &e);
	buf_free(&json);
	return p;
}

struct policy *
recorded_policy(struct hasher *h, const char *boot, const char *quote)
{
	struct arena a;
	arena_init(&a, (size_t)256 << 20);
	struct recorded r = recorded_boot(&a, boot, quote);
	struct attest_context ctx = recorded_context(&r, NULL);
	struct verdict *v = arena_alloc(&a, sizeof(*v));
	struct attest_facts *facts = arena_alloc(&a, sizeof(*facts));
	struct err e;

	if (!v || !facts ||
	    !rc_ok(attest_evidence(&r.ev, &ctx, h, &a, v, facts, &e)))
		die(boot, &e);
	const struct golden golden = {
	    .boot = attest_boot_facts(facts, h),
	    .ima = facts->ima_ok ? span_of(r.ev.ima.p, facts->ima.bytes)
				 : span_of(NULL, 0),
	    .source = boot,
	};
	struct policy *p = learn(&a, &golden);
	arena_free(&a);
	return p;
}
