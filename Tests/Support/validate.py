"""Says of payloads whether they fit their schema, by the reference implementation `jsonschema`.

The first argument is a file with a list of {"schema": ..., "payloads": [...]}; written to the second is a list of lists of booleans.
"""

import json
import sys

from jsonschema import Draft202012Validator

verdicts = []
with open(sys.argv[1], encoding="utf-8") as source:
    for case in json.load(source):
        Draft202012Validator.check_schema(case["schema"])
        validator = Draft202012Validator(case["schema"])
        verdicts.append([validator.is_valid(payload) for payload in case["payloads"]])
with open(sys.argv[2], "w", encoding="utf-8") as target:
    json.dump(verdicts, target)
