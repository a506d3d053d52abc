-- SPDX-License-Identifier: Apache-2.0
--
-- The first schema. Run by the owner, who is not the role of the server.
--
-- Roles. The server's login role is a member of akashi_reader and
-- akashi_writer, owns nothing, and takes on one of the two in each transaction.
-- What a transaction may touch is said by settings that are local to it:
-- akashi.tenant (one tenant, for readers), akashi.batch_tenants (tenants that
-- may be read and written, for writers), akashi.credential (hex of a token's
-- hash or of an enrolment's id: whoever presents it sees its row). Without a
-- setting nothing is visible.
--
-- Policies of readers are plain expressions, which cost least to plan; those of
-- writers are sub-selects, so that a list of tenants is parsed once per batch
-- and not once per row. USING is WITH CHECK as well where that is not given.
--
-- Keys. Ids are version 7 UUIDs made by the program, so (node, id) orders a
-- node's rows by time and can be a partition key. Foreign keys are left out on
-- purpose: rows of one node are guarded by node_state.version, and tables stay
-- free to be partitioned or sharded by node.
--
-- Evidence tables are only ever inserted into: grants say so to the server,
-- triggers to everybody.

DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'akashi_reader') THEN
		CREATE ROLE akashi_reader NOLOGIN;
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'akashi_writer') THEN
		CREATE ROLE akashi_writer NOLOGIN;
	END IF;
END
$$;

CREATE FUNCTION akashi.refuse_change() RETURNS trigger
	LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
		USING ERRCODE = 'insufficient_privilege';
END
$$;

-- --- of the installation ----------------------------------------------------

-- One row. policy_serial moves with every change of an active policy.
CREATE TABLE akashi.cluster (
	id            integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
	epoch         bigint NOT NULL DEFAULT 1,
	policy_serial bigint NOT NULL DEFAULT 1,
	admin_init_at timestamptz
);
INSERT INTO akashi.cluster DEFAULT VALUES;

-- Keys that authenticate challenges; the two newest are in use.
CREATE TABLE akashi.challenge_key (
	id         integer PRIMARY KEY,
	key        bytea NOT NULL CHECK (octet_length(key) = 32),
	created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE akashi.tenant (
	id         uuid PRIMARY KEY,
	name       text NOT NULL UNIQUE,
	created_at timestamptz NOT NULL
);

-- --- tokens -----------------------------------------------------------------

CREATE TABLE akashi.admin_token (
	tenant     uuid NOT NULL,
	id         uuid PRIMARY KEY,
	hash       bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	role       text NOT NULL CHECK (role IN ('operator', 'admin')),
	name       text NOT NULL,
	created_at timestamptz NOT NULL,
	created_by text,
	expires_at timestamptz,
	revoked_at timestamptz
);

CREATE TABLE akashi.enrol_token (
	tenant     uuid NOT NULL,
	id         uuid PRIMARY KEY,
	hash       bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	env_class  text,
	labels     text NOT NULL,
	uses       integer NOT NULL CHECK (uses > 0),
	used       integer NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND uses),
	created_at timestamptz NOT NULL,
	created_by text NOT NULL,
	expires_at timestamptz NOT NULL,
	revoked_at timestamptz
);
CREATE INDEX enrol_token_tenant ON akashi.enrol_token (tenant, id);

-- --- enrolment --------------------------------------------------------------

CREATE DOMAIN akashi.env_class AS text CHECK (VALUE IN ('developer-endpoint',
	'build', 'ci', 'signing', 'release', 'update-distribution', 'test',
	'production', 'ot'));
CREATE DOMAIN akashi.rot AS text CHECK (VALUE IN ('discrete', 'firmware',
	'virtual', 'unknown'));
CREATE DOMAIN akashi.sha256 AS bytea CHECK (octet_length(VALUE) = 32);

CREATE TABLE akashi.listed_ek (
	tenant     uuid NOT NULL,
	ek_sha256  akashi.sha256 NOT NULL,
	name       text,
	env_class  akashi.env_class,
	labels     text NOT NULL,
	created_at timestamptz NOT NULL,
	created_by text NOT NULL,
	PRIMARY KEY (tenant, ek_sha256)
);

