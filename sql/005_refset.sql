-- SPDX-License-Identifier: Apache-2.0
--
-- Reference sets: files by their SHA-256, in parts; a name has versions, each
-- one of these files. Only inserted into. (COPY cannot write tables with
-- row-level security; parts go in as arrays.)

CREATE TABLE akashi.refset (
	tenant     uuid NOT NULL,
	sha256     akashi.sha256 NOT NULL,
	alg        text NOT NULL,
	entries    bigint NOT NULL CHECK (entries >= 0),
	bytes      bigint NOT NULL CHECK (bytes >= 0),
	created_at timestamptz NOT NULL,
	PRIMARY KEY (tenant, sha256)
);

CREATE TABLE akashi.refset_part (
	tenant uuid NOT NULL,
	sha256 akashi.sha256 NOT NULL,
	part   integer NOT NULL CHECK (part >= 0),
	bytes  bytea COMPRESSION lz4 NOT NULL,
	PRIMARY KEY (tenant, sha256, part)
);

CREATE TABLE akashi.refset_version (
	tenant     uuid NOT NULL,
	name       text NOT NULL,
	version    integer NOT NULL CHECK (version > 0),
	sha256     akashi.sha256 NOT NULL,
	author     text NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (tenant, name, version)
);

DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY['refset', 'refset_part', 'refset_version'] LOOP
		EXECUTE format('ALTER TABLE akashi.%I ENABLE ROW LEVEL SECURITY', t);
		EXECUTE format($p$CREATE POLICY reader ON akashi.%I FOR SELECT
			TO akashi_reader USING (tenant
			= nullif(current_setting('akashi.tenant', true), '')::uuid)$p$, t);
		EXECUTE format($p$CREATE POLICY writer ON akashi.%I TO akashi_writer
			USING (tenant = ANY ((SELECT nullif(current_setting(
			'akashi.batch_tenants', true), '')::uuid[])::uuid[]))$p$, t);
		EXECUTE format('GRANT SELECT ON akashi.%I TO akashi_reader', t);
		EXECUTE format('GRANT SELECT, INSERT ON akashi.%I TO akashi_writer', t);
		EXECUTE format('CREATE TRIGGER keep BEFORE UPDATE OR DELETE OR TRUNCATE '
			'ON akashi.%I EXECUTE FUNCTION akashi.refuse_change()', t);
	END LOOP;
END
$$;
