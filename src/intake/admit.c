/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/auth.h"
#include "intake/exchange.h"

/* An authority that expires is noticed after this time. */
#define REJUDGE (60 * TIME_S)

static rc
find_route(struct exchange *x, const struct http_options *o,
    enum http_method method, struct err *e)
{
	struct http_request *q = &x->q;
	struct span target = span_str(x->target);
	struct route_match m = {0};
	const char *mark = strchr(x->target, '?');

	q->path = mark ? span_of(target.p, (size_t)(mark - x->target)) : target;
	q->query = mark ? span_str(mark + 1) : span_of(NULL, 0);
	TRY(route_match(o->routes, o->nroutes, method, q->path, q->arena, &m,
	    &q->answer.allow, e));
	q->method = method;
	q->route = m.route;
	q->params = m.params;
	for (size_t i = 0; i < m.params; i++)
		q->param[i] = m.param[i];
	return RC_OK;
}

/* --- who ------------------------------------------------------------------ */

/* The judgement is kept for the connection until other authorities are
 * loaded, a certificate expires, or REJUDGE has passed. */
static rc
judge_certificate(struct conn *c, struct tls *by, struct err *e)
{
	const struct clock clock = clock_system();
	int64_t now = clock_now(&clock);

	if (c->judged_by != by || now >= c->judged_until) {
		c->peer = TLS_PEER_NONE;
		c->judged_until = now + REJUDGE;
		c->judged =
		    tls_peer(by, c->session, &c->peer, &c->judged_until, NULL);
		tls_drop(c->judged_by);
		c->judged_by = tls_hold(by);
	}
	return rc_ok(c->judged) ? c->judged
				: err_at(e, c->judged.code, NULL, "%s", "");
}

static bool
needs_certificate(unsigned require, enum auth_class cls)
{
	return require == CLIENT_ALL ||
	       (require == CLIENT_OPERATORS && cls == AUTH_OPERATOR);
}

static rc
check_certificate(struct exchange *x, const struct settings *set, struct err *e)
{
	if (!set->tls || !tls_asks(set->tls))
		return RC_OK;
	TRY(judge_certificate(x->conn, set->tls, e));
	if (x->conn->peer == TLS_PEER_NONE &&
	    needs_certificate(set->client_require, x->q.route->auth))
		return err_at(e, ERR_AUTH_CLIENT_CERT,
		    "This server asks for a client certificate.", "%s", "");
	return RC_OK;
}

static rc
check_token(struct exchange *x, const struct admission *by, struct err *e)
{
	const struct http_hooks *hooks = &by->options->hooks;
	enum auth_class cls = x->q.route->auth;
	uint8_t hash[32];

	/* Keys and certificates are judged before the token is looked up. */
	if (cls == AUTH_ENROL_TOKEN &&
	    !limiter_request(by->limiter, x->conn->place, by->now))
		return err_at(e, ERR_HTTP_RATE, NULL, "%s", "");
	if (!limiter_may_try(by->limiter, x->conn->place, by->now))
		return err_at(e, ERR_HTTP_RATE,
		    "Too many credentials from this source were wrong.", "%s",
		    "");
	rc r = auth_bearer(x->facts.authorization, cls, x->q.hasher, hash, e);
	if (rc_ok(r))
		r = hooks->authenticate
			? hooks->authenticate(&x->q, cls, hash, &x->q.caller, e)
			: err_at(e, ERR_AUTH_INVALID, NULL, "%s", "");
	secret_cleanse(hash, sizeof(hash));
	if (r.code == ERR_AUTH_INVALID)
		limiter_failed(by->limiter, x->conn->place, by->now);
	x->q.caller.cls = cls;
	return r;
}

static rc
check_open(struct exchange *x, const struct admission *by, struct err *e)
{
	x->q.caller.cls = x->q.route->auth;
	if (!by->options->admin &&
	    !limiter_request(by->limiter, x->conn->place, by->now))
		return err_at(e, ERR_HTTP_RATE, NULL, "%s", "");
	return RC_OK;
}

static rc
check_who(struct exchange *x, const struct admission *by, struct err *e)
{
	switch (x->q.route->auth) {
	case AUTH_NONE:
	case AUTH_ADMIN_SOCKET:
		return check_open(x, by, e);
	case AUTH_ENROL_TOKEN:
	case AUTH_NODE_TOKEN:
	case AUTH_OPERATOR:
		return check_token(x, by, e);
	case AUTH_UNSET:
		break;
	}
	return err_at(e, ERR_AUTH_FORBIDDEN, NULL, "%s", "");
}

/* --- what ----------------------------------------------------------------- */

static rc
check_body(struct exchange *x, const struct settings *set, struct err *e)
{
	const struct route *r = x->q.route;
	const struct gate_facts *f = &x->facts;
	size_t max = set->body_max[r->body];

	x->limits.max = max;
	x->limits.memory = set->spool;
	if (!f->chunked && f->length == 0)
		return RC_OK;
	if (r->type && !gate_type_is(f->type, r->type))
		return err_text(e, ERR_HTTP_TYPE, "headers.content-type",
		    "This route takes %s.", r->type);
	if (f->encoding.p)
		return err_at(e, ERR_HTTP_TYPE, "Encoded bodies are not taken.",
		    "headers.content-encoding");
	if (max == 0 || f->length > max)
		return err_text(e, ERR_HTTP_LENGTH, "body",
		    "At most %zu bytes are taken here.", max);
	return RC_OK;
}

rc
admit(struct exchange *x, const struct admission *by, enum http_method method,
    struct err *e)
{
	if (by->options->admin)
		TRY(auth_peer(x->conn->fd, e));
	TRY(find_route(x, by->options, method, e));
	TRY(check_certificate(x, by->settings, e));
	TRY(check_who(x, by, e));
	return check_body(x, by->settings, e);
}
