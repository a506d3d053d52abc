/* SPDX-License-Identifier: Apache-2.0 */
/* What real machines do otherwise than the specification, and is accepted. */
#ifndef AKASHI_REPLAY_QUIRKS_H
#define AKASHI_REPLAY_QUIRKS_H

#include "replay/boot.h"

/* The QUIRK_ bits of a replayed log: those that decoding found, and those that
 * show only when it is known what each digest covers. */
unsigned boot_quirks(const struct evlog *log, const struct boot_replay *replay);

#endif
