/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_AKASHID_START_H
#define AKASHI_AKASHID_START_H

#include "akashid/server.h"

/* Start a server with this configuration, which it owns from then on. `store`
 * NULL: PostgreSQL as configured; else this one, owned as well. A missing
 * database is no failure: the server is not ready and keeps trying.
 * CONFIG, FILE, INTERNAL, MEMORY. */
MUST_USE rc server_start(
    struct conf *c, struct store *store, struct server **out, struct err *e);

/* Take over what of a new configuration can change while running; on failure
 * the old one stays in force. Owns c in any case. */
MUST_USE rc server_reload(struct server *s, struct conf *c, struct err *e);

/* Report not ready and stop accepting connections. */
void server_drain(struct server *s);

/* Finish what is in work, record it, and free everything. NULL accepted. */
void server_stop(struct server *s);

#endif
