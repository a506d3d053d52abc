/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: an AK is bound to a TPM whose EK we trust.
 *
 * 1. Whoever enrols proves by credential activation that the AK lives in the
 *    TPM of that EK; a token alone admits nobody.
 * 2. EK and AK are judged here and stored as one tuple; activation can only
 *    complete exactly that tuple.
 * 3. The node token follows from the activation secret, so that an activation
 *    whose answer was lost can be sent again and gives the same token.
 */
#include "akashid/server.h"

#include "base/limits.h"
#include "base/text.h"
#include "verify/credential.h"

struct enrol {
	struct http_request *q;
	struct snapshot *snap;
	json_t *doc;
	struct span name;
	struct tpm_public ek, ak;
	struct tpm_name ek_name, ak_name, ak_qualified;
	struct cert cert[LIMIT_CERTS];
	size_t certs;
	struct ek_identity facts;
	struct enrolment row;
};

/* --- reading
 * ------------------------------------------------------------------ */

static rc
get_bytes(struct enrol *w, const char *key, size_t max, struct span *out,
    struct err *e)
{
	struct span text;

	TRY(json_get_str(w->doc, "", key, &text, e));
	if (text.n > base64url_size(max))
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s", key);
	rc r = base64url_decode(text, w->q->arena, out);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", key);
}

/* A public area whose structural faults are named after its key. */
static rc
get_public(struct enrol *w, const char *key, enum err_code format,
    struct span *bytes, struct tpm_public *out, struct err *e)
{
	TRY(get_bytes(w, key, LIMIT_PUBLIC, bytes, e));
	rc r = tpm_decode_public(*bytes, w->q->arena, out, e);
	if (rc_ok(r) || err_class(r.code) == CLS_OURS)
		return r;
	return err_text(e, format, key, "%s", err_sentence(r.code, "en"));
}

static rc
get_certificates(struct enrol *w, struct err *e)
{
	const json_t *list;
	struct span der;

	TRY(json_get_array(w->doc, "", "ek_certificates", &list, e));
	if (json_array_size(list) > LIMIT_CERTS)
		return err_at(e, ERR_JSON_LIMIT, NULL, "ek_certificates");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (!json_is_string(item))
			return err_at(
			    e, ERR_JSON_TYPE, NULL, "ek_certificates[%zu]", i);
		rc r = base64url_decode(
		    span_of(json_string_value(item), json_string_length(item)),
		    w->q->arena, &der);
		if (!rc_ok(r))
			return err_at(
			    e, r.code, NULL, "ek_certificates[%zu]", i);
		TRY(cert_decode(der, &w->cert[i], e));
		w->certs++;
	}
	return RC_OK;
}

static rc
read_request(struct enrol *w, struct err *e)
{
	static const char *const known[] = {
	    "name", "ek_public", "ek_certificates", "ak_public", "agent", NULL};
	struct identity *id = &w->row.identity;

	TRY(request_json(w->q, known, &w->doc, e));
	TRY(json_get_str(w->doc, "", "name", &w->name, e));
	if (!name_valid(w->name))
		return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	TRY(get_public(
	    w, "ek_public", ERR_EK_FORMAT, &id->ek_public, &w->ek, e));
	TRY(get_public(
	    w, "ak_public", ERR_AK_FORMAT, &id->ak_public, &w->ak, e));
	return get_certificates(w, e);
}

/* --- judging
 * --------------------------------------------------------------------- */

static rc
judge_ek(struct enrol *w, struct err *e)
{
	const struct cert *above[LIMIT_CERTS];

	TRY(ek_check_template(&w->ek, e));
	w->facts.rot = ROT_UNKNOWN;
	if (w->certs == 0)
		return RC_OK; /* an operator must have listed it, or approve */
	if (!w->snap->anchors)
		return err_text(e, ERR_EK_UNTRUSTED, "ek_certificates",
		    "No trust anchors are configured.");
	for (size_t i = 1; i < w->certs; i++)
		above[i - 1] = &w->cert[i];
	TRY(ek_check_chain(w->snap->anchors, &w->cert[0], above, w->certs - 1,
	    clock_now(&server_of(w->q)->clock), &w->facts, e));
	if (w->facts.rot == ROT_VIRTUAL && !w->snap->allow_virtual)
		return err_at(e, ERR_EK_VIRTUAL, NULL, "ek_certificates");
	return ek_check_public(&w->cert[0], &w->ek, e);
}

static rc
judge_ak(struct enrol *w, struct err *e)
{
	struct hasher *h = w->q->hasher;
	struct identity *id = &w->row.identity;
	struct key *key;

	TRY(key_check_ak(&w->ak, e));
	TRY(key_from_public(&w->ak, &key, e));
	id->ak_alg = span_str(key_alg_name(key));
	key_free(key);
	TRY(key_name(&w->ek, h, &w->ek_name, e));
	TRY(key_name(&w->ak, h, &w->ak_name, e));
	return key_qualified_name(
	    &w->ek_name, &w->ak_name, h, &w->ak_qualified, e);
}

