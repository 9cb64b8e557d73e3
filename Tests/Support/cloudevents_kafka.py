"""Reads and writes CloudEvents with the CNCF's own Python SDK, in its Kafka binding.

usage: cloudevents_kafka.py INPUT OUTPUT

INPUT: {"read": [{"headers": {NAME: TEXT}, "value": TEXT}], "write": [{"attributes": {...}, "data": ...}]}
OUTPUT: {"read": [{"attributes": {...}, "data": ...}], "written": [{"binary": {"headers", "value"}, "structured": {...}}]}
"""
import json
import sys
from datetime import datetime

from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def read(record):
    headers = {name: text.encode() for name, text in record["headers"].items()}
    message = kafka.KafkaMessage(headers=headers, key=None, value=record["value"].encode())
    event = kafka.from_kafka(message, JSONFormat())
    return {"attributes": {name: str(value) for name, value in event.get_attributes().items()}, "data": event.get_data()}


def written(message):
    return {"headers": {name: value.decode() for name, value in message.headers.items()}, "value": message.value.decode()}


def write(event):
    attributes = dict(event["attributes"])
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    event = CloudEvent(attributes, event["data"])
    return {
        "binary": written(kafka.to_binary(event, JSONFormat())),
        "structured": written(kafka.to_structured(event, JSONFormat())),
    }


with open(sys.argv[1], encoding="utf-8") as file:
    cases = json.load(file)
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump({"read": [read(record) for record in cases["read"]], "written": [write(event) for event in cases["write"]]}, file)
