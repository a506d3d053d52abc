/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/derived.h"
#include "akashi/evidence_dir.h"
#include "akashi/explanation_text.h"
#include "akashi/refsets.h"
#include "appraise/limits.h"
#include "base/clock.h"
#include "base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum choice {
	OPT_POLICY,
	OPT_ANCHORS,
	OPT_CRL,
	OPT_AT,
	OPT_OUTPUT,
	OPT_STRICT,
	OPT_CLASS,
	OPT_REGION,
	OPT_REFSET,
	OPT_BIG_ENDIAN,
	OPT_PCRSEL,
	OPT_NONCE,
	OPT_EXPLAIN,
	OPT_LAST_GOOD,
	OPT_FILES, /* from here on: evidence_parts[], in the same order */
};

static const struct cli_option options[] = {
    {0, "policy", "FILE", "policy to judge by; without it: unknown"},
    {0, "trust-anchors", "PEM", "require an EK certificate of these CAs"},
    {0, "crl", "FILE", "revocation lists of those CAs, PEM or DER"},
    {0, "at", "TIME", "judge as of this time (RFC 3339)"},
    {'o', "output", "text|json", "form of the output"},
    {0, "strict", NULL, "warnings are not trusted (exit 1)"},
    {0, "class", "CLASS", "the node's environment class"},
    {0, "region", "NAME", "the region in which this verifier stands"},
    REFSET_OPTION,
    {0, "ima-big-endian", NULL, "the IMA list is of a big-endian machine"},
    {0, "pcrsel", "SEL", "what was asked for, as sha256:0,1,2+sha1:10"},
    {0, "nonce", "HEX", "the nonce that was issued"},
    {0, "explain", "management|operator|analyst",
	"say why, at this level, instead of listing all"},
    {0, "last-good", "DIR", "evidence of a good boot, to explain by"},
    {0, "quote", "FILE", "quote.msg: TPMS_ATTEST or TPM2B_ATTEST"},
    {0, "signature", "FILE", "quote.sig: TPMT_SIGNATURE"},
    {0, "ak-pub", "FILE", "ak.pub: public area, or PEM (never passes)"},
    {0, "nonce-file", "FILE", "nonce.bin: the nonce that was issued"},
    {0, "eventlog", "FILE", "eventlog.bin: boot log"},
    {0, "ima", "FILE", "ima.bin: IMA list"},
    {0, "userspace-log", "FILE", "userspace.log: log of the running system"},
    {0, "ek-pub", "FILE", "ek.pub: endorsement key"},
    {0, "ek-cert", "FILE", "ekcert.der: its certificate"},
    {0, "pcrs", "FILE", "pcrs.bin: PCR values in the order of the quote"},
    {0, NULL, NULL, NULL},
};

/* The command line, then what it led to. */
struct appraisal {
	const char *dir;
	const char *text[OPT_FILES]; /* arguments of the other options */
	const char *file[EVIDENCE_PARTS];
	enum cli_output form;
	bool strict;
	unsigned explain; /* bits of a level; 0: no explanation */
	struct refsets refsets;

	struct evidence_files parts;
	struct policy *policy;
	struct anchors *anchors;
	struct attest_context ctx;
	struct verdict verdict;
	struct attest_facts facts;
	struct buf explanation; /* JSON; empty: nobody asked */
};

/* --- reading ---------------------------------------------------------- */

static rc
read_nonce(struct cli *c, struct appraisal *ap, struct err *e)
{
	const char *hex = ap->text[OPT_NONCE];

	if (hex &&
	    !rc_ok(hex_decode_any(span_str(hex), &c->arena, &ap->parts.nonce)))
		return err_at(e, ERR_USAGE,
		    "A nonce is an even number of hex "
		    "digits.",
		    "--nonce");
	if (hex && !ap->parts.nonce.p)
		ap->parts.nonce = span_of("", 0);
	ap->ctx.nonce = ap->parts.nonce;
	ap->ctx.nonce_given = ap->parts.nonce.p != NULL;
	return RC_OK;
}

static rc
read_selection(struct cli *c, struct appraisal *ap, struct err *e)
{
	TRY(evidence_selection_load(
	    c, ap->text[OPT_PCRSEL], ap->dir, &ap->parts, e));
	if (ap->parts.asked_given)
		ap->ctx.asked = &ap->parts.asked;
	return RC_OK;
}

static rc
read_policy(struct cli *c, struct appraisal *ap, struct err *e)
{
	const char *path = ap->text[OPT_POLICY];
	struct span json;

	if (!path)
		return RC_OK;
	TRY(derived_read(c, path, NULL, &json, e));
	TRY(refsets_load(c, &ap->refsets, e));
	TRY(refsets_policy(&ap->refsets, json, &ap->policy, e));
	ap->ctx.policy = ap->policy;
	ap->ctx.env_class = ap->text[OPT_CLASS];
	ap->ctx.region = ap->text[OPT_REGION];
	return RC_OK;
}

