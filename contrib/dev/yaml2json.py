# SPDX-License-Identifier: Apache-2.0
"""Compact JSON of a YAML document whose values are JSON's."""
import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """A key that stands twice would silently win."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.YAMLError(f"a key stands twice{node.start_mark}")
        return super().construct_mapping(node, deep)


json.dump(yaml.load(sys.stdin, Loader), sys.stdout, ensure_ascii=False,
          separators=(",", ":"))
print()
