#!/usr/bin/env python3
"""How long a broker takes to start: empty, with much data after an orderly end, and with the same data after kill -9 under load.

The time runs from starting the process to its answer about a topic with a leader (with data) or about its versions (empty)."""

import argparse
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import brokers
from run import BENCH, new_library, run_bench

RECORD_BYTES = 411  # of a record of 400 bytes in a log
TOPIC = "bench-produce-1"


def forget_pages(directory):
    """Asks the system to drop the files' pages from its cache, so that the next start reads from the disk."""
    os.sync()
    for path in glob.glob(os.path.join(directory, "**"), recursive=True):
        if os.path.isfile(path):
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def size(directory):
    return sum(os.path.getsize(path) for path in glob.glob(os.path.join(directory, "**"), recursive=True) if os.path.isfile(path))


def empty_starts(kind, options):
    times = []
    for _ in range(options.rounds):
        directory = tempfile.mkdtemp(prefix="starts-", dir=options.directory)
        broker = kind(directory)
        try:
            times.append(broker.start())
        finally:
            broker.kill()
            shutil.rmtree(directory, ignore_errors=True)
    return times


def kill_under_load(broker, library, prefix):
    """Kills the broker while a producer writes to it; the producer fails then, as it should."""
    environment = dict(os.environ, LD_PRELOAD=library) if library else None
    arguments = [BENCH, "--brokers", f"127.0.0.1:{broker.port}", "--records", "20000000", "--prefix", prefix, "fill"]
    load = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    broker.kill()
    load.kill()
    load.wait()


def measure(kind, options):
    rows = [("empty", empty_starts(kind, options))]
    library = None if kind.speaks_to_old_clients else new_library()
    directory = tempfile.mkdtemp(prefix="starts-", dir=options.directory)
    broker = kind(directory)
    try:
        broker.start()
        records = int(options.gigabytes * 1e9 / RECORD_BYTES)
        run_bench(["--brokers", f"127.0.0.1:{broker.port}", "--records", str(records), "produce"], library)
        print(f"{kind.name}: {size(directory) / 1e9:.1f} GB of data; resident {broker.memory()[0]:.0f} MB", file=sys.stderr)
        for name, prepare in [
            ("orderly end", lambda: broker.stop()),
            ("orderly end, nothing in the page cache", lambda: (broker.stop(), forget_pages(directory))),
            ("kill -9 at rest", lambda: broker.kill()),
            ("kill -9 under load", lambda: kill_under_load(broker, library, "first")),
            ("kill -9 under load, nothing in the page cache", lambda: (kill_under_load(broker, library, "second"), forget_pages(directory))),
        ]:
            prepare()
            rows.append((f"{size(directory) / 1e9:.1f} GB, after {name}", [broker.start(topic=TOPIC, deadline=300)]))
        rows.append(("(the end at SIGTERM)", [broker.stop()]))
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        rows.append((str(error), []))
    finally:
        broker.kill()
        shutil.rmtree(directory, ignore_errors=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="meshbroker")
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=11, help="of empty starts")
    parser.add_argument("--directory", help="for the brokers' data")
    options = parser.parse_args()
    print("| broker | start | ms: median (range) |\n|---|---|---|")
    for kind in brokers.kinds(options.brokers.split(",")):
        for name, times in measure(kind, options):
            milliseconds = [value * 1000 for value in times]
            text = f"{statistics.median(milliseconds):.0f} ({min(milliseconds):.0f} to {max(milliseconds):.0f})" if times else ""
            print(f"| {kind.name} | {name} | {text} |", flush=True)


if __name__ == "__main__":
    main()