CREATE TABLE akashi.enrolment (
	tenant       uuid NOT NULL,
	id           uuid PRIMARY KEY,
	token        uuid NOT NULL,
	name         text NOT NULL,
	ek_public    bytea NOT NULL,
	ek_sha256    akashi.sha256 NOT NULL,
	ek_cert      bytea,
	rot          akashi.rot NOT NULL,
	manufacturer text,
	ek_issuer    text,
	ek_serial    text,
	ak_public    bytea NOT NULL,
	ak_name      bytea NOT NULL,
	ak_qualified bytea NOT NULL,
	ak_alg       text NOT NULL,
	secret       akashi.sha256 NOT NULL,
	tries        integer NOT NULL DEFAULT 0,
	created_at   timestamptz NOT NULL,
	expires_at   timestamptz NOT NULL
);
CREATE INDEX enrolment_ek ON akashi.enrolment (tenant, ek_sha256);
CREATE INDEX enrolment_expires ON akashi.enrolment (expires_at);

-- --- nodes ------------------------------------------------------------------

CREATE TABLE akashi.node (
	tenant       uuid NOT NULL,
	id           uuid NOT NULL,
	name         text NOT NULL,
	admission    text NOT NULL
		CHECK (admission IN ('pending', 'admitted', 'retired')),
	env_class    akashi.env_class,
	labels       text NOT NULL,
	ek_public    bytea NOT NULL,
	ek_sha256    akashi.sha256 NOT NULL,
	ek_cert      bytea,
	rot          akashi.rot NOT NULL,
	manufacturer text,
	ek_issuer    text,
	ek_serial    text,
	ak_public    bytea NOT NULL,
	ak_name      bytea NOT NULL,
	ak_qualified bytea NOT NULL,
	ak_alg       text NOT NULL,
	node_token   akashi.sha256 NOT NULL,
	enrolled_at  timestamptz NOT NULL,
	admitted_at  timestamptz,
	retired_at   timestamptz,
	-- What reports need of a node; set by operators.
	in_scope             boolean NOT NULL DEFAULT true,
	scope_reason         text,
	object_class         text,
	responsibility_layer text,
	service_model        text,
	operator_domicile    text,
	engagement           uuid,
	delivered_at         timestamptz,
	in_service_at        timestamptz,
	PRIMARY KEY (tenant, id)
);
-- Races between enrolments end here. A retired node frees all three.
CREATE UNIQUE INDEX node_name ON akashi.node (tenant, name)
	WHERE admission <> 'retired';
CREATE UNIQUE INDEX node_ek ON akashi.node (tenant, ek_sha256)
	WHERE admission <> 'retired';
CREATE UNIQUE INDEX node_ak ON akashi.node (tenant, ak_name)
	WHERE admission <> 'retired';
CREATE INDEX node_by_name ON akashi.node (tenant, name, id);

-- What changes with every submission. 64-bit counters of the TPM are kept in
-- two's complement.
CREATE TABLE akashi.node_state (
	tenant         uuid NOT NULL,
	node           uuid NOT NULL,
	version        bigint NOT NULL DEFAULT 1,
	clock_known    boolean NOT NULL DEFAULT false,
	clock          bigint NOT NULL DEFAULT 0,
	reset_count    bigint NOT NULL DEFAULT 0,
	restart_count  bigint NOT NULL DEFAULT 0,
	firmware       bigint NOT NULL DEFAULT 0,
	boot_log       akashi.sha256,
	ima_offset     bigint NOT NULL DEFAULT 0,
	ima            bytea,
	ima_policy     akashi.sha256,
	verdict        uuid,
	result         text,
	code           text,
	observe        boolean NOT NULL DEFAULT false,
	verified_at    timestamptz,
	valid_until    timestamptz,
	held           boolean NOT NULL DEFAULT false,
	rejected_day   integer NOT NULL DEFAULT 0,
	rejected_count integer NOT NULL DEFAULT 0,
	PRIMARY KEY (tenant, node)
) WITH (fillfactor = 70);

-- --- policies ---------------------------------------------------------------

CREATE TABLE akashi.policy_version (
	tenant     uuid NOT NULL,
	name       text NOT NULL,
	version    integer NOT NULL CHECK (version > 0),
	hash       akashi.sha256 NOT NULL,
	document   bytea NOT NULL,
	author     text NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (tenant, name, version)
);

CREATE TABLE akashi.policy_active (
	tenant          uuid NOT NULL,
	name            text NOT NULL,
	version         integer NOT NULL,
	selector        text NOT NULL,
	approver        text NOT NULL,
	before_version  integer,
	before_selector text,
	PRIMARY KEY (tenant, name)
);

