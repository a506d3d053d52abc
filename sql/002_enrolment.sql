-- SPDX-License-Identifier: Apache-2.0
--
-- An activation can be asked for again while its secret is valid: the row stays
-- until it expires, with the node that it made. An enrolment token may be good
-- for some names only.

ALTER TABLE akashi.enrol_token ADD names text;
ALTER TABLE akashi.enrolment ADD node uuid;
CREATE INDEX listed_ek_name ON akashi.listed_ek (tenant, name)
	WHERE name IS NOT NULL;
