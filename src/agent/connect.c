/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include "base/clock.h"

rc
agent_connect(struct agent *ag, const struct identity *id, struct err *e)
{
	struct https_options o = ag->o->http;

	if (ag->link.http)
		return RC_OK;
	if (!o.base_url)
		o.base_url = id->server;
	if (!o.ca_file && *id->ca)
		o.ca_file = id->ca;
	if (ag->o->patience < 60 * TIME_S)
		o.total_ms = (long)(ag->o->patience / TIME_MS);
	return https_new(&o, &ag->link.http, e);
}