-- Every activation and roll-back there ever was.
CREATE TABLE akashi.policy_activation (
	tenant   uuid NOT NULL,
	name     text NOT NULL,
	id       uuid NOT NULL,
	version  integer NOT NULL,
	selector text NOT NULL,
	act      text NOT NULL CHECK (act IN ('activate', 'rollback')),
	actor    text NOT NULL,
	at       timestamptz NOT NULL,
	PRIMARY KEY (tenant, name, id)
);

-- --- evidence and verdicts --------------------------------------------------

-- Content by its hash: boot logs, userspace logs, documents of verdicts.
-- Keyed by tenant as well, so that nobody can probe what another has.
CREATE TABLE akashi.blob (
	tenant uuid NOT NULL,
	sha256 akashi.sha256 NOT NULL,
	bytes  bytea COMPRESSION lz4 NOT NULL CHECK (sha256 = sha256(bytes)),
	PRIMARY KEY (tenant, sha256)
);

CREATE TABLE akashi.verdict (
	tenant           uuid NOT NULL,
	id               uuid NOT NULL,
	node             uuid NOT NULL,
	previous         uuid,
	challenge        bytea NOT NULL CHECK (octet_length(challenge) = 16),
	challenge_issued timestamptz NOT NULL,
	received_at      timestamptz NOT NULL,
	judged_at        timestamptz NOT NULL,
	verified_at      timestamptz NOT NULL,
	valid_until      timestamptz NOT NULL,
	result           text NOT NULL
		CHECK (result IN ('unknown', 'pass', 'warn', 'fail', 'reject')),
	code             text,
	-- the node before
	clock_known      boolean NOT NULL,
	clock            bigint NOT NULL,
	reset_count      bigint NOT NULL,
	restart_count    bigint NOT NULL,
	firmware         bigint NOT NULL,
	boot_log_before  akashi.sha256,
	ima_offset       bigint NOT NULL,
	ima_before       akashi.sha256,
	ima_policy       akashi.sha256,
	-- hashes of what was judged; they outlive the bytes
	evidence         akashi.sha256 NOT NULL,
	attest           akashi.sha256 NOT NULL,
	signature        akashi.sha256 NOT NULL,
	pcrs             akashi.sha256,
	boot_log         akashi.sha256,
	userspace_log    akashi.sha256,
	ima              akashi.sha256,
	ima_start        bigint NOT NULL,
	ima_bytes        bigint NOT NULL,
	boot             bigint NOT NULL,
	context          akashi.sha256 NOT NULL,
	findings         akashi.sha256 NOT NULL,
	detail           akashi.sha256 NOT NULL,
	statement        akashi.sha256 NOT NULL,
	PRIMARY KEY (node, id)
);
CREATE INDEX verdict_tenant ON akashi.verdict (tenant, id);

-- Bytes of a quote; below 2 kB, so that a row stays in its page.
CREATE TABLE akashi.evidence (
	tenant          uuid NOT NULL,
	node            uuid NOT NULL,
	verdict         uuid NOT NULL,
	attest          bytea NOT NULL,
	signature       bytea NOT NULL,
	pcrs            bytea,
	retention_class text,
	delete_after    timestamptz,
	PRIMARY KEY (node, verdict)
);
ALTER TABLE akashi.evidence
	ALTER attest SET STORAGE MAIN,
	ALTER signature SET STORAGE MAIN,
	ALTER pcrs SET STORAGE MAIN;

-- Pieces of an IMA list: those that were accepted follow each other within a
-- boot (resetCount << 32 | restartCount) from byte 0 on.
CREATE TABLE akashi.ima_segment (
	tenant   uuid NOT NULL,
	node     uuid NOT NULL,
	verdict  uuid NOT NULL,
	boot     bigint NOT NULL,
	start    bigint NOT NULL,
	sha256   akashi.sha256 NOT NULL,
	bytes    bytea COMPRESSION lz4 NOT NULL CHECK (sha256 = sha256(bytes)),
	accepted boolean NOT NULL,
	PRIMARY KEY (node, verdict)
);

