-- SPDX-License-Identifier: Apache-2.0
--
-- The life of a policy: draft, approved, staged, active, retired. Versions are
-- still only inserted; every step is a row of policy_activation, which is the
-- history, and what is in force is policy_active. policy_name has one row per
-- name: its revision moves with every step, and two steps meet at it.

ALTER TABLE akashi.admin_token
	DROP CONSTRAINT admin_token_role_check,
	ADD CONSTRAINT admin_token_role_check CHECK (role IN
		('viewer', 'author', 'approver', 'operator', 'admin'));
CREATE UNIQUE INDEX admin_name ON akashi.admin_token (tenant, name)
	WHERE revoked_at IS NULL;

ALTER TABLE akashi.policy_version
	ADD author_id uuid,
	ADD signature text,
	-- of a derived policy: as it was written, and what came from where
	ADD source bytea,
	ADD origins text;

ALTER TABLE akashi.policy_active
	ALTER version DROP NOT NULL,
	ALTER selector DROP NOT NULL,
	ADD staged integer,
	ADD stage_selector text,
	ADD stage_percent integer CHECK (stage_percent BETWEEN 1 AND 100),
	ADD stage_labels text;

ALTER TABLE akashi.policy_activation
	DROP CONSTRAINT policy_activation_act_check,
	ADD CONSTRAINT policy_activation_act_check CHECK (act IN ('put',
		'approve', 'stage', 'unstage', 'activate', 'rollback', 'retire')),
	ALTER selector DROP NOT NULL,
	ADD percent integer,
	ADD labels text,
	ADD reason text,
	ADD four_eyes boolean;
CREATE INDEX policy_step ON akashi.policy_activation
	(tenant, name, version, act);

CREATE TABLE akashi.policy_name (
	tenant   uuid NOT NULL,
	name     text NOT NULL,
	revision bigint NOT NULL DEFAULT 1,
	PRIMARY KEY (tenant, name)
);
INSERT INTO akashi.policy_name (tenant, name, revision)
	SELECT tenant, name, count(*) FROM akashi.policy_version GROUP BY 1, 2;

-- What was activated before there were approvals was approved by whoever did
-- that, without a second pair of eyes.
INSERT INTO akashi.policy_activation
	(tenant, name, id, version, act, actor, at, four_eyes)
	SELECT DISTINCT ON (tenant, name, version) tenant, name,
		gen_random_uuid(), version, 'approve', actor, at, false
	FROM akashi.policy_activation WHERE act = 'activate'
	ORDER BY tenant, name, version, at;

ALTER TABLE akashi.policy_name ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader ON akashi.policy_name FOR SELECT TO akashi_reader
	USING (tenant = nullif(current_setting('akashi.tenant', true), '')::uuid);
CREATE POLICY writer ON akashi.policy_name TO akashi_writer
	USING (tenant = ANY ((SELECT nullif(current_setting(
		'akashi.batch_tenants', true), '')::uuid[])::uuid[]));
GRANT SELECT ON akashi.policy_name TO akashi_reader;
GRANT SELECT, INSERT, UPDATE ON akashi.policy_name TO akashi_writer;
