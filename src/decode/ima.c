/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/ima.h"

/* crypto/hash_info.c of Linux: the names that a d-ng field may carry. */
#define ALG(name, size)                                                        \
	{                                                                      \
		{(const uint8_t *)(name), sizeof(name) - 1}, size              \
	}
static const struct {
	struct span name;
	size_t size;
} digest_algs[] = {
    ALG("sha256", 32),
    ALG("sha1", 20),
    ALG("sha512", 64),
    ALG("sha384", 48),
    ALG("sha224", 28),
    ALG("md5", 16),
    ALG("rmd160", 20),
    ALG("sm3", 32),
    ALG("sha3-256", 32),
    ALG("sha3-384", 48),
    ALG("sha3-512", 64),
    ALG("streebog256", 32),
    ALG("streebog512", 64),
    ALG("wp256", 32),
    ALG("wp384", 48),
    ALG("wp512", 64),
    ALG("tgr128", 16),
    ALG("tgr160", 20),
    ALG("tgr192", 24),
    ALG("rmd128", 16),
    ALG("rmd256", 32),
    ALG("rmd320", 40),
    ALG("md4", 16),
};
#undef ALG

/* --- fields: each takes its bytes or says what is wrong with them ----- */

/* "alg:" NUL digest; `alg` and `digest` borrow s. */
static const char *
split_digest(struct span s, struct span *alg, struct span *digest)
{
	const uint8_t *nul = s.n ? memchr(s.p, 0, s.n) : NULL;

	if (!nul || nul == s.p || nul[-1] != ':')
		return "A digest field is not an algorithm name, a colon, a "
		       "NUL and a digest.";
	*alg = span_of(s.p, (size_t)(nul - s.p) - 1);
	*digest = span_of(nul + 1, s.n - alg->n - 2);
	return NULL;
}

static const char *
check_digest(struct span alg, struct span digest)
{
	for (size_t i = 0; i < sizeof(digest_algs) / sizeof(*digest_algs); i++)
		if (span_eq(alg, digest_algs[i].name))
			return digest.n == digest_algs[i].size
				   ? NULL
				   : "A digest has not the length of its "
				     "algorithm.";
	return "A digest field names an unknown algorithm.";
}

static const char *
field_d(struct span s, struct ima_entry *out)
{
	out->digest_alg = span_str("sha1");
	out->digest = s;
	return s.n == IMA_HASH_SIZE ? NULL : "A SHA-1 digest has not 20 bytes.";
}

static const char *
field_dng(struct span s, struct ima_entry *out)
{
	const char *wrong = split_digest(s, &out->digest_alg, &out->digest);

	return wrong ? wrong : check_digest(out->digest_alg, out->digest);
}

