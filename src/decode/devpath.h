/* SPDX-License-Identifier: Apache-2.0 */
/* UEFI device paths as text (UEFI 2.10, sections 10.3 and 10.6). */
#ifndef AKASHI_DECODE_DEVPATH_H
#define AKASHI_DECODE_DEVPATH_H

#include "decode/line.h"

/* Append "PciRoot(0x0)/Pci(0x1F,0x2)/…/HD(1,GPT,…)/\EFI\BOOT\BOOTX64.EFI".
 * False if a node's length is below 4, goes beyond the path or is too short
 * for its kind; what could be read was appended. A missing end node and nodes
 * of unknown kind ("Path(2,7,0a0b…)") are fine. */
bool devpath_text(struct span path, struct line *l);

#endif
