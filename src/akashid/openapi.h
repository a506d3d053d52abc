/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_AKASHID_OPENAPI_H
#define AKASHI_AKASHID_OPENAPI_H

#include "base/span.h"

/* contrib/openapi.json, embedded at build. */
struct span openapi_document(void);

#endif
