-- SPDX-License-Identifier: Apache-2.0
--
-- The last attestation of each boot of a node, and the pieces of a boot's IMA
-- list, without reading a month of verdicts: a policy is tried on them.

CREATE INDEX verdict_boot ON akashi.verdict (node, boot, id);
CREATE INDEX ima_segment_boot ON akashi.ima_segment (node, boot, verdict);
