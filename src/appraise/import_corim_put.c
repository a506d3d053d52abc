/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference values of a CoRIM as rules of a policy.
 *
 * 1. A register with a number is the PCR of that number. Any of its digests may
 *    be found: each is an accepted value of the PCR in its bank. Where a policy
 *    requires several banks, each digest of one goes with each of another.
 * 2. The digests of a thing that is called by an absolute path are those of a
 *    file.
 * 3. Everything else is listed.
 *
 * A value's source is "CoMID <id> version <n> sha256:<hex of the file>". What
 * another version of the same CoMID brought is replaced.
 */
#include "appraise/import_corim.h"

#include "appraise/rules.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>

/* What the policy's list of values takes. */
enum { VALUES_ROOM = 4096 };

struct putting {
	struct corim_job *j;
	const struct comid *m;
	const char *source;
	const char *text;	   /* for people: vendor and model */
	struct import_files files; /* of this CoMID */
	size_t registers_n;	   /* measurements that have registers */
	size_t values;		   /* that were translated */
};

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", "corim");
}

/* --- what the document brought before ------------------------------------- */

/* The version in a source of this CoMID; false where it is another's. */
static bool
source_version(const char *source, const char *prefix, uint64_t *out)
{
	static const char hash[] = " sha256:";
	size_t n = strlen(prefix);
	size_t digits;

	if (!source || strncmp(source, prefix, n) != 0)
		return false;
	digits = strspn(source + n, "0123456789");
	return number_parse(span_of(source + n, digits), UINT64_MAX, out) &&
	       strncmp(source + n + digits, hash, sizeof(hash) - 1) == 0 &&
	       strlen(source + n + digits + sizeof(hash) - 1) == 64;
}

struct forgotten {
	const char *prefix;
	size_t n;
	uint64_t newest;
};

static void
forget_list(json_t *list, struct forgotten *f)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		const char *have = json_string_value(
		    json_object_get(json_array_get(list, i), "source"));
		uint64_t version = 0;
		if (!source_version(have, f->prefix, &version))
			continue;
		json_array_remove(list, i);
		f->n++;
		if (version > f->newest)
			f->newest = version;
	}
}

/* Drop what a CoMID brought, of any version. */
static rc
forget(const struct corim_job *j, struct span id, struct forgotten *f,
    struct err *e)
{
	json_t *boot = json_object_get(j->i->doc, "boot");
	const char *name = verdict_printable(j->i->a, id);
	const char *key;
	json_t *rule;

	*f = (struct forgotten){.n = 0};
	f->prefix = arena_printf(j->i->a, "CoMID %s version ", name);
	if (!*name || !f->prefix)
		return memory(e);
	json_object_foreach(boot, key, rule)
	{
		forget_list(json_object_get(rule, "values"), f);
	}
	forget_list(
	    json_object_get(json_object_get(j->i->doc, "ima"), "allow"), f);
	return RC_OK;
}

/* --- registers ------------------------------------------------------------ */

static rc
shape(const char *path, struct err *e)
{
	return err_text(e, ERR_JSON_TYPE, path,
	    "The policy has something else here than the manual says.");
}

/* PCRs that the IMA list explains have no golden value. */
static bool
holds_ima(const json_t *doc, uint64_t pcr)
{
	const json_t *ima = json_object_get(doc, "ima");
	const json_t *pcrs = json_object_get(ima, "pcrs");

	for (size_t i = 0; i < json_array_size(pcrs); i++)
		if ((uint64_t)json_integer_value(json_array_get(pcrs, i)) ==
		    pcr)
			return true;
	return ima && !pcrs && pcr == 10;
}

static const char *
not_a_pcr(const struct putting *p, const struct corim_register *reg)
{
	const json_t *boot = json_object_get(p->j->i->doc, "boot");
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, reg->number);
	if (reg->named)
		return "it has a name and not the number of a PCR";
	if (reg->number >= LIMIT_PCRS)
		return "there is no PCR of this number";
	if (reg->number == 16 || (reg->number >= 21 && reg->number <= 23))
		return "any program can reset this PCR";
	if (holds_ima(p->j->i->doc, reg->number))
		return "the policy judges this PCR by its IMA list";
	if (json_has(json_object_get(boot, number), "events"))
		return "the policy judges the events of this PCR";
	return NULL;
}

