#!/usr/bin/env python3
"""Resident memory of one broker process as the load on it grows step by step, and a table of it in markdown."""

import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import brokers
from kafka_wire import Connection, WireError, string
from run import new_library, run_bench

WIDE_TOPIC = "memory-wide"


def create_topic(port, name, partitions):
    connection = Connection(port, timeout=120)
    body = struct.pack(">i", 1) + string(name) + struct.pack(">ihiiib", partitions, 1, 0, 0, 60000, 0)
    answer = connection.request(19, 2, body)
    answer.take("ii"), answer.string()
    error = answer.take("h")
    connection.close()
    if error:
        raise RuntimeError(f"cannot create {name} with {partitions} partitions: error {error}")


def open_connections(port, count, partitions):
    """Connections that have each asked for versions and metadata and have fetched."""
    connections = []
    for number in range(count):
        connection = Connection(port, timeout=60, client_id=f"memory-{number}")
        connection.api_versions()
        connection.metadata(WIDE_TOPIC)
        try:
            connection.fetch(WIDE_TOPIC, number % partitions, 0)
        except WireError as error:
            if number == 0:
                print(f"a fetch of an empty partition: {error}", file=sys.stderr)
        connections.append(connection)
    return connections


def measure(kind, options):
    directory = tempfile.mkdtemp(prefix="memory-", dir=options.directory)
    broker, rows = kind(directory), []
    library = None if kind.speaks_to_old_clients else new_library()

    def note(step):
        resident, own = broker.memory()
        rows.append((step, resident, own))
        print(f"{kind.name}: {step}: {resident:.0f} MB, of which its own {own:.0f} MB", file=sys.stderr)

    bench = lambda records, *measures: run_bench(
        ["--brokers", f"127.0.0.1:{broker.port}", "--name", kind.name, "--records", str(records), *measures], library)
    try:
        broker.start()
        note("idle, empty")
        create_topic(broker.port, WIDE_TOPIC, options.partitions)
        note(f"and {options.partitions:,} partitions")
        connections = open_connections(broker.port, options.connections, options.partitions)
        note(f"and {options.connections:,} connections")
        bench(options.records, "produce")
        note(f"and {options.records:,} records produced")
        bench(options.records // 5, "fill", "consume")
        note(f"and {options.records // 5:,} more, consumed")
        for connection in connections:
            connection.close()
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        rows.append((str(error), None, None))
        print(f"{kind.name}: {error}", file=sys.stderr)
    finally:
        broker.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", default="meshbroker,noida-db,tansu")
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--partitions", type=int, default=2000)
    parser.add_argument("--directory", help="for the brokers' data")
    options = parser.parse_args()
    print("| broker | after | resident, MB | of which its own, MB |\n|---|---|---|---|")
    for kind in brokers.kinds(options.brokers.split(",")):
        for step, resident, own in measure(kind, options):
            print(f"| {kind.name} | {step} | {'' if resident is None else f'{resident:.0f}'} | {'' if own is None else f'{own:.0f}'} |")


if __name__ == "__main__":
    main()
