-- SPDX-License-Identifier: Apache-2.0
--
-- What the TPM's clock and counters say over time: between which two moments
-- the remembered clock had its value, and whether an older state of the TPM has
-- answered since. Statements of verdicts from before have neither.

ALTER TABLE akashi.node_state
	ADD COLUMN clock_from timestamptz,
	ADD COLUMN clock_to   timestamptz,
	ADD COLUMN diverged   boolean NOT NULL DEFAULT false;

ALTER TABLE akashi.verdict
	ADD COLUMN clock_from timestamptz,
	ADD COLUMN clock_to   timestamptz,
	ADD COLUMN diverged   boolean NOT NULL DEFAULT false;
