"""The durability suite; `run` starts it."""
import argparse
import os
import sys
import time
import traceback
from pathlib import Path

from durable.full_disk import Unmountable, full_disk
from durable.plan import ROUNDS_OF_A_DIRECTORY, plan, rounds
from durable.round import Directory


def program():
    built = Path(__file__).parents[2] / ".build" / "debug" / "meshbroker"
    path = os.environ.get("MESHBROKER") or str(built)
    if not os.path.exists(path):
        sys.exit("no broker: set MESHBROKER to the program, or build it: swift build --product meshbroker")
    return path


def main():
    parser = argparse.ArgumentParser(description="Kills the broker under load and checks what it kept.")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    passed = failed = 0
    directory, skipped = None, None
    for seed, number in rounds(arguments.seed, arguments.rounds):
        if seed == skipped:
            continue
        round = plan(seed, number)
        began = time.monotonic()
        try:
            if number == 0:
                directory = Directory(program(), round.strict)
            before = directory.journal.acknowledgements
            problems = directory.run(round)
        except Exception:
            problems = traceback.format_exc().splitlines()
            if directory is None:
                sys.exit("\n".join(problems))
        if not problems:
            passed += 1
            records = directory.journal.acknowledgements - before
            print(f"seed {seed} round {number}: passed in {time.monotonic() - began:.1f} s; {records} records more ({round})", flush=True)
            if number == ROUNDS_OF_A_DIRECTORY - 1:
                directory.broker.discard()
                directory = None
            continue
        # A log that is wrong stays wrong: the next rounds need a new one.
        failed, skipped = failed + 1, seed
        print(f"seed {seed} round {number}: FAILED ({round})")
        for problem in problems:
            print(f"    {problem}")
        print(f"    data directory: {directory.broker.keep()}")
        print(f"    again: Tests/Durability/run --seed {seed} --rounds {number + 1}", flush=True)
    if directory and skipped != seed:
        directory.broker.discard()
    full_passed, full_failed, full_skipped = full_disks()
    print(f"{passed + full_passed} passed, {failed + full_failed} failed, {full_skipped} skipped")
    return 1 if failed + full_failed else 0


def full_disks():
    """The rounds on a full file system, in both modes: how many passed, failed and were skipped."""
    passed = failed = skipped = 0
    for strict in (False, True):
        name, began = f"full disk, {'strict' if strict else 'default'}", time.monotonic()
        try:
            problems, records = full_disk(program(), strict)
        except Unmountable as reason:
            skipped += 1
            print(f"{name}: skipped, since no file system can be mounted: {reason}", flush=True)
            continue
        except Exception:
            problems, records = traceback.format_exc().splitlines(), 0
        if not problems:
            passed += 1
            print(f"{name}: passed in {time.monotonic() - began:.1f} s; {records} records", flush=True)
            continue
        failed += 1
        print(f"{name}: FAILED")
        for problem in problems:
            print(f"    {problem}", flush=True)
    return passed, failed, skipped


sys.exit(main())
