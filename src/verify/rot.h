/* SPDX-License-Identifier: Apache-2.0 */
/* Roots of trust: what a TPM is made of, and by whom. */
#ifndef AKASHI_VERIFY_ROT_H
#define AKASHI_VERIFY_ROT_H

#include "base/span.h"

enum rot_class { ROT_UNKNOWN, ROT_DISCRETE, ROT_FIRMWARE, ROT_VIRTUAL };
enum { ROT_CLASSES = ROT_VIRTUAL + 1 };

const char *rot_class_name(enum rot_class c);

/* The class of a name; ROT_UNKNOWN for any other. */
enum rot_class rot_class_by_name(struct span name);

/* A manufacturer's id from "id:49465800" as certificates write it, or from its
 * name in the TCG vendor ID registry ("IFX"). */
bool maker_parse(struct span text, uint32_t *id);

/* The registry's name for an id; NULL if it is not known here. */
const char *maker_name(uint32_t id);

/* Endorsement certificates with this manufacturer are those of a software TPM,
 * whatever anchor they chain to. */
bool maker_is_software(uint32_t id);

#endif
