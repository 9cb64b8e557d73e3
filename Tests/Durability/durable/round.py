"""One round: load, an end in the middle of it, a restart, and a check."""
import random
import threading
import time

from support.cluster import Cluster
from support.wire import Connection, producer_identity

from .checker import Checker
from .journal import Journal
from .load import IdempotentWriter, Writer
from .process import KilledBroker
from .requests import Committer, TopicMaker, create
from .transactions import TransactionalWriter

#: Name: partitions and configuration. Small segments, so that the log has many files.
TOPICS = {"wide": (3, {}), "rolling": (2, {"segment_bytes": 20000}), "stamped": (1, {"message_timestamp_type": "LogAppendTime"})}
PARTITIONS = [(name, partition) for name, (partitions, _) in TOPICS.items() for partition in range(partitions)]


class Directory:
    """A data directory and all that is known of it."""

    def __init__(self, program, strict):
        self.broker, self.journal = KilledBroker(program, strict), Journal()
        self.cluster = Cluster(self.broker.servers)
        with Connection(self.cluster) as connection:
            for name, (partitions, configuration) in TOPICS.items():
                self.journal.create(name, partitions)
                code = create(connection, name, partitions, **configuration)
                assert code == 0, f"CreateTopics: error {code}"
                self.journal.created(name)

    def run(self, plan):
        """What is wrong, as lines of text."""
        ending, abandons = threading.Event(), threading.Event()
        workers = self.workers(plan, ending, abandons)
        for worker in workers:
            worker.start()
        time.sleep(plan.load)
        cut = time.monotonic()
        if plan.power_cut:
            self.broker.cut_power(random.Random(f"{plan.seed}/{plan.number}/cut").getrandbits(32))
        else:
            self.broker.kill()
        if not plan.clients_live_on:
            abandons.set()
            self.end(workers, ending)
        for seconds in plan.kills_in_recovery:
            self.broker.kill_in_recovery(seconds)
        # Where the partitions end now shows with the first records.
        self.journal.forget_ends()
        self.broker.start()
        if plan.clients_live_on:
            time.sleep(plan.after)
            self.end(workers, ending)
        failures = [f"{worker.name}: {worker.failure!r}" for worker in workers if worker.failure]
        self.end_transactions()
        return failures + Checker(self.cluster, self.journal, PARTITIONS, cut, plan.window).check()

    def workers(self, plan, ending, abandons):
        common = (self.cluster, self.journal, f"{plan.seed}/{plan.number}", ending, abandons)
        workers = []
        for letter, kind, count in (("p", Writer, plan.plain), ("i", IdempotentWriter, plan.idempotent), ("t", TransactionalWriter, plan.transactional)):
            workers += [kind(PARTITIONS, f"{letter}{index}/{plan.number}", *common) for index in range(count)]
        return workers + [Committer(PARTITIONS, f"c/{plan.number}", *common), TopicMaker(f"m/{plan.number}", *common)]

    @staticmethod
    def end(workers, ending):
        ending.set()
        for worker in workers:
            worker.join(90)
            assert not worker.is_alive(), f"{worker.name} does not end"

    def end_transactions(self):
        """What a producer left open is aborted by its successor, as in life."""
        with Connection(self.cluster) as connection:
            for index in range(2):
                producer_identity(connection, f"t{index}")
