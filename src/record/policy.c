/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a policy's row alone: its state, who may take which step,
 * and which nodes a trial is for. */
#include "record/policy.h"

const char *
policy_state_name(enum policy_state s)
{
	static const char *const names[] = {
	    [POLICY_DRAFT] = "draft",
	    [POLICY_APPROVED] = "approved",
	    [POLICY_STAGED] = "staged",
	    [POLICY_ACTIVE] = "active",
	    [POLICY_RETIRED] = "retired",
	};

	return names[s];
}

const char *const policy_steps[] = {
    [STEP_PUT] = "put",
    [STEP_APPROVE] = "approve",
    [STEP_STAGE] = "stage",
    [STEP_UNSTAGE] = "unstage",
    [STEP_ACTIVATE] = "activate",
    [STEP_ROLLBACK] = "rollback",
    [STEP_RETIRE] = "retire",
};

const char *
policy_step_name(enum policy_step s)
{
	return policy_steps[s];
}

enum policy_state
policy_state(const struct policy_row *p)
{
	if (p->retired)
		return POLICY_RETIRED;
	if (p->active == p->version)
		return POLICY_ACTIVE;
	if (p->staged == p->version)
		return POLICY_STAGED;
	return *p->approver ? POLICY_APPROVED : POLICY_DRAFT;
}

/* FNV-1a, finished as in splitmix64: no secret, the same on every server. */
bool
policy_in_share(const char *policy, const struct uuid *node, uint32_t percent)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *p = policy; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3u;
	for (size_t i = 0; i < sizeof(node->b); i++)
		h = (h ^ node->b[i]) * 0x100000001b3u;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
	return (h ^ (h >> 31)) % 100 < percent;
}

/* The author, whoever has the author's name, or a token that the author made.
 */
static bool
same_person(const struct policy_row *p, const struct principal *who)
{
	return uuid_eq(&p->author_id, &who->id) ||
	       strcmp(p->author, who->name) == 0 ||
	       strcmp(p->author, who->maker) == 0;
}

rc
policy_step_allowed(const struct policy_row *p, const struct policy_change *c,
    const struct principal *who, bool *approve, struct err *e)
{
	bool approved = *p->approver && (p->four_eyes || !c->four_eyes);

	*approve = c->step == STEP_APPROVE;
	if (c->step == STEP_UNSTAGE)
		return p->staged ? RC_OK
				 : err_text(e, ERR_POLICY_UNKNOWN, "version",
				       "No version is on trial.");
	if (p->retired)
		return err_at(e, ERR_POLICY_RETIRED, NULL, "version");
	if (c->step == STEP_RETIRE)
		return RC_OK;
	if (c->step == STEP_APPROVE && !sha256_eq(&c->hash, &p->hash))
		return err_text(e, ERR_POLICY_CHANGED, "hash",
		    "The hash is not that of this version.");
	if (c->step == STEP_APPROVE && c->four_eyes && same_person(p, who))
		return err_at(e, ERR_POLICY_OWN, NULL, "version");
	if (c->step == STEP_APPROVE || approved)
		return RC_OK;
	*approve = !c->four_eyes;
	return *approve ? RC_OK
			: err_at(e, ERR_POLICY_UNAPPROVED, NULL, "version");
}