static rc
fill_row(struct enrol *w, struct err *e)
{
	struct identity *id = &w->row.identity;
	struct server *s = server_of(w->q);
	const struct conf *conf = conf_take(s->conf);

	w->row.created = clock_now(&s->clock);
	w->row.expires = w->row.created + conf->enrol_secret_ttl;
	conf_drop(s->conf, conf);
	w->row.name = w->name;
	id->ek_cert = w->certs ? w->cert[0].der : span_of("", 0);
	id->rot = span_str(rot_class_name(w->facts.rot));
	id->manufacturer = span_str(w->facts.manufacturer);
	id->issuer = span_str(w->facts.issuer);
	id->serial = span_str(w->facts.serial);
	id->ak_name = span_of(w->ak_name.b, w->ak_name.n);
	id->ak_qualified = span_of(w->ak_qualified.b, w->ak_qualified.n);
	TRY(uuid_v7(w->row.created, &w->row.id));
	rc r = hash_of(w->q->hasher, ALG_SHA256, w->ek.raw, id->ek.b);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

/* --- the answer
 * -------------------------------------------------------------------- */

static void
put_bytes(struct enrol *w, struct jw *j, const char *key, struct span s)
{
	jw_kstr(j, key, base64url_string(w->q->arena, s));
}

static rc
offer(struct enrol *w, struct err *e)
{
	uint8_t secret[32];
	struct credential cred;
	struct uuid tenant;
	struct sha256 token;
	char id[UUID_TEXT];
	struct server *s = server_of(w->q);

	for (size_t i = 0; i < sizeof(token.b); i++)
		token.b[i] = w->q->caller.token[i];
	TRY(random_bytes(secret, sizeof(secret)));
	rc r = hash_of(w->q->hasher, ALG_SHA256,
	    span_of(secret, sizeof(secret)), w->row.secret.b);
	if (rc_ok(r))
		r = credential_make(&w->ek, &w->ak_name,
		    span_of(secret, sizeof(secret)), w->q->hasher, w->q->arena,
		    &cred, e);
	secret_cleanse(secret, sizeof(secret));
	TRY(r);
	TRY(s->store->ops->enrol_begin(s->store, &token, &w->row, &tenant, e));
	struct jw j = answer_json(w->q);
	uuid_emit(&w->row.id, id);
	jw_object(&j);
	jw_kstr(&j, "enrolment", id);
	put_bytes(w, &j, "credential_blob", cred.blob);
	put_bytes(w, &j, "encrypted_secret", cred.secret);
	jw_ktime(&j, "expires_at", w->row.expires);
	jw_object_end(&j);
	return RC_OK;
}

static rc
enrol(struct enrol *w, struct err *e)
{
	TRY(read_request(w, e));
	TRY(judge_ek(w, e));
	TRY(judge_ak(w, e));
	TRY(fill_row(w, e));
	return offer(w, e);
}

static void
enrol_end(struct enrol *w)
{
	json_free(w->doc);
	for (size_t i = 0; i < w->certs; i++)
		cert_free(&w->cert[i]);
	snapshot_drop(w->snap);
}

enum http_then
handle_enrol(struct http_request *q)
{
	struct server *s = server_of(q);
	struct enrol *w = arena_alloc(q->arena, sizeof(*w));
	struct err e = {.code = ERR_MEMORY};
	struct uuid none = uuid_zero();

	if (!w)
		return answer_problem(q, &e);
	w->q = q;
	w->snap = snapshot_take(s);
	rc r =
	    w->snap ? enrol(w, &e) : err_at(&e, ERR_DATABASE, NULL, "%s", "");
	enrol_end(w);
	if (rc_ok(r))
		return answer_done(q);
	e.code = r.code;
	if (err_class(r.code) == CLS_TAMPER)
		committer_event(q, q->hasher, &none, NULL, r.code);
	return answer_problem(q, &e);
}

/* --- activation
 * ------------------------------------------------------------------------ */

/* Only the server that made the secret and the TPM that opened it know it. */
static rc
token_secret(struct hasher *h, struct span secret, uint8_t out[TOKEN_SECRET],
    struct err *e)
{
	static const char label[] = "akashi node token 1";
	struct buf b = {0};

	buf_put(&b, label, sizeof(label));
	buf_put(&b, secret.p, secret.n);
	rc r = b.failed ? err_at(e, ERR_MEMORY, NULL, "%s", "")
			: hash_of(h, ALG_SHA256, buf_span(&b), out);
	if (b.p)
		secret_cleanse(b.p, b.n);
	buf_free(&b);
	return r;
}

static rc
read_activation(struct http_request *q, struct activation *act,
    uint8_t token[TOKEN_SECRET], struct err *e)
{
	static const char *const known[] = {"enrolment", "secret", NULL};
	struct span id, text, secret;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(json_get_str(doc, "", "enrolment", &id, e));
	TRY(json_get_str(doc, "", "secret", &text, e));
	if (!rc_ok(uuid_parse(id, &act->enrolment)))
		return err_at(e, ERR_ID_FORMAT, NULL, "enrolment");
	rc r = base64url_decode(text, q->arena, &secret);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "secret");
	TRY(token_secret(q->hasher, secret, token, e));
	TRY(hash_of(q->hasher, ALG_SHA256, span_of(token, TOKEN_SECRET),
	    act->node_token.b));
	return hash_of(q->hasher, ALG_SHA256, secret, act->secret.b);
}

