/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_INTAKE_LISTEN_H
#define AKASHI_INTAKE_LISTEN_H

#include "base/rc.h"

/* Open `n` listening sockets on one address, one for each loop: TCP ones with
 * SO_REUSEPORT, or copies of one unix socket (mode 0660, in place of a socket
 * file that nobody listens on any more). *port is 0 for a unix socket. The
 * caller closes the sockets. CONFIG, FILE. */
MUST_USE rc listen_open(
    const char *address, size_t n, int *fds, unsigned *port, struct err *e);

/* Remove the file of a unix socket; does nothing for TCP. */
void listen_forget(const char *address);

#endif