static bool
has_prefix(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* "ima:sha256:" or "verity:sha256:"; only the first is the file's hash, so
 * only the first loses its prefix. */
static const char *
field_dngv2(struct span s, struct ima_entry *out)
{
	const char *wrong = split_digest(s, &out->digest_alg, &out->digest);
	struct span alg = out->digest_alg;

	if (wrong)
		return wrong;
	size_t skip = has_prefix(alg, "ima:") ? 4 : 7;
	if (skip == 7 && !has_prefix(alg, "verity:"))
		return "A d-ngv2 digest is neither of ima nor of verity.";
	alg = span_of(alg.p + skip, alg.n - skip);
	if (skip == 4)
		out->digest_alg = alg;
	return check_digest(alg, out->digest);
}

static const char *
field_name(struct span s, struct ima_entry *out)
{
	if (s.n > LIMIT_IMA_PATH)
		return "A path is longer than 4096 bytes.";
	if (s.n < 2 || memchr(s.p, 0, s.n) != s.p + s.n - 1)
		return "A path must hold exactly one NUL, at its end.";
	out->path = span_of(s.p, s.n - 1);
	return NULL;
}

static const char *
field_sig(struct span s, struct ima_entry *out)
{
	out->sig = s;
	return NULL;
}

static const char *
field_buf(struct span s, struct ima_entry *out)
{
	out->buf = s;
	return NULL;
}

/* Empty where the file has no appended signature. */
static const char *
field_dmodsig(struct span s, struct ima_entry *out)
{
	const char *wrong =
	    s.n ? split_digest(s, &out->modsig_alg, &out->modsig_digest) : NULL;

	return wrong || s.n == 0
		   ? wrong
		   : check_digest(out->modsig_alg, out->modsig_digest);
}

static const char *
field_modsig(struct span s, struct ima_entry *out)
{
	out->modsig = s;
	return NULL;
}

/* Empty where there is no inode, as in boot_aggregate. */
static const char *
field_id(struct span s, struct ima_entry *out)
{
	(void)out;
	return s.n == 0 || s.n == 4 ? NULL : "An owner has not 4 bytes.";
}

static const char *
field_mode(struct span s, struct ima_entry *out)
{
	(void)out;
	return s.n == 0 || s.n == 2 ? NULL : "A mode has not 2 bytes.";
}

static const char *
field_opaque(struct span s, struct ima_entry *out)
{
	(void)s, (void)out;
	return NULL;
}

enum role { ROLE_OTHER, ROLE_DIGEST, ROLE_PATH };

static const struct field {
	const char *name;
	enum role role;
	const char *(*decode)(struct span s, struct ima_entry *out);
} fields[] = {
    {"d-ng", ROLE_DIGEST, field_dng},
    {"n-ng", ROLE_PATH, field_name},
    {"sig", ROLE_OTHER, field_sig},
    {"d-ngv2", ROLE_DIGEST, field_dngv2},
    {"buf", ROLE_OTHER, field_buf},
    {"d", ROLE_DIGEST, field_d},
    {"n", ROLE_PATH, field_name},
    {"d-modsig", ROLE_OTHER, field_dmodsig},
    {"modsig", ROLE_OTHER, field_modsig},
    {"evmsig", ROLE_OTHER, field_opaque},
    {"xattrnames", ROLE_OTHER, field_opaque},
    {"xattrlengths", ROLE_OTHER, field_opaque},
    {"xattrvalues", ROLE_OTHER, field_opaque},
    {"iuid", ROLE_OTHER, field_id},
    {"igid", ROLE_OTHER, field_id},
    {"imode", ROLE_OTHER, field_mode},
};

static const struct {
	const char *name;
	const char *format;
} templates[] = {
    {"ima-ng", "d-ng|n-ng"},
    {"ima-sig", "d-ng|n-ng|sig"},
    {"ima-buf", "d-ng|n-ng|buf"},
    {"ima-ngv2", "d-ngv2|n-ng"},
    {"ima-sigv2", "d-ngv2|n-ng|sig"},
    {"ima-modsig", "d-ng|n-ng|sig|d-modsig|modsig"},
    {"evm-sig",
	"d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|"
	"imode"},
};

/* --- templates -------------------------------------------------------- */

static int
field_row(struct span name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (span_eq(name, span_str(fields[i].name)))
			return (int)i;
	return -1;
}

/* Cut the first "…|" off format. */
static struct span
cut(struct span *format)
{
	const uint8_t *bar = memchr(format->p, '|', format->n);
	size_t n = bar ? (size_t)(bar - format->p) : format->n;
	struct span first = span_of(format->p, n);
	size_t used = bar ? n + 1 : n;

	*format = span_of(format->p + used, format->n - used);
	/* "a|" ends in a field without a name */
	return bar && format->n == 0 ? span_of("", 0) : first;
}

/* Fields of a template; false for one that is unknown, names a field twice
 * or does not have exactly one file digest and one path. */
static bool
compile(struct ima_reader *r, struct span name)
{
	struct span format = name;
	unsigned seen = 0, roles[ROLE_PATH + 1] = {0};

	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++)
		if (span_eq(name, span_str(templates[i].name)))
			format = span_str(templates[i].format);
	r->template_name = span_of(NULL, 0);
	r->fields_n = 0;
	while (format.n > 0) {
		int row = field_row(cut(&format));
		if (row < 0 || seen & 1u << row ||
		    r->fields_n == IMA_FIELDS_MAX)
			return false;
		seen |= 1u << row;
		roles[fields[row].role]++;
		r->fields[r->fields_n++] = (uint8_t)row;
	}
	if (roles[ROLE_DIGEST] != 1 || roles[ROLE_PATH] != 1)
		return false;
	r->template_name = name;
	return true;
}

/* --- entries ---------------------------------------------------------- */

/* A number of the list: all of them are of 32 bits. */
static inline uint32_t
number(const struct ima_reader *r, struct rd *in)
{
	return r->big_endian ? rd_u32be(in) : rd_u32le(in);
}

static rc
fail(const struct ima_reader *r, enum err_code code, const char *text,
    const char *what, struct err *e)
{
	return err_at(e, code, text, "entries[%u]%s", r->next_index, what);
}

static rc
decode_fields(const struct ima_reader *r, struct ima_entry *out, struct err *e)
{
	struct rd in = rd_over(out->template_data);

	for (size_t i = 0; i < r->fields_n; i++) {
		const struct field *f = &fields[r->fields[i]];
		uint32_t n = number(r, &in);
		struct span s = rd_bytes(&in, n);
		const char *wrong =
		    rd_ok(&in) ? f->decode(s, out)
			       : "A field is longer than the template data.";
		if (wrong)
			return err_at(e, ERR_IMA_FORMAT, wrong,
			    "entries[%u].%s", r->next_index, f->name);
	}
	if (!rd_done(&in))
		return fail(r, ERR_IMA_FORMAT,
		    "Bytes follow the last field of the template data.",
		    ".template_data", e);
	return RC_OK;
}