CREATE TABLE akashi.used_challenge (
	tenant     uuid NOT NULL,
	node       uuid NOT NULL,
	id         bytea NOT NULL CHECK (octet_length(id) = 16),
	expires_at timestamptz NOT NULL,
	evidence   akashi.sha256 NOT NULL,
	verdict    uuid NOT NULL,
	PRIMARY KEY (node, id)
);
CREATE INDEX used_challenge_expires ON akashi.used_challenge (expires_at);

-- Leaves that wait for their place in the log.
CREATE TABLE akashi.log_pending (
	tenant  uuid NOT NULL,
	verdict uuid PRIMARY KEY,
	leaf    akashi.sha256 NOT NULL
);

-- Tenant zero: events that belong to no tenant.
CREATE TABLE akashi.security_event (
	tenant uuid NOT NULL,
	id     uuid NOT NULL,
	node   uuid,
	code   text NOT NULL,
	at     timestamptz NOT NULL,
	source text,
	trace  text,
	digest akashi.sha256,
	PRIMARY KEY (tenant, id)
);

CREATE TABLE akashi.audit (
	tenant uuid NOT NULL,
	id     uuid NOT NULL,
	at     timestamptz NOT NULL,
	actor  text,
	action text NOT NULL,
	object text NOT NULL,
	reason text,
	source text,
	PRIMARY KEY (tenant, id)
);

-- --- who may do what --------------------------------------------------------

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['admin_token', 'enrol_token', 'listed_ek',
		'enrolment', 'node', 'node_state', 'policy_version',
		'policy_active', 'policy_activation', 'blob', 'verdict',
		'evidence', 'ima_segment', 'used_challenge', 'log_pending',
		'security_event', 'audit'] LOOP
		EXECUTE format('ALTER TABLE akashi.%I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format($p$CREATE POLICY reader ON akashi.%I FOR SELECT
			TO akashi_reader USING (tenant
			= nullif(current_setting('akashi.tenant', true), '')::uuid)$p$, t);
		EXECUTE format($p$CREATE POLICY writer ON akashi.%I TO akashi_writer
			USING (tenant = ANY ((SELECT nullif(current_setting(
			'akashi.batch_tenants', true), '')::uuid[])::uuid[]))$p$, t);
		EXECUTE format('GRANT SELECT ON akashi.%I TO akashi_reader', t);
		EXECUTE format('GRANT SELECT, INSERT ON akashi.%I TO akashi_writer', t);
	END LOOP;
	FOREACH t IN ARRAY ARRAY['policy_version', 'policy_activation', 'blob',
		'verdict', 'evidence', 'ima_segment', 'security_event', 'audit'] LOOP
		EXECUTE format('CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE '
			'ON akashi.%I EXECUTE FUNCTION akashi.refuse_change()', t);
	END LOOP;
END
$$;

-- The row of a credential is visible to whoever presents it.
CREATE POLICY credential ON akashi.admin_token FOR SELECT TO akashi_reader
	USING (encode(hash, 'hex') = current_setting('akashi.credential', true));
CREATE POLICY credential ON akashi.enrol_token FOR SELECT TO akashi_reader
	USING (encode(hash, 'hex') = current_setting('akashi.credential', true));
CREATE POLICY credential ON akashi.enrolment FOR SELECT TO akashi_reader
	USING (encode(uuid_send(id), 'hex')
		= current_setting('akashi.credential', true));

-- Tenant zero stands for the installation, which knows all tenants.
ALTER TABLE akashi.tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY reader ON akashi.tenant FOR SELECT TO akashi_reader
	USING (current_setting('akashi.tenant', true)
		IN (id::text, '00000000-0000-0000-0000-000000000000'));
CREATE POLICY writer ON akashi.tenant TO akashi_writer
	USING (id = ANY ((SELECT nullif(current_setting('akashi.batch_tenants',
		true), '')::uuid[])::uuid[]));

GRANT USAGE ON SCHEMA akashi TO akashi_reader, akashi_writer;
GRANT SELECT ON akashi.schema_migration, akashi.cluster, akashi.challenge_key,
	akashi.tenant TO akashi_reader, akashi_writer;
GRANT INSERT ON akashi.tenant, akashi.challenge_key TO akashi_writer;
GRANT UPDATE ON akashi.cluster, akashi.admin_token, akashi.enrol_token,
	akashi.enrolment, akashi.listed_ek, akashi.node, akashi.node_state,
	akashi.policy_active TO akashi_writer;
GRANT DELETE ON akashi.enrolment, akashi.used_challenge, akashi.challenge_key
	TO akashi_writer;
