"""Judges a CycloneDX file by the official schema, and a SARIF file by the parts of SARIF 2.1.0's schema that a report must have.

Usage: validate_reports.py FILE.cdx.json FILE.sarif.json. Prints what is wrong; exit status 1 when something is.
"""
import json
import sys

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

LEVEL = {"enum": ["none", "note", "warning", "error"]}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
LOCATION = {
    "type": "object",
    "properties": {
        "physicalLocation": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                },
                "region": {"type": "object", "properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        }
    },
}
RULE = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "shortDescription": TEXT, "defaultConfiguration": {"properties": {"level": LEVEL}}},
}
RESULT = {
    "type": "object",
    "required": ["message", "ruleId"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": -1},
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "properties": {"type": "object"},
    },
    "additionalProperties": False,
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool"],
                "additionalProperties": False,
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {"name": {"type": "string"}, "rules": {"type": "array", "items": RULE, "uniqueItems": True}},
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "versionControlProvenance": {
                        "type": "array",
                        "items": {"type": "object", "required": ["repositoryUri"], "properties": {"repositoryUri": {"type": "string", "format": "uri"}}},
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {"type": "object", "required": ["message"], "properties": {"message": TEXT, "level": LEVEL}},
                                }
                            },
                        },
                    },
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}


def main(cyclonedx: str, sarif: str) -> int:
    problems = []
    with open(cyclonedx, encoding="utf-8") as file:
        problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(file.read())
        if problem is not None:
            problems.append(f"CycloneDX: {problem}")
    with open(sarif, encoding="utf-8") as file:
        report = json.load(file)
    checker = jsonschema.Draft7Validator(SARIF, format_checker=jsonschema.FormatChecker())
    problems += [f"SARIF: {error.json_path}: {error.message}" for error in checker.iter_errors(report)]
    for run in report["runs"]:
        rules = run["tool"]["driver"]["rules"]
        problems += [f"SARIF: {result['ruleId']} has a wrong index" for result in run["results"] if rules[result["ruleIndex"]]["id"] != result["ruleId"]]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