static void
write_node_token(
    struct jw *j, const struct node *n, const uint8_t secret[TOKEN_SECRET])
{
	uint8_t raw[NODE_TOKEN];
	char text[NODE_TOKEN_TEXT] = NODE_TOKEN_PREFIX;

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = i < 16	  ? n->tenant.b[i]
			 : i < 32 ? n->id.b[i - 16]
				  : secret[i - 32];
	base64url_emit(
	    span_of(raw, sizeof(raw)), text + sizeof(NODE_TOKEN_PREFIX) - 1);
	jw_kstr(j, "node_token", text);
	secret_cleanse(raw, sizeof(raw));
	secret_cleanse(text, sizeof(text));
}

static rc
write_activation(struct http_request *q, const struct snapshot *snap,
    const struct node *n, const uint8_t secret[TOKEN_SECRET], struct err *e)
{
	char tenant[UUID_TEXT], id[UUID_TEXT];
	struct jw j = answer_json(q);

	uuid_emit(&n->tenant, tenant);
	uuid_emit(&n->id, id);
	jw_object(&j);
	jw_kstr(&j, "tenant", tenant);
	jw_kstr(&j, "node", id);
	write_node_token(&j, n, secret);
	jw_kstr(&j, "admission", admission_name(n->admission));
	jw_key(&j, "challenge");
	TRY(write_challenge(q, snap, &n->tenant, &n->id, &j, e));
	jw_object_end(&j);
	return RC_OK;
}

static rc
activate(struct http_request *q, struct snapshot *snap, struct err *e)
{
	struct server *s = server_of(q);
	struct activation act = {
	    .now = clock_now(&s->clock), .source = q->source};
	uint8_t secret[TOKEN_SECRET];
	struct node node;

	TRY(read_activation(q, &act, secret, e));
	TRY(uuid_v7(act.now, &act.node));
	rc r =
	    s->store->ops->enrol_activate(s->store, &act, q->arena, &node, e);
	if (rc_ok(r)) {
		node_cache_forget(s, &node.id, NODE_ANY_VERSION);
		metrics_add(slot_of(q), METRIC_ENROLMENTS, 1);
		r = write_activation(q, snap, &node, secret, e);
	}
	secret_cleanse(secret, sizeof(secret));
	return r;
}

enum http_then
handle_activate(struct http_request *q)
{
	struct snapshot *snap = snapshot_take(server_of(q));
	struct err e = {.code = ERR_OK};
	struct uuid none = uuid_zero();
	rc r = snap ? activate(q, snap, &e)
		    : err_at(&e, ERR_DATABASE, NULL, "%s", "");

	snapshot_drop(snap);
	if (rc_ok(r))
		return answer_done(q);
	buf_free(&q->answer.body);
	e.code = r.code;
	if (r.code == ERR_ENROL_ACTIVATION)
		committer_event(q, q->hasher, &none, NULL, r.code);
	return answer_problem(q, &e);
}

/* --- challenge
 * ---------------------------------------------------------------------------
 */

/* No look-up: whether the node exists is nobody's business here. */
static rc
challenge(struct http_request *q, const struct snapshot *snap, struct err *e)
{
	static const char *const known[] = {"tenant", "node", NULL};
	struct span tenant_text, node_text;
	struct uuid tenant, node;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(json_get_str(doc, "", "tenant", &tenant_text, e));
	TRY(json_get_str(doc, "", "node", &node_text, e));
	if (!rc_ok(uuid_parse(tenant_text, &tenant)))
		return err_at(e, ERR_ID_FORMAT, NULL, "tenant");
	if (!rc_ok(uuid_parse(node_text, &node)))
		return err_at(e, ERR_ID_FORMAT, NULL, "node");
	struct jw j = answer_json(q);
	return write_challenge(q, snap, &tenant, &node, &j, e);
}

enum http_then
handle_challenge(struct http_request *q)
{
	struct snapshot *snap = snapshot_take(server_of(q));
	struct err e = {.code = ERR_OK};
	rc r = snap ? challenge(q, snap, &e)
		    : err_at(&e, ERR_DATABASE, NULL, "%s", "");

	snapshot_drop(snap);
	if (rc_ok(r))
		return answer_done(q);
	buf_free(&q->answer.body);
	e.code = r.code;
	return answer_problem(q, &e);
}