/* Templates with a data length: everything but "ima". */
static rc
decode_data(struct ima_reader *r, struct ima_entry *out, struct err *e)
{
	uint32_t n = number(r, &r->in);

	if (rd_ok(&r->in) && n > LIMIT_IMA_FIELD)
		return fail(r, ERR_IMA_TOO_LARGE,
		    "Template data is larger than 1 MiB.", ".template_data", e);
	out->template_data = rd_bytes(&r->in, n);
	if (!rd_ok(&r->in))
		return fail(r, ERR_IMA_TRUNCATED, NULL, ".template_data", e);
	if (!span_eq(out->template_name, r->template_name) &&
	    !compile(r, out->template_name))
		return fail(r, ERR_IMA_TEMPLATE, NULL, ".template", e);
	return decode_fields(r, out, e);
}

/* "ima": a bare digest and a name without NUL. */
static rc
decode_legacy(struct ima_reader *r, struct ima_entry *out, struct err *e)
{
	struct span digest = rd_bytes(&r->in, IMA_HASH_SIZE);
	uint32_t n = number(r, &r->in);

	if (rd_ok(&r->in) && (n == 0 || n >= IMA_LEGACY_NAME))
		return fail(r, ERR_IMA_FORMAT,
		    "A name of template ima has 1 to 255 bytes.", ".n", e);
	out->is_ima = true;
	out->path = rd_bytes(&r->in, n);
	if (!rd_ok(&r->in))
		return fail(r, ERR_IMA_TRUNCATED, NULL, ".n", e);
	if (memchr(out->path.p, 0, out->path.n))
		return fail(r, ERR_IMA_FORMAT,
		    "A name of template ima holds a NUL.", ".n", e);
	(void)field_d(digest, out);
	return RC_OK;
}

static rc
decode_head(struct ima_reader *r, struct ima_entry *out, struct err *e)
{
	out->pcr = number(r, &r->in);
	out->template_hash = rd_bytes(&r->in, IMA_HASH_SIZE);
	uint32_t n = number(r, &r->in);

	if (!rd_ok(&r->in))
		return fail(r, ERR_IMA_TRUNCATED, NULL, "", e);
	if (out->pcr >= LIMIT_PCRS)
		return fail(r, ERR_IMA_FORMAT,
		    r->big_endian
			? "The entry names a PCR that does not exist; the list "
			  "was declared big-endian (--ima-big-endian)."
			: "The entry names a PCR that does not exist; a list "
			  "of a big-endian machine must be declared "
			  "(--ima-big-endian) or written with "
			  "ima_canonical_fmt.",
		    ".pcr", e);
	if (n == 0 || n > IMA_TEMPLATE_NAME_MAX)
		return fail(r, ERR_IMA_FORMAT,
		    "A template name has 1 to 255 bytes.", ".template", e);
	out->template_name = rd_bytes(&r->in, n);
	if (!rd_ok(&r->in))
		return fail(r, ERR_IMA_TRUNCATED, NULL, ".template", e);
	out->violation = span_all(out->template_hash, 0);
	return RC_OK;
}

struct ima_reader
ima_over_as(struct span list, uint32_t first_index, bool big_endian)
{
	return (struct ima_reader){.in = rd_over(list),
	    .whole = list,
	    .big_endian = big_endian,
	    .next_index = first_index};
}

struct ima_reader
ima_over(struct span list, uint32_t first_index)
{
	return ima_over_as(list, first_index, false);
}

/* What an entry may lack, one by one: clearing all of it at once, and chains of
 * assignments, which gcc reads back, cost more than the rest of an entry. */
static void
clear(struct ima_entry *out)
{
	const struct span none = {NULL, 0};

	out->is_ima = false;
	out->template_data = none;
	out->path = none;
	out->sig = none;
	out->buf = none;
	out->modsig = none;
	out->modsig_alg = none;
	out->modsig_digest = none;
}

rc
ima_next(struct ima_reader *r, struct ima_entry *out, bool *more, struct err *e)
{
	if (rd_done(&r->in)) {
		*more = false;
		return RC_OK;
	}
	if (r->whole.n > LIMIT_IMA)
		return err_at(e, ERR_IMA_TOO_LARGE, NULL, "%s", "");
	clear(out);
	out->index = r->next_index;
	out->offset = rd_at(&r->in, r->whole);
	TRY(decode_head(r, out, e));
	if (span_eq(out->template_name, span_of("ima", 3)))
		TRY(decode_legacy(r, out, e));
	else
		TRY(decode_data(r, out, e));
	r->next_index++;
	*more = true;
	return RC_OK;
}
