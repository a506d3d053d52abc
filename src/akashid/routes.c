/* SPDX-License-Identifier: Apache-2.0 */
/* Every route with its authentication class; no row, no route. */
#include "akashid/server.h"

#include "intake/submission.h"

#define JSON "application/json"

const struct route api_routes[] = {
    /* nodes */
    {HTTP_POST, "/v1/enrol", AUTH_ENROL_TOKEN, BODY_JSON, JSON, handle_enrol,
	"enrol"},
    {HTTP_POST, "/v1/activate", AUTH_NONE, BODY_JSON, JSON, handle_activate,
	"activate"},
    {HTTP_POST, "/v1/challenge", AUTH_NONE, BODY_JSON, JSON, handle_challenge,
	"challenge"},
    {HTTP_POST, "/v1/evidence", AUTH_NODE_TOKEN, BODY_EVIDENCE, SUBMISSION_TYPE,
	handle_evidence, "evidence"},
    {HTTP_GET, "/openapi.json", AUTH_NONE, BODY_NONE, NULL, handle_openapi,
	"openapi"},
    /* operators */
    {HTTP_GET, "/v1/nodes", AUTH_OPERATOR, BODY_NONE, NULL, handle_node_list,
	"node_list"},
    {HTTP_POST, "/v1/nodes/import", AUTH_OPERATOR, BODY_POLICY,
	"application/x-ndjson", handle_node_import, "node_import"},
    {HTTP_GET, "/v1/nodes/{name}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_node_show, "node_show"},
    {HTTP_POST, "/v1/nodes/{name}/approve", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_node_approve, "node_approve"},
    {HTTP_POST, "/v1/nodes/{name}/retire", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_node_retire, "node_retire"},
    {HTTP_POST, "/v1/nodes/{name}/clear", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_node_clear, "node_clear"},
    {HTTP_GET, "/v1/tokens", AUTH_OPERATOR, BODY_NONE, NULL, handle_token_list,
	"token_list"},
    {HTTP_POST, "/v1/tokens", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_token_create, "token_create"},
    {HTTP_POST, "/v1/tokens/{id}/revoke", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_token_revoke, "token_revoke"},
    {HTTP_GET, "/v1/policies", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_list, "policy_list"},
    {HTTP_GET, "/v1/policies/{name}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_get, "policy_get"},
    {HTTP_POST, "/v1/policies/{name}", AUTH_OPERATOR, BODY_POLICY, JSON,
	handle_policy_apply, "policy_apply"},
    {HTTP_GET, "/v1/policies/{name}/{version}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_document, "policy_document"},
    {HTTP_POST, "/v1/policies/{name}/activate", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_activate, "policy_activate"},
    {HTTP_POST, "/v1/policies/{name}/rollback", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_rollback, "policy_rollback"},
    {HTTP_GET, "/v1/verdicts", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_verdict_list, "verdict_list"},
    {HTTP_GET, "/v1/verdicts/{id}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_verdict_show, "verdict_show"},
};
const size_t api_routes_n = sizeof(api_routes) / sizeof(api_routes[0]);

const struct route admin_routes[] = {
    {HTTP_POST, "/admin/init", AUTH_ADMIN_SOCKET, BODY_JSON, JSON,
	handle_admin_init, "admin_init"},
    {HTTP_GET, "/livez", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_livez,
	"livez"},
    {HTTP_GET, "/readyz", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_readyz,
	"readyz"},
    {HTTP_GET, "/version", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_version,
	"version"},
    {HTTP_GET, "/metrics", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_metrics,
	"metrics"},
};
const size_t admin_routes_n = sizeof(admin_routes) / sizeof(admin_routes[0]);
