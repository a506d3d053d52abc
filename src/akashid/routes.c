/* SPDX-License-Identifier: Apache-2.0 */
/* Every route with its authentication class; no row, no route. */
#include "akashid/server.h"

#include "intake/submission.h"

#define JSON "application/json"

const struct route api_routes[] = {
    /* nodes */
    {HTTP_POST, "/v1/enrol", AUTH_ENROL_TOKEN, BODY_JSON, JSON, handle_enrol,
	"enrol", RIGHT_READ},
    {HTTP_POST, "/v1/activate", AUTH_NONE, BODY_JSON, JSON, handle_activate,
	"activate", RIGHT_READ},
    {HTTP_POST, "/v1/challenge", AUTH_NONE, BODY_JSON, JSON, handle_challenge,
	"challenge", RIGHT_READ},
    {HTTP_POST, "/v1/evidence", AUTH_NODE_TOKEN, BODY_EVIDENCE, SUBMISSION_TYPE,
	handle_evidence, "evidence", RIGHT_READ},
    {HTTP_GET, "/openapi.json", AUTH_NONE, BODY_NONE, NULL, handle_openapi,
	"openapi", RIGHT_READ},
    /* operators */
    {HTTP_GET, "/v1/nodes", AUTH_OPERATOR, BODY_NONE, NULL, handle_node_list,
	"node_list", RIGHT_READ},
    {HTTP_POST, "/v1/nodes/import", AUTH_OPERATOR, BODY_POLICY,
	"application/x-ndjson", handle_node_import, "node_import", RIGHT_NODES},
    {HTTP_GET, "/v1/nodes/{name}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_node_show, "node_show", RIGHT_READ},
    {HTTP_GET, "/v1/nodes/{name}/policy", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_node_policy, "node_policy", RIGHT_READ},
    {HTTP_POST, "/v1/nodes/{name}/approve", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_node_approve, "node_approve", RIGHT_NODES},
    {HTTP_POST, "/v1/nodes/{name}/retire", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_node_retire, "node_retire", RIGHT_NODES},
    {HTTP_POST, "/v1/nodes/{name}/clear", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_node_clear, "node_clear", RIGHT_NODES},
    {HTTP_GET, "/v1/tokens", AUTH_OPERATOR, BODY_NONE, NULL, handle_token_list,
	"token_list", RIGHT_READ},
    {HTTP_POST, "/v1/tokens", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_token_create, "token_create", RIGHT_NODES},
    {HTTP_POST, "/v1/tokens/{id}/revoke", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_token_revoke, "token_revoke", RIGHT_NODES},
    {HTTP_GET, "/v1/policies", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_list, "policy_list", RIGHT_READ},
    {HTTP_GET, "/v1/policies/{name}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_get, "policy_get", RIGHT_READ},
    {HTTP_POST, "/v1/policies/{name}", AUTH_OPERATOR, BODY_POLICY, JSON,
	handle_policy_apply, "policy_apply", RIGHT_AUTHOR},
    {HTTP_GET, "/v1/policies/{name}/history", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_history, "policy_history", RIGHT_READ},
    {HTTP_GET, "/v1/policies/{name}/{version}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_policy_document, "policy_document", RIGHT_READ},
    {HTTP_POST, "/v1/policies/{name}/approve", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_approve, "policy_approve", RIGHT_APPROVE},
    {HTTP_POST, "/v1/policies/{name}/stage", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_stage, "policy_stage", RIGHT_APPROVE},
    {HTTP_POST, "/v1/policies/{name}/retire", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_retire, "policy_retire", RIGHT_APPROVE},
    {HTTP_POST, "/v1/policies/{name}/activate", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_activate, "policy_activate", RIGHT_APPROVE},
    {HTTP_POST, "/v1/policies/{name}/rollback", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_policy_rollback, "policy_rollback", RIGHT_APPROVE},
    {HTTP_GET, "/v1/operators", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_operator_list, "operator_list", RIGHT_ADMIN},
    {HTTP_POST, "/v1/operators", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_operator_create, "operator_create", RIGHT_ADMIN},
    {HTTP_POST, "/v1/operators/{id}/revoke", AUTH_OPERATOR, BODY_JSON, JSON,
	handle_operator_revoke, "operator_revoke", RIGHT_ADMIN},
    {HTTP_GET, "/v1/verdicts", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_verdict_list, "verdict_list", RIGHT_READ},
    {HTTP_GET, "/v1/verdicts/{id}", AUTH_OPERATOR, BODY_NONE, NULL,
	handle_verdict_show, "verdict_show", RIGHT_READ},
};
const size_t api_routes_n = sizeof(api_routes) / sizeof(api_routes[0]);

const struct route admin_routes[] = {
    {HTTP_POST, "/admin/init", AUTH_ADMIN_SOCKET, BODY_JSON, JSON,
	handle_admin_init, "admin_init", RIGHT_READ},
    {HTTP_GET, "/livez", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_livez,
	"livez", RIGHT_READ},
    {HTTP_GET, "/readyz", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_readyz,
	"readyz", RIGHT_READ},
    {HTTP_GET, "/version", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_version,
	"version", RIGHT_READ},
    {HTTP_GET, "/metrics", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, handle_metrics,
	"metrics", RIGHT_READ},
};
const size_t admin_routes_n = sizeof(admin_routes) / sizeof(admin_routes[0]);
