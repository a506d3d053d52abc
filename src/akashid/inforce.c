/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies in force, and which one is a node's.
 *
 * 1. A policy is what was put and approved: its hash is computed again when it
 *    is loaded, and where policies must be signed its signature is verified
 *    again. One that fails judges nothing; its nodes are unknown.
 * 2. A version on trial is for a part of its name's nodes, and for these goes
 *    before the active one.
 */
#include "akashid/server.h"

#include "base/text.h"
#include "record/labels.h"

#include <stdio.h>
#include <stdlib.h>

enum { POLICY_ARENA = 256 * 1024 * 1024 };

void
policy_set_free(struct policy_set *p)
{
	while (p) {
		struct policy_set *next = p->next;
		for (size_t i = 0; i < p->n; i++)
			policy_unref(p->active[i].policy);
		arena_free(&p->arena);
		free(p);
		p = next;
	}
}

/* What the author signed is what is judged by; *claims says who. */
rc
policy_signed_well(const struct snapshot *n, const struct policy_row *row,
    const struct policy *p, struct arena *a, struct jws_claims *claims,
    struct err *e)
{
	if (row->signature.n == 0)
		return err_at(e, ERR_POLICY_UNSIGNED, NULL, "signature");
	TRY(jws_verify((const struct sign_key *const *)n->author, n->authors_n,
	    row->signature, policy_canonical(p), a, claims, e));
	return span_eq(claims->policy, span_str(row->name))
		   ? RC_OK
		   : err_text(e, ERR_POLICY_SIGNATURE, "signature",
			 "It was made for another policy.");
}

/* Is it still what was put, and by whom it has to be? A failure of ours is one
 * of the call, any other makes the policy useless. */
static rc
check_trust(const struct snapshot *n, const struct policy_row *row,
    struct active_policy *out, struct arena *scratch, struct err *e)
{
	struct sha256 hash;
	struct jws_claims claims = {.kid = ""};
	rc r = RC_OK;

	policy_hash(out->policy, hash.b);
	if (row->signature.n || n->signed_policies)
		r = policy_signed_well(
		    n, row, out->policy, scratch, &claims, e);
	if (!rc_ok(r) && err_class(r.code) == CLS_OURS)
		return r;
	snprintf(out->signed_by, sizeof(out->signed_by), "%s",
	    rc_ok(r) ? claims.kid : "");
	out->trusted = sha256_eq(&hash, &row->hash) && *row->approver &&
		       (rc_ok(r) || !n->signed_policies);
	return RC_OK;
}

/* The hashes of its reference sets, for statements. */
static rc
name_refsets(struct policy_set *set, struct active_policy *out, struct err *e)
{
	struct refset_use use;

	while (policy_refset(out->policy, out->refsets_n, &use))
		out->refsets_n++;
	out->refset =
	    arena_array(&set->arena, out->refsets_n, sizeof(*out->refset));
	if (!out->refset)
		return err_at(e, ERR_MEMORY, NULL, "policies");
	for (size_t i = 0; i < out->refsets_n; i++)
		if (policy_refset(out->policy, i, &use))
			memcpy(out->refset[i].b, use.hash, 32);
	return RC_OK;
}

static rc
compile(struct server *s, const struct snapshot *n, struct policy_set *set,
    const struct policy_row *row, struct arena *scratch, struct err *e)
{
	struct active_policy *out = &set->active[set->n];
	bool trial = row->staged == row->version;
	struct span selector = trial ? row->stage_selector : row->selector;

	TRY(policy_decode(row->document, &out->policy, e));
	/* Counted at once, so that the set's destructor finds it. */
	set->n++;
	out->version = row->version;
	out->trial = trial;
	out->percent = row->percent;
	out->four_eyes = row->four_eyes;
	snprintf(out->name, sizeof(out->name), "%s", row->name);
	snprintf(out->author, sizeof(out->author), "%s", row->author);
	snprintf(out->approver, sizeof(out->approver), "%s", row->approver);
	out->selector = arena_copy(&set->arena, selector);
	out->trial_labels = arena_copy(&set->arena, row->stage_labels);
	if (out->selector.n != selector.n ||
	    out->trial_labels.n != row->stage_labels.n)
		return err_at(e, ERR_MEMORY, NULL, "policies");
	TRY(name_refsets(set, out, e));
	TRY(refsets_bind(s, &set->tenant, out->policy, e));
	return check_trust(n, row, out, scratch, e);
}

static rc
load_policies(struct server *s, const struct snapshot *n,
    const struct uuid *tenant, struct policy_set *set, struct arena *scratch,
    struct err *e)
{
	struct policy_list list = {0};

