/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a node's row alone. */
#include "record/store.h"

#include "base/text.h"

static const char *const roles[] = {
    [ROLE_NONE] = "none",
    [ROLE_VIEWER] = "viewer",
    [ROLE_AUTHOR] = "author",
    [ROLE_APPROVER] = "approver",
    [ROLE_OPERATOR] = "operator",
    [ROLE_ADMIN] = "admin",
};

const char *
role_name(enum role r)
{
	return roles[r];
}

bool
role_parse(struct span name, enum role *out)
{
	for (int i = ROLE_VIEWER; i <= ROLE_ADMIN; i++)
		if (span_eq(name, span_str(roles[i]))) {
			*out = (enum role)i;
			return true;
		}
	return false;
}

const char *
admission_name(enum admission a)
{
	static const char *const names[] = {
	    [ADMISSION_PENDING] = "pending",
	    [ADMISSION_ADMITTED] = "admitted",
	    [ADMISSION_RETIRED] = "retired",
	};

	return names[a];
}

static const char *const statuses[] = {
    [STATUS_UNKNOWN] = "unknown",
    [STATUS_TRUSTED] = "trusted",
    [STATUS_WARNING] = "warning",
    [STATUS_UNTRUSTED] = "untrusted",
};

const char *
status_name(enum status s)
{
	return statuses[s];
}

bool
status_parse(struct span name, enum status *out)
{
	for (int i = 0; i <= STATUS_UNTRUSTED; i++)
		if (span_eq(name, span_str(statuses[i]))) {
			*out = (enum status)i;
			return true;
		}
	return false;
}

/* Of the last verdict alone, while it is valid. */
static enum status
verdict_status(const struct node_state *s)
{
	switch (s->result) {
	case RESULT_PASS:
		return STATUS_TRUSTED;
	case RESULT_WARN:
		return STATUS_WARNING;
	case RESULT_FAIL:
		return s->observe ? STATUS_WARNING : STATUS_UNTRUSTED;
	case RESULT_REJECT:
		return STATUS_UNTRUSTED;
	case RESULT_NONE:
		break;
	}
	return STATUS_UNKNOWN;
}

/* store_pg_node.c says the same in SQL, for lists. */
enum status
node_status(const struct node *n, int64_t now, enum err_code *why)
{
	const struct node_state *s = &n->state;
	enum status status = verdict_status(s);

	*why = ERR_OK;
	if (n->admission == ADMISSION_RETIRED) {
		*why = ERR_NODE_RETIRED;
		return STATUS_UNKNOWN;
	}
	if (s->held) {
		*why = ERR_NODE_HELD;
		return STATUS_UNTRUSTED;
	}
	if (n->admission == ADMISSION_PENDING) {
		*why = ERR_NODE_PENDING;
		return STATUS_UNKNOWN;
	}
	if (uuid_none(&s->verdict)) {
		*why = ERR_NODE_NEVER;
		return STATUS_UNKNOWN;
	}
	if (status != STATUS_UNTRUSTED && now >= s->valid_until) {
		*why = ERR_NODE_STALE;
		return STATUS_UNKNOWN;
	}
	*why = s->code;
	return status;
}

bool
node_quota_take(struct node_state *s, int64_t now, uint32_t quota)
{
	uint32_t day = (uint32_t)(now / (86400 * TIME_S));

	if (s->rejected_day != day) {
		s->rejected_day = day;
		s->rejected_count = 0;
	}
	if (s->rejected_count >= quota)
		return false;
	s->rejected_count++;
	return true;
}

bool
node_still_failed(const struct node_state *before, enum result verdict)
{
	return verdict == RESULT_NONE &&
	       (before->result == RESULT_REJECT ||
		   (before->result == RESULT_FAIL && !before->observe));
}

bool
enrol_name_allowed(struct span names, struct span name)
{
	char glob[STORE_NAME];

	if (names.n == 0)
		return true;
	if (names.n >= sizeof(glob))
		return false;
	memcpy(glob, names.p, names.n);
	glob[names.n] = '\0';
	return glob_match(glob, name);
}

bool
enrol_still(const struct node *n, const struct enrolment *en,
    const struct activation *act)
{
	return n->admission != ADMISSION_RETIRED &&
	       span_eq(n->identity.ak_name, en->identity.ak_name) &&
	       sha256_eq(&n->node_token, &act->node_token);
}
