"""What was attempted and what was acknowledged. The checker believes nothing else."""
import hashlib
import threading
import time
from dataclasses import dataclass, field

PLAIN, IDEMPOTENT, TRANSACTIONAL = "plain", "idempotent", "transactional"
OPEN, COMMITTING, COMMITTED, ABORTED = "open", "committing", "committed", "aborted"


def value_of(name):
    """The whole value of a record: its name, and octets that follow from it."""
    digest = hashlib.md5(name.encode()).digest()
    return name.encode() + b"|" + digest * (digest[0] % 64 + (200 if digest[1] < 8 else 0))


@dataclass
class Sent:
    """One record. `sequence` rises for each writer."""

    name: str
    place: tuple
    kind: str
    writer: str
    sequence: int
    transaction: "Transaction | None" = None
    offset: int | None = None
    acknowledged: float | None = None


@dataclass
class Transaction:
    name: str
    state: str = OPEN
    records: list = field(default_factory=list)
    #: (group, topic, partition, offset) that it commits, when it does.
    offset: tuple | None = None
    ended: float | None = None
    #: Whether the log is known to hold less of it than was sent: a power cut took the rest, as it may.
    is_cut: bool = False


@dataclass
class Commits:
    """The commits of one group for one partition."""

    attempted: int = -1
    acknowledged: list = field(default_factory=list)


class Journal:
    """All that was done to one data directory. On any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}
        self.transactions = []
        self.commits = {}
        #: By (topic, partition): up to where it is known to go.
        self.ends = {}
        #: Name: (partitions, when acknowledged or None).
        self.topics = {}
        self.sequences = {}

    def send(self, topic, partition, kind, writer, transaction=None):
        with self.lock:
            sequence = self.sequences[writer] = self.sequences.get(writer, 0) + 1
            sent = Sent(f"{writer}.{sequence}", (topic, partition), kind, writer, sequence, transaction)
            self.sent.setdefault((topic, partition), {})[sent.name] = sent
            if transaction:
                transaction.records.append((topic, partition, sent))
            return sent

    def acknowledge(self, sent, offset):
        with self.lock:
            sent.offset, sent.acknowledged = offset, time.monotonic()
            self.ends[sent.place] = max(self.ends.get(sent.place, 0), offset + 1)

    def forget_ends(self):
        with self.lock:
            self.ends.clear()

    def begin(self, name):
        with self.lock:
            self.transactions.append(Transaction(name))
            return self.transactions[-1]

    def settle(self, transaction, state):
        with self.lock:
            transaction.state = state
            if state in (COMMITTED, ABORTED):
                transaction.ended = time.monotonic()

    def commit(self, group, topic, partition):
        """The next offset to commit. None while the partition is not known to go so far: a start of the broker puts back what lies beyond."""
        with self.lock:
            commits = self.commits.setdefault((group, topic, partition), Commits())
            if commits.attempted >= self.ends.get((topic, partition), 0):
                return None
            commits.attempted += 1
            return commits.attempted

    def committed(self, group, topic, partition, offset):
        with self.lock:
            self.commits[group, topic, partition].acknowledged.append((offset, time.monotonic()))

    def create(self, topic, partitions):
        with self.lock:
            self.topics[topic] = (partitions, None)

    def created(self, topic):
        with self.lock:
            self.topics[topic] = (self.topics[topic][0], time.monotonic())

    @property
    def acknowledgements(self):
        with self.lock:
            return sum(sent.acknowledged is not None for records in self.sent.values() for sent in records.values())