/* Who vouches for the TPM is said by the caller; of which class it is, by
 * nobody. */
static rc
read_anchors(struct cli *c, struct appraisal *ap, struct err *e)
{
	const char *path = ap->text[OPT_ANCHORS];
	struct span pem;

	if (!path)
		return RC_OK;
	TRY(cli_read(c, path, LIMIT_JSON, &pem, e));
	TRY(anchors_add(&ap->anchors, pem, ROT_UNKNOWN, e));
	ap->ctx.anchors = ap->anchors;
	return RC_OK;
}

static rc
read_crls(struct cli *c, struct appraisal *ap, struct err *e)
{
	const char *path = ap->text[OPT_CRL];
	struct span lists;

	if (!path)
		return RC_OK;
	if (!ap->anchors)
		return err_at(e, ERR_USAGE,
		    "Revocation lists need the trust anchors of their "
		    "issuers.",
		    "--crl");
	TRY(cli_read(c, path, LIMIT_CRL, &lists, e));
	return crls_add(ap->anchors, lists, e);
}

static rc
read_time(struct appraisal *ap, struct err *e)
{
	const char *at = ap->text[OPT_AT];
	const struct clock clock = clock_system();

	ap->ctx.now = clock_now(&clock);
	if (at && !rc_ok(time_parse(span_str(at), &ap->ctx.now)))
		return err_at(e, ERR_USAGE,
		    "A time is written as 2026-11-20T09:00:00Z.", "--at");
	return RC_OK;
}

static rc
read_all(struct cli *c, struct appraisal *ap, struct err *e)
{
	TRY(read_time(ap, e));
	for (size_t i = 0; i < EVIDENCE_PARTS; i++) {
		const struct evidence_part *part = &evidence_parts[i];
		struct span *to =
		    (struct span *)(void *)((char *)&ap->parts + part->member);
		TRY(evidence_part_load(c, ap->file[i], ap->dir, part, to, e));
		if (to == &ap->parts.ev.userspace)
			ap->parts.ev.userspace_incomplete =
			    evidence_marked(c, ap->file[i], ap->dir);
	}
	TRY(read_nonce(c, ap, e));
	TRY(read_selection(c, ap, e));
	TRY(read_anchors(c, ap, e));
	TRY(read_crls(c, ap, e));
	return read_policy(c, ap, e);
}

/* --- writing ---------------------------------------------------------- */

static const char *
freshness(const struct appraisal *ap)
{
	return ap->ctx.nonce_given
		   ? "freshness not proved: the nonce was given by the caller"
		   : "freshness not proved: no nonce was given";
}

static const struct {
	const char *en;
	const char *ja;
} result_words[] = {
    [RESULT_NONE] = {"unknown", "不明 (unknown)"},
    [RESULT_PASS] = {"pass", "合格 (pass)"},
    [RESULT_WARN] = {"warn", "警告 (warn)"},
    [RESULT_FAIL] = {"fail", "不合格 (fail)"},
    [RESULT_REJECT] = {"reject", "拒否 (reject)"},
};

static void
emit_json(struct buf *out, const struct appraisal *ap)
{
	struct jw w = jw_over(out);

	w.pretty = true;
	jw_object(&w);
	verdict_emit(&ap->verdict, &w);
	jw_ktime(&w, "at", ap->ctx.now);
	jw_kstr(&w, "freshness", freshness(ap));
	jw_key(&w, "boot_log_judged");
	if (ap->facts.boot_logs)
		jw_u64(&w, ap->facts.boot_log_at);
	else
		jw_null(&w);
	jw_key(&w, "userspace_unattested_records");
	if (ap->facts.userspace_ok)
		jw_u64(&w, ap->facts.userspace_unattested);
	else
		jw_null(&w);
	jw_key(&w, "ima_unattested_entries");
	if (ap->facts.ima_ok)
		jw_u64(&w, ap->facts.ima.tail);
	else
		jw_null(&w);
	if (ap->explanation.n) {
		jw_key(&w, "explanation");
		jw_raw(&w, buf_span(&ap->explanation));
	}
	jw_object_end(&w);
}

static void
emit_place(struct buf *out, const struct reason *r)
{
	buf_printf(out, "\n  %s", r->layer ? layer_name(r->layer) : "-");
	if (r->pcr >= 0)
		buf_printf(out, ", PCR %d", r->pcr);
	if (r->event >= 0)
		buf_printf(out, ", event %lld", (long long)r->event);
	if (r->event_type)
		buf_printf(out, ", %s", r->event_type);
}

