/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet of nodes with software keys in place of TPMs, enrolled in a running
 * server's store: what a load run needs.
 *
 * 1. Every node has an AK of its own (its name differs); the private keys
 *    behind them are shared, because making thousands takes minutes.
 * 2. The boot is a recorded one; only nonce, signer and signature are new.
 */
#ifndef AKASHI_TESTS_FLEET_H
#define AKASHI_TESTS_FLEET_H

#include "akashid/start.h"

/* One node: its token and what it quotes with. */
struct fleet_node {
	struct uuid tenant, id;
	uint8_t secret[TOKEN_SECRET];
	struct tpm_name qualified;
	bool rsa;
};

struct fleet;

/* Enrol and admit n nodes, half RSA-2048 and half P-256, under one policy that
 * was learned from the recorded boot. */
MUST_USE rc fleet_new(
    struct server *s, size_t n, struct fleet **out, struct err *e);
void fleet_free(struct fleet *f);

/* Who was made the first administrator. */
const struct principal *fleet_admin(const struct fleet *f);

/* The bytes of one HTTP request with evidence for a new challenge; `first`
 * sends the logs in full, later ones refer to them. The arena owns them. */
MUST_USE rc fleet_request(struct fleet *f, size_t node, bool first,
    struct arena *a, struct span *out, struct err *e);

#endif
