"""What a round does, from its seed alone."""
import os
import random
from dataclasses import dataclass

#: Rounds that one data directory lives through.
ROUNDS_OF_A_DIRECTORY = 10

#: How often the default mode syncs here; and what a sync may take besides on a busy machine, its wait for the next tick included.
FLUSH_INTERVAL, MARGIN = 0.2, float(os.environ.get("DURABILITY_MARGIN", "1.5"))


@dataclass(frozen=True)
class Plan:
    seed: int
    number: int
    #: Whether what is acknowledged is synced before.
    strict: bool
    #: A power cut, else kill -9.
    power_cut: bool
    #: Whether the clients live on and send again what was not acknowledged.
    clients_live_on: bool
    #: Seconds of load before the end, and after the restart when the clients live on.
    load: float
    after: float
    #: kill -9 so many seconds after a start, while the broker recovers.
    kills_in_recovery: tuple
    plain: int
    idempotent: int
    transactional: int

    @property
    def loses_recent(self):
        """Whether what was acknowledged within the last moments may be lost."""
        return self.power_cut and not self.strict

    @property
    def window(self):
        return FLUSH_INTERVAL + MARGIN if self.loses_recent else 0

    def __str__(self):
        clients = f"{self.plain} plain, {self.idempotent} idempotent, {self.transactional} transactional"
        end = "power cut" if self.power_cut else "kill -9"
        life = f", clients live on for {self.after:.2f} s" if self.clients_live_on else ""
        recovery = "".join(f", kill -9 {at * 1000:.0f} ms into the start" for at in self.kills_in_recovery)
        return f"{'strict' if self.strict else 'default'}: {clients}; {end} after {self.load:.2f} s{life}{recovery}"


def plan(seed, number):
    """The round `number` (from 0) of the data directory with this seed."""
    chance = random.Random(f"{seed}/{number}")
    strict = seed % 2 == 1
    power_cut = chance.random() < (0.5 if strict else 0.3)
    loses_recent = power_cut and not strict
    return Plan(
        seed=seed, number=number, strict=strict, power_cut=power_cut,
        clients_live_on=not loses_recent and chance.random() < 0.4,
        load=chance.uniform(0.1, 0.9) + (FLUSH_INTERVAL + MARGIN if loses_recent else 0), after=chance.uniform(0.1, 0.5),
        kills_in_recovery=tuple(chance.uniform(0, 0.06) for _ in range(chance.choice([0, 0, 0, 1, 2]))),
        plain=chance.randint(1, 2), idempotent=chance.randint(1, 2), transactional=chance.randint(1, 2))


def rounds(seed, count):
    """(seed, number) of each round: a new data directory every few rounds."""
    return [(seed + index // ROUNDS_OF_A_DIRECTORY, index % ROUNDS_OF_A_DIRECTORY) for index in range(count)]
