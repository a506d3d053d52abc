#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: write contrib/openapi.json from openapi.yaml (needs python3-yaml)
#
# The build does not run this: both files are in the tree.
set -eu
. contrib/dev/lib.sh
/usr/bin/python3 contrib/dev/yaml2json.py <contrib/openapi.yaml \
	>contrib/openapi.json.new || die "python3-yaml is needed"
mv contrib/openapi.json.new contrib/openapi.json
