#!/usr/bin/env python3
"""Measures brokers beside librdkafka's own in-memory mock, in rounds that take turns, and prints tables in markdown. docs/benchmarks.md has the method.

Every round gives each broker a new process and a new data directory, so none pays for what a former round left."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import brokers

BENCH = os.environ.get("BENCH", os.path.join(brokers.ROOT, ".build", "loadtest", "bench"))
GOALS = {"produce": 0.70, "consume": 0.85}


def new_library():
    """A current librdkafka, from PyPI's confluent-kafka; None when that is not installed."""
    return brokers.installed("confluent_kafka.libs/librdkafka-*.so*")


def run_bench(arguments, library):
    environment = dict(os.environ)
    if library:
        environment["LD_PRELOAD"] = library
    done = subprocess.run([BENCH, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"bench ended with {done.returncode}")
    return done.stdout


def measure(kind, measures, options, library):
    """The results of one broker in one round; kind None is the mock."""
    arguments = ["--records", str(options.records), "--seconds", str(options.seconds), "--name", kind.name if kind else "mock"]
    if kind is None:
        return run_bench([*arguments, *measures], library)
    directory = tempfile.mkdtemp(prefix="bench-", dir=options.directory)
    broker = kind(directory)
    try:
        broker.start()
        return run_bench(["--brokers", f"127.0.0.1:{broker.port}", *arguments, *measures], library)
    finally:
        broker.kill()
        shutil.rmtree(directory, ignore_errors=True)


def run_rounds(kinds, options, library):
    results, failures = [], {}
    for number in range(1, options.rounds + 1):
        for kind in [None, *kinds]:
            name = kind.name if kind else "mock"
            for measures in (["produce"], ["fill", "consume", "consume"], ["latency"]):
                if measures[-1] not in options.measures:
                    continue
                try:
                    lines = measure(kind, measures, options, library).splitlines()
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    failures.setdefault((name, measures[-1]), str(error))
                    print(f"round {number}: {name}: {measures[-1]}: {error}", file=sys.stderr)
                    continue
                # Of two consumptions the second counts: the first also pays for the records' being fresh.
                for line in lines if measures[-1] != "consume" else lines[-1:]:
                    results.append(json.loads(line))
                    print(f"round {number}: {line}", file=sys.stderr)
    return results, failures


def median(results, name, measure, field):
    values = [result[field] for result in results if result["broker"] == name and result["measure"] == measure]
    return (statistics.median(values), min(values), max(values)) if values else None


def throughput_table(results, failures, names):
    print("| broker | produce, records/s: median (range) | of the mock | consume, records/s: median (range) | of the mock |")
    print("|---|---|---|---|---|")
    for name in names:
        cells = []
        for kind in ("produce", "consume"):
            value, mock = median(results, name, kind, "per_second"), median(results, "mock", kind, "per_second")
            if value:
                cells += ["{:,.0f} ({:,.0f} to {:,.0f})".format(*value), f"{value[0] / mock[0]:.2f}" if mock else ""]
            else:
                cells += [failures.get((name, kind), ""), ""]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def latency_table(results, failures, names):
    print("| broker | acknowledged p50 / p99 / max, ms | received p50 / p99 / max, ms |")
    print("|---|---|---|")
    for name in names:
        cells = []
        for kind in ("acknowledged", "end to end"):
            values = [median(results, name, kind, field) for field in ("p50_ms", "p99_ms", "max_ms")]
            cells.append(" / ".join(f"{value[0]:.2f}" for value in values) if all(values) else failures.get((name, "latency"), ""))
        print(f"| {name} | " + " | ".join(cells) + " |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="meshbroker,noida-db,tansu")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5, help="of each latency measurement")
    parser.add_argument("--measures", default="produce,consume,latency")
    parser.add_argument("--clients", default="debian,new", help="which librdkafka: Debian's, the newest of PyPI")
    parser.add_argument("--directory", help="for the brokers' data; default: the system's for temporary files")
    parser.add_argument("--json", help="file for every single result")
    options = parser.parse_args()
    options.measures = options.measures.split(",")
    chosen, everything = brokers.kinds(options.brokers.split(",")), []
    for client in options.clients.split(","):
        library = new_library() if client == "new" else None
        if client == "new" and not library:
            print("left out: the newest librdkafka: pip install confluent-kafka", file=sys.stderr)
            continue
        version = run_bench(["version"], library).strip()
        kinds = [kind for kind in chosen if library or kind.speaks_to_old_clients]
        results, failures = run_rounds(kinds, options, library)
        everything += [{**result, "librdkafka": version} for result in results]
        names = ["mock", *(kind.name for kind in kinds)]
        print(f"librdkafka {version}; {options.rounds} rounds of {options.records:,} records; {os.cpu_count()} cores, Linux {platform.release()}\n")
        if "produce" in options.measures or "consume" in options.measures:
            throughput_table(results, failures, names)
        if "latency" in options.measures:
            latency_table(results, failures, names)
        for kind in chosen:
            if kind not in kinds:
                print(f"{kind.name}: librdkafka {version} cannot connect to it.\n")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(everything, file, indent=1)


if __name__ == "__main__":
    main()