	TRY(s->store->ops->policy_active(s->store, tenant, scratch, &list, e));
	set->active = arena_array(&set->arena, list.n, sizeof(*set->active));
	if (!set->active)
		return err_at(e, ERR_MEMORY, NULL, "policies");
	for (size_t i = 0; i < list.n; i++) {
		rc r = compile(s, n, set, &list.row[i], scratch, e);
		if (!rc_ok(r))
			return err_prefix(e, r, list.row[i].name);
	}
	return RC_OK;
}

static rc
policy_set_new(struct server *s, const struct snapshot *n,
    const struct uuid *tenant, struct policy_set **out, struct err *e)
{
	struct policy_set *set = calloc(1, sizeof(*set));
	struct arena scratch;

	if (!set)
		return err_at(e, ERR_MEMORY, NULL, "policies");
	set->tenant = *tenant;
	arena_init(&set->arena, POLICY_ARENA);
	arena_init(&scratch, POLICY_ARENA);
	rc r = load_policies(s, n, tenant, set, &scratch, e);
	arena_free(&scratch);
	if (!rc_ok(r)) {
		policy_set_free(set);
		return r;
	}
	*out = set;
	return RC_OK;
}

/* The tenant's set; `add` becomes it where there is none yet. */
static struct policy_set *
find_set(struct snapshot *n, const struct uuid *tenant, struct policy_set *add)
{
	struct policy_set *set;

	pthread_mutex_lock(&n->policies_lock);
	for (set = n->policies; set; set = set->next)
		if (uuid_eq(&set->tenant, tenant))
			break;
	if (!set && add) {
		add->next = n->policies;
		n->policies = set = add;
	}
	pthread_mutex_unlock(&n->policies_lock);
	return set;
}

/* The tenant's policies, loaded when they are first asked for. A set that
 * could not be loaded is tried again by the next submission. The lock is not
 * held meanwhile: of two that load, the second drops what it has. */
static rc
policies_of(struct server *s, struct snapshot *n, const struct uuid *tenant,
    const struct policy_set **out, struct err *e)
{
	struct policy_set *set = find_set(n, tenant, NULL);

	if (!set) {
		struct policy_set *made = NULL;
		TRY(policy_set_new(s, n, tenant, &made, e));
		set = find_set(n, tenant, made);
		if (set != made)
			policy_set_free(made);
	}
	*out = set;
	return RC_OK;
}

/* What the old snapshot had in use is ready in the new one before it is in
 * force; what fails here is tried again by a submission. */
void
policies_warm(struct server *s, struct snapshot *n, struct snapshot *old)
{
	const struct policy_set *ready;
	struct policy_set *set;
	struct err e;

	pthread_mutex_lock(&old->policies_lock);
	set = old->policies; /* sets are only ever put in front */
	pthread_mutex_unlock(&old->policies_lock);
	for (; set; set = set->next)
		(void)!rc_ok(policies_of(s, n, &set->tenant, &ready, &e));
}

/* A policy that is bound to a class never meets a node of another. */
static bool
for_class(const struct policy *p, struct span env_class)
{
	const char *bound = policy_class(p);

	return !bound || span_eq(span_str(bound), env_class);
}

static bool
is_for(const struct active_policy *p, const struct node *node)
{
	if (!labels_match(p->selector, node->labels) ||
	    !for_class(p->policy, node->env_class))
		return false;
	if (!p->trial)
		return true;
	return p->trial_labels.n
		   ? labels_match(p->trial_labels, node->labels)
		   : policy_in_share(p->name, &node->id, p->percent);
}

rc
policy_for(struct server *s, struct snapshot *n, const struct node *node,
    const struct active_policy **out, struct err *e)
{
	const struct policy_set *set;
	const struct active_policy *found = NULL;

	TRY(policies_of(s, n, &node->tenant, &set, e));
	for (size_t i = 0; i < set->n; i++) {
		const struct active_policy *p = &set->active[i];
		if (!is_for(p, node))
			continue;
		if (found && strcmp(found->name, p->name) != 0)
			return err_text(e, ERR_POLICY_AMBIGUOUS, "",
			    "Policies \"%s\" and \"%s\" both match.",
			    found->name, p->name);
		if (!found || p->trial)
			found = p;
	}
	if (!found)
		return err_at(e, ERR_POLICY_NONE, NULL, "%s", "");
	if (!found->trusted)
		return err_text(e, ERR_POLICY_UNTRUSTED, "",
		    "Policy \"%s\", version %u.", found->name, found->version);
	*out = found;
	return RC_OK;
}
