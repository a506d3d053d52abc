-- SPDX-License-Identifier: Apache-2.0
--
-- For whom a version is and how it counts, so that lists need no documents:
-- {"class": …, "mode": …, "regions": […]}. Versions from before have none.

ALTER TABLE akashi.policy_version ADD COLUMN terms text;
