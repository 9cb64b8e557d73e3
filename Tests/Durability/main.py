"""The durability suite; `run` starts it."""
import argparse
import os
import sys
import time
import traceback
from pathlib import Path

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
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