/* "values" of the PCR's rule, made where there is none. */
static rc
values_of(struct putting *p, uint64_t pcr, json_t **out, struct err *e)
{
	char number[8];
	json_t *boot = import_member(p->j->i->doc, "boot", json_object);

	snprintf(number, sizeof(number), "%u", (unsigned)pcr);
	json_t *rule = boot ? import_member(boot, number, json_object) : NULL;
	if (!rule)
		return shape("boot", e);
	if (json_has(rule, "opaque")) {
		json_object_del(rule, "opaque");
		import_note(p->j->i,
		    "boot.%s was opaque; the PCR is judged now.", number);
	}
	*out = import_member(rule, "values", json_array);
	return *out ? RC_OK : shape("boot", e);
}

/* The banks in which a PCR is judged, with what a register has of them. */
struct banks_of {
	size_t n;
	struct {
		const struct hash_alg *alg;
		json_t *pcrs; /* that the policy requires of the bank */
		size_t n;
		const struct corim_digest **digests;
	} bank[HASH_ALGS];
};

static bool requires(const json_t *pcrs, uint64_t pcr)
{
	for (size_t i = 0; i < json_array_size(pcrs); i++)
		if ((uint64_t)json_integer_value(json_array_get(pcrs, i)) ==
		    pcr)
			return true;
	return false;
}

static rc
add_bank(struct putting *p, const struct corim_register *reg,
    const struct hash_alg *alg, struct banks_of *to, struct err *e)
{
	const struct corim_digest **list = arena_array(
	    p->j->i->a, reg->digests_n, sizeof(const struct corim_digest *));
	size_t n = 0;

	if (!list)
		return memory(e);
	for (size_t i = 0; i < reg->digests_n; i++)
		if (reg->digests[i].alg == alg)
			list[n++] = &reg->digests[i];
	to->bank[to->n].alg = alg;
	to->bank[to->n].pcrs =
	    json_object_get(json_object_get(p->j->i->doc, "pcrs"), alg->name);
	to->bank[to->n].digests = list;
	to->bank[to->n++].n = n;
	return RC_OK;
}

/* Those that the policy requires for this PCR; where it requires the PCR in
 * none, those of its banks that the register has digests of. */
static rc
choose_banks(struct putting *p, const struct corim_register *reg,
    struct banks_of *out, struct err *e)
{
	json_t *pcrs = json_object_get(p->j->i->doc, "pcrs");
	const char *name;
	json_t *list;
	bool any = false;

	json_object_foreach(pcrs, name, list)
	{
		any = any || requires(list, reg->number);
	}
	*out = (struct banks_of){.n = 0};
	json_object_foreach(pcrs, name, list)
	{
		const struct hash_alg *alg = hash_by_name(span_str(name));
		if (!alg || out->n == HASH_ALGS || !json_is_array(list) ||
		    (any && !requires(list, reg->number)))
			continue;
		TRY(add_bank(p, reg, alg, out, e));
		if (!any && !out->bank[out->n - 1].n)
			out->n--;
	}
	return RC_OK;
}

/* What of a register is not among them. */
static void
note_digests(struct putting *p, const struct corim_register *reg,
    const struct banks_of *banks)
{
	for (size_t i = 0; i < reg->digests_n; i++) {
		const struct hash_alg *alg = reg->digests[i].alg;
		bool chosen = false;
		for (size_t b = 0; b < banks->n; b++)
			chosen = chosen || banks->bank[b].alg == alg;
		if (!chosen)
			import_note(p->j->i,
			    "%s: %s.digests[%zu] is not translated: %s.",
			    p->j->file, reg->path, i,
			    alg ? "the policy does not require its bank"
				: "its algorithm is not known here");
	}
}

/* How many ways there are to take one digest of each bank; 0, with a note,
 * where a bank has none or the ways are too many. */
