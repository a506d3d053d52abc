/* SPDX-License-Identifier: Apache-2.0 */
/* Files of systemd-pcrlock (systemd.pcrlock(5)). */
#include "appraise/import_pcrlock.h"

#include "base/text.h"

const uint16_t lock_algs[LOCK_BANKS] = {ALG_SHA1, ALG_SHA256, ALG_SHA384,
    ALG_SHA512, ALG_SM3_256, ALG_SHA3_256, ALG_SHA3_384, ALG_SHA3_512};

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "pcrlock");
}

static rc
wrong(struct err *e, const char *what)
{
	return err_text(e, ERR_IMPORT_FORMAT, "pcrlock",
	    "Not as systemd.pcrlock(5) has it: %s.", what);
}

/* --- files ---------------------------------------------------------------- */

static rc
read_digest(
    struct import *i, const json_t *v, struct lock_record *to, struct err *e)
{
	const char *name = json_string_value(json_object_get(v, "hashAlg"));
	const char *hex = json_string_value(json_object_get(v, "digest"));
	const struct hash_alg *alg = name ? hash_by_name(span_str(name)) : NULL;
	size_t row = 0;

	if (!name || !hex)
		return wrong(e, "a digest has hashAlg and digest");
	while (row < LOCK_BANKS && (!alg || lock_algs[row] != alg->id))
		row++;
	if (row == LOCK_BANKS) {
		i->pcrlock->other_hash = true;
		return RC_OK;
	}
	uint8_t *digest = arena_alloc(i->a, alg->size);
	if (!digest)
		return memory(e);
	if (to->digest[row] ||
	    !rc_ok(hex_decode(span_str(hex), digest, alg->size)))
		return wrong(e, "a digest is hex, one for each hashAlg");
	to->digest[row] = digest;
	return RC_OK;
}

static rc
read_record(struct import *i, const json_t *v, struct err *e)
{
	const json_t *pcr = json_object_get(v, "pcr");
	const json_t *digests = json_object_get(v, "digests");
	struct lock_record *to = arena_alloc(i->a, sizeof(*to));

	if (!to)
		return memory(e);
	if (!json_is_integer(pcr) || json_integer_value(pcr) < 0 ||
	    json_integer_value(pcr) >= LIMIT_PCRS)
		return wrong(e, "a record has a pcr, 0 to 23");
	to->pcr = (unsigned)json_integer_value(pcr);
	if (!json_array_size(digests))
		return wrong(e, "a record has digests");
	for (size_t k = 0; k < json_array_size(digests); k++)
		TRY(read_digest(i, json_array_get(digests, k), to, e));
	*i->pcrlock->tail = to;
	i->pcrlock->tail = &to->next;
	return RC_OK;
}

static rc
read_file(
    struct import *i, struct span file, struct lock_variant *to, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct err at = {0};
	rc r = json_decode(file, LIMIT_POLICY, &doc, &at);
	const json_t *records = json_object_get(doc, "records");

	if (r.code == ERR_MEMORY)
		return memory(e);
	if (!rc_ok(r))
		return wrong(e, at.text);
	if (!json_is_array(records))
		return wrong(e, "there is a list of records");
	i->pcrlock->tail = &to->records;
	for (size_t k = 0; k < json_array_size(records); k++)
		TRY(read_record(i, json_array_get(records, k), e));
	return RC_OK;
}

static struct lock_component *
component_of(struct import *i, const char *name)
{
	struct lock_component **at = &i->pcrlock->components;
	int c = 1;

	while (*at && (c = strcmp((*at)->name, name)) < 0)
		at = &(*at)->next;
	if (*at && c == 0)
		return *at;
	struct lock_component *own = arena_alloc(i->a, sizeof(*own));
	const char *copy = arena_printf(i->a, "%s", name);
	if (!own || !copy)
		return NULL;
	*own = (struct lock_component){.next = *at, .name = copy};
	*at = own;
	return own;
}

rc
import_pcrlock_add(struct import *i, const char *component, const char *variant,
    struct span file, struct err *e)
{
	if (!i->pcrlock)
		i->pcrlock = arena_alloc(i->a, sizeof(*i->pcrlock));
	struct lock_component *c =
	    i->pcrlock ? component_of(i, component) : NULL;
	struct lock_variant *own = arena_alloc(i->a, sizeof(*own));

	if (!c || !own)
		return memory(e);
	struct lock_variant **at = &c->variants;
	int order = 1;
	while (*at && (order = strcmp((*at)->name, variant)) < 0)
		at = &(*at)->next;
	if (*at && order == 0) {
		import_note(i,
		    "%s: %s is there twice; the first that was given counts.",
		    component, variant);
		return RC_OK;
	}
	own->name = arena_printf(i->a, "%s", variant);
	if (!own->name)
		return memory(e);
	TRY(read_file(i, file, own, e));
	own->next = *at;
	*at = own;
	return RC_OK;
}