/* The sentence of the code in the reader's language, then what is particular
 * to this case, which there is in English alone. */
static void
emit_reason(struct cli *c, struct buf *out, const struct reason *r)
{
	const char *general = err_sentence(r->code, c->lang);

	emit_place(out, r);
	buf_printf(out, "\n    %s\n", general);
	if (strcmp(r->message, err_sentence(r->code, "en")) != 0)
		buf_printf(out, "    %s\n", r->message);
	if (r->expected)
		buf_printf(out, "    expected  %s\n", r->expected);
	if (r->found)
		buf_printf(out, "    found     %s\n", r->found);
	if (r->rule)
		buf_printf(out, "    rule      %s\n", r->rule);
	if (r->effect != err_effect(r->code))
		buf_printf(out, "    counts as %s under this policy\n",
		    effect_name(r->effect));
	if (r->waiver) {
		char until[TIME_TEXT];
		time_emit(r->waiver->expires, until);
		buf_printf(out,
		    "    waived until %s: %s (owner %s, approved by %s)\n",
		    until, r->waiver->reason, r->waiver->owner,
		    r->waiver->approver);
	}
	buf_printf(
	    out, "    %s (%s)", err_name(r->code), err_class_name(r->code));
	buf_printf(out, r->path && *r->path ? " at %s\n" : "%s\n",
	    r->path ? r->path : "");
}

static void
emit_checks(struct buf *out, const struct verdict *v)
{
	for (int s = CHECK_NOT_RUN; s <= CHECK_NOT_REQUIRED; s++) {
		bool any = false;
		for (int i = 0; i < CHECK_COUNT; i++) {
			if (v->checks[i] != (enum check_state)s)
				continue;
			if (!any)
				buf_printf(out, "\n%-15s",
				    check_state_name((enum check_state)s));
			buf_printf(out, " %s", check_name((enum check_id)i));
			any = true;
		}
	}
}

static void
emit_limits(struct cli *c, struct buf *out, enum rot_class rot)
{
	const struct limit *l;

	buf_printf(out, "\nroot of trust   %s\n\n%s", rot_class_name(rot),
	    limits_heading(c->lang));
	for (size_t i = 0; (l = limit_of(rot, i)); i++)
		buf_printf(out, "\n  %s", limit_sentence(l, c->lang));
}

static void
emit_text(struct cli *c, struct buf *out, const struct appraisal *ap)
{
	const struct verdict *v = &ap->verdict;
	bool ja = strcmp(c->lang, "ja") == 0;

	buf_printf(out, "%s: %s\n", ja ? "判定" : "result",
	    ja ? result_words[v->result].ja : result_words[v->result].en);
	for (size_t i = 0; i < v->reasons_n; i++)
		emit_reason(c, out, &v->reasons[i]);
	if (v->reasons_dropped)
		buf_printf(out, "\n  and %llu more reasons\n",
		    (unsigned long long)v->reasons_dropped);
	emit_checks(out, v);
	for (size_t i = 0; i < v->quirks_n; i++)
		buf_printf(out, "\nquirk           %s", v->quirks[i]);
	if (ap->facts.ima_ok && ap->facts.ima.tail)
		buf_printf(out,
		    "\nnot attested    %llu entries at the end of the IMA list",
		    (unsigned long long)ap->facts.ima.tail);
	if (ap->facts.userspace_ok && ap->facts.userspace_unattested)
		buf_printf(out,
		    "\nnot attested    %zu records of the userspace log",
		    ap->facts.userspace_unattested);
	if (ap->facts.boot_logs > 1)
		buf_printf(out,
		    "\nnot evidence    %zu other boot logs; judged is number "
		    "%zu, counted from 0",
		    ap->facts.boot_logs - 1, ap->facts.boot_log_at);
	if (v->policy_name)
		buf_printf(out, "\npolicy          %s (%s)", v->policy_name,
		    v->policy_mode);
	emit_limits(c, out, v->rot);
}

/* --- explanation ------------------------------------------------------ */

static rc
explain(struct cli *c, struct appraisal *ap, struct err *e)
{
	const struct verdict *v = &ap->verdict;
	const struct explained about = {
	    .result = v->result,
	    .observe = v->observe,
	    .policy_name = v->policy_name,
	    .reasons_n = v->reasons_n,
	    .reasons = v->reasons,
	    .dropped = v->reasons_dropped,
	    .policy = ap->policy,
	};
	const struct offline_explanation o = {
	    .about = &about,
	    .facts = &ap->facts,
	    .last_good = ap->text[OPT_LAST_GOOD],
	    .big_endian = ap->parts.ev.ima_big_endian,
	};

	return explanation_offline(c, &o, &ap->explanation, e);
}

