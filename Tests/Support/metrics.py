"""Reads metrics from a URL with Prometheus' own Python parser, and checks what `promtool check metrics` checks.

usage: metrics.py URL      prints the names of the families, or what is wrong with them (exit status 1)
"""
import re
import sys
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

# promtool: use base units, in full.
not_base_units = re.compile(r"_(ms|milliseconds|microseconds|nanoseconds|minutes|hours|days|kilobytes|megabytes|gigabytes|percent)(_|$)")

with urlopen(sys.argv[1], timeout=60) as response:
    text = response.read().decode()
    problems = [] if response.headers["Content-Type"].startswith("text/plain; version=0.0.4") else ["content type"]
for family in text_string_to_metric_families(text):
    # The parser takes _total off a counter's name.
    name = family.name + ("_total" if family.type == "counter" else "")
    print(name)
    if not family.documentation:
        problems.append(f"{name}: no HELP")
    if family.type == "unknown":
        problems.append(f"{name}: no TYPE")
    if family.type != "counter" and name.endswith("_total"):
        problems.append(f"{name}: _total on what is no counter")
    if not_base_units.search(name):
        problems.append(f"{name}: not a base unit")
    if not re.fullmatch(r"(mesh|kafka_consumergroup)_[a-z0-9_]+", name):
        problems.append(f"{name}: another prefix")
    for sample in family.samples:
        if {"id", "run_id", "correlation_id", "key"} & sample.labels.keys():
            problems.append(f"{name}: an id as label")
for problem in problems:
    print(problem, file=sys.stderr)
sys.exit(1 if problems else 0)