static size_t
ways(struct putting *p, const struct corim_register *reg,
    const struct banks_of *banks)
{
	size_t n = banks->n > 0;

	for (size_t b = 0; b < banks->n; b++) {
		if (banks->bank[b].n == 0)
			import_note(p->j->i,
			    "%s: %s is not translated: the policy requires "
			    "bank %s as well.",
			    p->j->file, reg->path, banks->bank[b].alg->name);
		if (banks->bank[b].n > VALUES_ROOM)
			n = VALUES_ROOM + 1;
		else if (n <= VALUES_ROOM)
			n *= banks->bank[b].n;
	}
	if (n > VALUES_ROOM)
		import_note(p->j->i,
		    "%s: %s is not translated: it has too many values.",
		    p->j->file, reg->path);
	return n > VALUES_ROOM ? 0 : n;
}

/* One value: of each bank the digest that the number `way` selects. */
static rc
add_value(struct putting *p, const struct banks_of *banks, size_t way,
    json_t *values, struct err *e)
{
	char hex[2 * HASH_MAX + 1];
	json_t *value = json_pack("{s:s*, s:s}", "text",
	    *p->text ? p->text : NULL, "source", p->source);

	for (size_t b = 0; b < banks->n; b++) {
		size_t n = banks->bank[b].n;
		hex_emit(banks->bank[b].digests[way % n]->bytes, hex);
		way /= n;
		if (json_object_set_new(value, banks->bank[b].alg->name,
			json_string(hex)) != 0) {
			json_free(value);
			return memory(e);
		}
	}
	p->values++;
	return json_array_append_new(values, value) == 0 ? RC_OK : memory(e);
}

static rc
require(struct putting *p, const struct banks_of *banks, uint64_t pcr,
    struct err *e)
{
	for (size_t b = 0; b < banks->n; b++) {
		json_t *pcrs = banks->bank[b].pcrs;
		if (requires(pcrs, pcr))
			continue;
		if (json_array_append_new(pcrs, json_integer((json_int_t)pcr)))
			return memory(e);
		import_note(p->j->i, "PCR %u of bank %s is required now.",
		    (unsigned)pcr, banks->bank[b].alg->name);
	}
	return RC_OK;
}

static rc
put_register(struct putting *p, const struct corim_register *reg, struct err *e)
{
	const char *why = not_a_pcr(p, reg);
	struct banks_of banks;
	json_t *values = NULL;

	if (why) {
		import_note(p->j->i, "%s: %s is not translated: %s.",
		    p->j->file, reg->path, why);
		return RC_OK;
	}
	TRY(choose_banks(p, reg, &banks, e));
	note_digests(p, reg, &banks);
	size_t n = ways(p, reg, &banks);
	if (n == 0)
		return RC_OK;
	TRY(require(p, &banks, reg->number, e));
	TRY(values_of(p, reg->number, &values, e));
	for (size_t way = 0; way < n; way++)
		TRY(add_value(p, &banks, way, values, e));
	return RC_OK;
}

/* --- files ---------------------------------------------------------------- */

static bool
is_path(struct span s)
{
	return s.n > 0 && s.p[0] == '/';
}

/* The path by which a measured thing is called; n == 0: by none, or by two. */
static struct span
path_of(const struct corim_measurement *m)
{
	struct span none = {NULL, 0};

	if (is_path(m->key) && is_path(m->name) && !span_eq(m->key, m->name))
		return none;
	return is_path(m->key) ? m->key : is_path(m->name) ? m->name : none;
}

static rc
put_file(struct putting *p, const struct corim_measurement *m, struct err *e)
{
	struct span path = path_of(m);

	if (m->digests_n && path.n == 0)
		import_note(p->j->i,
		    "%s: %s.digests are not translated: no absolute path says "
		    "which file they are of.",
		    p->j->file, m->path);
	for (size_t i = 0; path.n && i < m->digests_n; i++) {
		const struct corim_digest *d = &m->digests[i];
		if (d->alg)
			TRY(import_files_add(
			    &p->files, d->alg, d->bytes.p, path, e));
		else
			import_note(p->j->i,
			    "%s: %s.digests[%zu] is not translated: its "
			    "algorithm is not known here.",
			    p->j->file, m->path, i);
	}
	return RC_OK;
}

/* --- a CoMID -------------------------------------------------------------- */