static rc
emit_explanation(
    struct cli *c, struct appraisal *ap, struct buf *out, struct err *e)
{
	JSON_AUTO doc = NULL;

	TRY(json_decode(buf_span(&ap->explanation), LIMIT_POLICY, &doc, e));
	explanation_text(doc, (enum explain_level)ap->explain, c->lang, out);
	return RC_OK;
}

/* --- command ---------------------------------------------------------- */

static int
exit_of(const struct appraisal *ap)
{
	switch (ap->verdict.result) {
	case RESULT_PASS:
		return EXIT_TRUSTED;
	case RESULT_WARN:
		return ap->strict ? EXIT_NOT_TRUSTED : EXIT_TRUSTED;
	case RESULT_FAIL:
	case RESULT_REJECT:
		return EXIT_NOT_TRUSTED;
	case RESULT_NONE:
		return EXIT_INDETERMINATE;
	}
	return EXIT_INDETERMINATE;
}

/* Files, policies and anchors that cannot be used are the caller's mistake,
 * not a statement about evidence. */
static int
input_failed(struct cli *c, const struct err *e)
{
	int code = cli_fail(c, e);

	return err_class(e->code) == CLS_OURS ? code : EXIT_USAGE;
}

static int
appraise(struct cli *c, struct appraisal *ap)
{
	struct buf out = {0};
	struct err e = {0};

	if (!rc_ok(read_all(c, ap, &e)))
		return input_failed(c, &e);
	if (!rc_ok(attest_evidence(&ap->parts.ev, &ap->ctx, c->hasher,
		&c->arena, &ap->verdict, &ap->facts, &e)))
		return cli_fail(c, &e);
	if (ap->explain && !rc_ok(explain(c, ap, &e)))
		return input_failed(c, &e);
	if (ap->form == OUT_JSON)
		emit_json(&out, ap);
	else if (!ap->explain)
		emit_text(c, &out, ap);
	else if (!rc_ok(emit_explanation(c, ap, &out, &e)))
		return cli_fail(c, &e);
	int code = cli_write(c, &out, exit_of(ap));
	buf_free(&out);
	fprintf(stderr, "akashi %s: %s\n", c->command, freshness(ap));
	return code;
}

static int
parse(struct cli *c, struct appraisal *ap, int argc, char **argv)
{
	const char *arg;
	int o;

	while ((o = cli_next_option(c, &cmd_appraise, argc, argv, &arg)) >= 0) {
		if (o == OPT_STRICT)
			ap->strict = true;
		else if (o == OPT_BIG_ENDIAN)
			ap->parts.ev.ima_big_endian = true;
		else if (o == OPT_REFSET && !refsets_add(&ap->refsets, arg))
			return cli_usage(c, "an option is given too often");
		else if (o >= OPT_FILES)
			ap->file[o - OPT_FILES] = arg;
		else
			ap->text[o] = arg;
	}
	if (o == -2)
		return EXIT_USAGE;
	if (ap->text[OPT_OUTPUT] &&
	    (!cli_output_parse(ap->text[OPT_OUTPUT], &ap->form) ||
		ap->form == OUT_TABLE))
		return cli_usage(c, "-o takes text or json");
	if (ap->text[OPT_EXPLAIN]) {
		ap->explain = explain_level(span_str(ap->text[OPT_EXPLAIN]));
		if (!ap->explain)
			return cli_usage(c,
			    "--explain takes management, operator or analyst");
	}
	if (ap->text[OPT_LAST_GOOD] && !ap->explain)
		return cli_usage(c, "--last-good needs --explain");
	if (argc - optind > 1)
		return cli_usage(c, "one DIR at most");
	ap->dir = optind < argc ? argv[optind] : NULL;
	return EXIT_TRUSTED;
}

static int
run(struct cli *c, int argc, char **argv)
{
	struct appraisal *ap = calloc(1, sizeof(*ap));
	struct err e;

	if (!ap) {
		(void)err_at(&e, ERR_MEMORY, NULL, "%s", "");
		return cli_fail(c, &e);
	}
	int code = parse(c, ap, argc, argv);
	if (code == EXIT_TRUSTED)
		code = appraise(c, ap);
	buf_free(&ap->explanation);
	policy_unref(ap->policy);
	refsets_free(&ap->refsets);
	anchors_free(ap->anchors);
	free(ap);
	return code;
}

const struct cli_command cmd_appraise = {"appraise", NULL, "[DIR]",
    "judge one piece of evidence: quote, logs, policy", options, run};
