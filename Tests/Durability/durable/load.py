"""Producers of all kinds that write until they are told to end. Each is a thread with a client of its own."""
import random
import threading

from .journal import IDEMPOTENT, PLAIN, value_of

#: Batches fit into the smallest segments, also when a slow disk lets many records come together: librdkafka begins a new epoch after one that is refused,
#: and what was on its way is then written twice.
SMALL = {"batch_size": 8000}
#: Clients look for the broker again soon, and fail late.
PATIENCE = {"reconnect_backoff_ms": 10, "reconnect_backoff_max_ms": 50, "retry_backoff_ms": 10, "message_timeout_ms": 60_000, "error_cb": lambda _: None}


class Worker(threading.Thread):
    """Works until `ending` is set; what it cannot end in order by then is left when `abandons` is set too."""

    def __init__(self, name, cluster, journal, seed, ending, abandons):
        super().__init__(name=name, daemon=True)
        self.cluster, self.journal, self.ending, self.abandons = cluster, journal, ending, abandons
        self.chance = random.Random(f"{seed}/{name}")
        self.failure = None

    def run(self):
        try:
            self.work()
        except BaseException as error:  # The round fails with it.
            self.failure = error


class Writer(Worker):
    """Shared by the producers."""

    kind = PLAIN
    properties = {"acks": "all", "max_in_flight_requests_per_connection": 1}

    def __init__(self, partitions, *arguments):
        super().__init__(*arguments)
        self.partitions = partitions

    def work(self):
        producer = self.cluster.producer(**PATIENCE, **SMALL, **self.properties)
        while not self.ending.is_set():
            for _ in range(self.chance.randint(1, 12)):
                self.send(producer)
            producer.poll(0)
            # Enough for every file to grow; more would only make the check longer.
            self.ending.wait(self.chance.choice([0.002, 0.01]))
        self.end(producer)

    def send(self, producer):
        topic, partition = self.chance.choice(self.partitions)
        sent = self.journal.send(topic, partition, self.kind, self.name)

        def report(error, message):
            if error is None:
                self.journal.acknowledge(sent, message.offset())

        while True:
            try:
                return producer.produce(topic, value_of(sent.name), partition=partition, on_delivery=report)
            except BufferError:
                producer.poll(0.01)
                if self.abandons.is_set():
                    return None

    def end(self, producer):
        if self.abandons.is_set():
            producer.purge()
            producer.poll(0)
        else:
            left = producer.flush(70)
            assert left == 0, f"{self.name}: {left} records neither delivered nor failed 70 s after the restart"


class IdempotentWriter(Writer):
    kind = IDEMPOTENT
    properties = {"enable_idempotence": True}
