/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/auth.h"

#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PREFIX = 5 };

/* `text`: length of what follows the prefix, base64url without padding: 32
 * random bytes, in a node token behind the ids of tenant and node. */
static const struct {
	enum auth_class cls;
	const char *prefix;
	size_t text;
} tokens[] = {
    {AUTH_ENROL_TOKEN, "aket_", 43},
    {AUTH_NODE_TOKEN, "aknt_", 86},
    {AUTH_OPERATOR, "akad_", 43},
};

static bool
is_base64url(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			  (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
		if (!ok)
			return false;
	}
	return true;
}

/* The class that a token's prefix names; AUTH_UNSET if it is no token. */
static enum auth_class
class_of(struct span token)
{
	if (token.n < PREFIX ||
	    !is_base64url(span_of(token.p + PREFIX, token.n - PREFIX)))
		return AUTH_UNSET;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (memcmp(token.p, tokens[i].prefix, PREFIX) == 0 &&
		    token.n == PREFIX + tokens[i].text)
			return tokens[i].cls;
	return AUTH_UNSET;
}

rc
auth_bearer(struct span header, enum auth_class cls, struct hasher *h,
    uint8_t out[32], struct err *e)
{
	static const char scheme[] = "Bearer ";
	enum { SCHEME = sizeof(scheme) - 1 };

	if (!header.p)
		return err_at(e, ERR_AUTH_MISSING, NULL, "%s", "");
	if (header.n <= SCHEME ||
	    strncasecmp((const char *)header.p, scheme, SCHEME) != 0)
		return err_at(e, ERR_AUTH_INVALID, NULL, "%s", "");
	struct span token = span_of(header.p + SCHEME, header.n - SCHEME);
	enum auth_class found = class_of(token);
	if (found == AUTH_UNSET)
		return err_at(e, ERR_AUTH_INVALID, NULL, "%s", "");
	if (found != cls)
		return err_at(e, ERR_AUTH_FORBIDDEN,
		    "This route takes another kind of token.", "%s", "");
	rc r = hash_of(h, ALG_SHA256, token, out);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

rc
auth_peer(int fd, struct err *e)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	    n == sizeof(peer) && (peer.uid == 0 || peer.uid == geteuid()))
		return RC_OK;
	return err_at(e, ERR_AUTH_PEER, NULL, "%s", "");
}
