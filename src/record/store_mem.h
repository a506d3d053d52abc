/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of store_mem share: plain arrays under one lock. */
#ifndef AKASHI_RECORD_STORE_MEM_H
#define AKASHI_RECORD_STORE_MEM_H

#include "base/hash.h"
#include "record/labels.h"
#include "record/store.h"

#include <pthread.h>

/* An array that grows. Rows live in the store's arena and are never freed. */
struct rows {
	size_t n, cap;
	void **row;
};

struct mem_admin {
	struct sha256 hash;
	struct principal who;
};

struct mem_token {
	struct uuid tenant;
	struct enrol_token t;
};

struct mem_listed {
	struct uuid tenant;
	struct listed_ek ek;
};

struct mem_enrolment {
	struct uuid tenant, token;
	struct enrolment en;
	int tries;
	bool gone;
	struct node *node; /* what its activation made, or NULL */
};

struct mem_policy {
	struct uuid tenant;
	struct policy_row p;
};

/* One per name: what policy_name and policy_active hold. */
struct mem_active {
	struct uuid tenant;
	struct span name, selector, before_selector;
	uint64_t revision;
	uint32_t version, before, staged, percent;
	struct span stage_selector, stage_labels;
	char activator[STORE_NAME];
};

struct mem_past {
	struct uuid tenant;
	struct span name;
	struct policy_past p;
};

struct mem_refset {
	struct uuid tenant;
	struct refset_row row;
	struct span file;
};

struct mem_record {
	struct record r; /* spans are the store's */
	int64_t expires; /* of the challenge; 0: forgotten */
};

struct mem_blob {
	struct uuid tenant;
	struct sha256 sha256;
	struct span bytes;
};

struct store_mem {
	struct store store;
	pthread_mutex_t lock;
	struct arena arena;
	struct hasher *hasher;
	struct cluster cluster;
	bool initialised;
	struct rows admins, tokens, listed, enrolments, nodes, policies, active,
	    past, refsets, records, blobs;
	uint64_t events, audits;
};

static inline struct store_mem *
store_mem(struct store *st)
{
	return (struct store_mem *)(void *)st;
}

/* A new zeroed row at the end; NULL when memory is gone. */
void *mem_add(struct store_mem *m, struct rows *r, size_t size);

/* A node that is not retired by id, or NULL. */
struct node *mem_node(
    struct store_mem *m, const struct uuid *tenant, const struct uuid *id);

/* A deep copy whose spans are in `a`. */
MUST_USE rc mem_copy_node(
    struct arena *a, const struct node *in, struct node *out, struct err *e);
struct span mem_copy(struct arena *a, struct span s, bool *failed);

MUST_USE bool mem_copy_identity(struct arena *a, struct identity *id);
void mem_admit(struct node *n, int64_t now);
rc mem_full(struct err *e); /* MEMORY */

/* node_get() fills in what became of a challenge. */
struct used mem_used(
    struct store_mem *m, const struct uuid *node, const uint8_t *challenge);

rc mem_token_put(struct store *, const struct actor *,
    const struct enrol_token *, struct err *);
rc mem_token_list(struct store *, const struct uuid *, struct arena *,
    struct enrol_token **, size_t *, struct err *);
rc mem_token_revoke(
    struct store *, const struct actor *, const struct uuid *, struct err *);
rc mem_ek_put(struct store *, const struct actor *, const struct listed_ek *,
    size_t, struct err *);
rc mem_enrol_begin(struct store *, const struct sha256 *,
    const struct enrolment *, struct uuid *, struct err *);
rc mem_enrol_activate(struct store *, const struct activation *, struct arena *,
    struct node *, struct err *);
rc mem_node_get(struct store *, const struct uuid *, const struct uuid *,
    const uint8_t *, struct arena *, struct node *, struct err *);
rc mem_node_find(struct store *, const struct uuid *, struct span,
    struct arena *, struct node *, struct err *);
rc mem_node_list(struct store *, const struct uuid *,
    const struct node_filter *, struct arena *, struct node_list *,
    struct err *);
rc mem_node_hold(struct store *, const struct uuid *, const struct uuid *,
    uint64_t, struct err *);
rc mem_node_change(struct store *, const struct actor *,
    const struct node_change *, struct err *);
rc mem_counts_get(struct store *, const struct uuid *, int64_t, struct counts *,
    struct err *);

rc mem_refset_put(struct store *, const struct actor *,
    const struct refset_row *, struct span, uint32_t *, struct err *);
rc mem_refset_get(struct store *, const struct uuid *, struct span, uint32_t,
    struct arena *, struct refset_row *, struct err *);
rc mem_refset_list(struct store *, const struct uuid *, struct arena *,
    struct refset_list *, struct err *);
rc mem_refset_read(struct store *, const struct uuid *, const struct sha256 *,
    const struct refset_sink *, struct err *);
rc mem_commit(struct store *, struct record *, size_t, struct err *);
rc mem_verdict_get(struct store *, const struct uuid *, const struct uuid *,
    struct arena *, struct verdict_row *, struct err *);
rc mem_verdict_list(struct store *, const struct uuid *,
    const struct verdict_filter *, struct arena *, struct verdict_list *,
    struct err *);
rc mem_verdict_good(struct store *, const struct verdict_row *, struct arena *,
    struct verdict_row *, struct err *);
rc mem_verdict_past(struct store *, const struct verdict_row *,
    const struct uuid *, struct arena *, struct verdict_kins *, struct err *);
rc mem_verdict_others(struct store *, const struct verdict_row *,
    struct arena *, struct verdict_kins *, struct err *);
rc mem_evidence_get(struct store *, const struct verdict_row *, struct arena *,
    struct evidence_row *, struct err *);
rc mem_blob_get(struct store *, const struct uuid *, const struct sha256 *,
    struct arena *, struct span *, struct err *);
rc mem_ima_list(struct store *, const struct verdict_row *, struct arena *,
    struct ima_segments *, struct err *);
rc mem_ima_get(struct store *, const struct uuid *, const struct uuid *,
    const struct uuid *, struct arena *, struct span *, struct err *);

rc mem_boots_list(struct store *, const struct uuid *,
    const struct boots_filter *, struct arena *, struct boots_list *,
    struct err *);
rc mem_boots_read(struct store *, const struct uuid *, const struct boot_row *,
    size_t, struct arena *, struct boot_evidence *, struct err *);

/* Of one tenant, with the store's lock held. */
const struct mem_record *mem_record_of(
    struct store_mem *m, const struct uuid *tenant, const struct uuid *verdict);
struct span mem_blob_of(struct store_mem *m, const struct uuid *tenant,
    const struct sha256 *sha256);
/* A row as it would come back from a table. */
struct verdict_row mem_bare(struct store_mem *m, const struct verdict_row *v);

rc mem_policy_put(struct store *, const struct actor *,
    const struct policy_new *, uint64_t, uint32_t *, struct err *);
rc mem_policy_get(struct store *, const struct uuid *, struct span, uint32_t,
    struct arena *, struct policy_row *, struct err *);
rc mem_policy_list(struct store *, const struct uuid *, struct arena *,
    struct policy_list *, struct err *);
rc mem_policy_active(struct store *, const struct uuid *, struct arena *,
    struct policy_list *, struct err *);
rc mem_policy_change(struct store *, const struct actor *,
    const struct policy_change *, uint32_t *, struct err *);
rc mem_policy_history(struct store *, const struct uuid *, struct span,
    struct arena *, struct policy_history *, struct err *);

#endif