static rc
put_measurement(
    struct putting *p, const struct corim_measurement *m, struct err *e)
{
	if (m->conditional) {
		import_note(p->j->i,
		    "%s: %s is not translated: it is only for evidence that a "
		    "certain key authorised.",
		    p->j->file, m->path);
		return RC_OK;
	}
	p->registers_n += m->registers_n > 0;
	for (size_t i = 0; i < m->registers_n; i++)
		TRY(put_register(p, &m->registers[i], e));
	return put_file(p, m, e);
}

static rc
put_reference(
    struct putting *p, const struct corim_reference *ref, struct err *e)
{
	struct arena *a = p->j->i->a;

	if (ref->narrow) {
		import_note(p->j->i,
		    "%s: %s is not translated: it is for one instance or group "
		    "of machines, and a policy judges all of its nodes alike.",
		    p->j->file, ref->path);
		return RC_OK;
	}
	p->text = arena_printf(a, "%s%s%s", verdict_printable(a, ref->vendor),
	    ref->vendor.n && ref->model.n ? " " : "",
	    verdict_printable(a, ref->model));
	if (!p->text)
		return memory(e);
	for (size_t i = 0; i < ref->n; i++)
		TRY(put_measurement(p, &ref->measurements[i], e));
	return RC_OK;
}

static void
note_comid(const struct putting *p, const struct forgotten *f)
{
	struct import *i = p->j->i;

	import_note(
	    i, "%s: %s: %zu PCR values.", p->j->file, p->source, p->values);
	if (f->n)
		import_note(i,
		    "%zu entries that version %" PRIu64
		    " of the CoMID brought are replaced.",
		    f->n, f->newest);
	if (f->n && f->newest > p->m->version)
		import_note(i,
		    "WARNING: the policy had a later version, %" PRIu64 ".",
		    f->newest);
	if (p->registers_n > 1)
		import_note(i,
		    "%s: any value of one PCR passes with any of another, also "
		    "where the document has them in different measurements.",
		    p->j->file);
}

static rc
put_comid(struct corim_job *j, const struct comid *m, struct err *e)
{
	struct putting p = {.j = j, .m = m};
	struct forgotten f;
	rc r = RC_OK;

	TRY(forget(j, m->id.text, &f, e));
	p.source = arena_printf(j->i->a, "%s%" PRIu64 " sha256:%s", f.prefix,
	    m->version, j->sha256);
	if (!p.source)
		return memory(e);
	for (size_t i = 0; rc_ok(r) && i < m->n; i++)
		r = put_reference(&p, &m->references[i], e);
	note_comid(&p, &f);
	if (rc_ok(r) && p.files.list)
		r = import_files_put(j->i, &p.files, p.source, e);
	json_free(p.files.list);
	return r;
}

/* --- the document --------------------------------------------------------- */

static const struct comid *
replaced_by(const struct corim *c, const struct comid *m)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->comids[i].replaces_n; k++)
			if (span_eq(c->comids[i].replaces[k].text, m->id.text))
				return &c->comids[i];
	return NULL;
}

/* What the linked CoMIDs brought must be disregarded. */
static rc
forget_replaced(struct corim_job *j, const struct comid *m, struct err *e)
{
	struct forgotten f;

	for (size_t i = 0; i < m->replaces_n; i++) {
		TRY(forget(j, m->replaces[i].text, &f, e));
		if (f.n)
			import_note(j->i,
			    "%s: %s replaces another CoMID; its %zu entries "
			    "are dropped.",
			    j->file, m->path, f.n);
	}
	return RC_OK;
}

rc
corim_put(struct corim_job *j, const struct corim *c, struct err *e)
{
	if (json_has(j->i->doc, "boot") &&
	    !json_is_object(json_object_get(j->i->doc, "boot")))
		return shape("boot", e);
	for (size_t i = 0; i < c->n; i++)
		TRY(forget_replaced(j, &c->comids[i], e));
	for (size_t i = 0; i < c->n; i++) {
		const struct comid *by = replaced_by(c, &c->comids[i]);
		if (!by) {
			TRY(put_comid(j, &c->comids[i], e));
			continue;
		}
		import_note(j->i, "%s: %s is not translated: %s replaces it.",
		    j->file, c->comids[i].path, by->path);
	}
	return RC_OK;
}
