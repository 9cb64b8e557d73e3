"""The brokers under test and how each client is pointed at them."""
import functools
import uuid
from dataclasses import dataclass

import aiokafka
import aiokafka.coordinator.assignors.range
import confluent_kafka
import kafka
from confluent_kafka.admin import AdminClient

from .waiting import until

# Short waits, so that a test waits for the broker and not for a client's patience; a session outlives a machine that stands still for a while.
CONSUMER = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "session.timeout.ms": 30000,
    "heartbeat.interval.ms": 500,
    "fetch.wait.max.ms": 100,
    "allow.auto.create.topics": False,
}


@dataclass(frozen=True)
class Cluster:
    """One cluster, seen as one user of it."""

    servers: str
    user: str = ""
    password: str = ""
    #: Which row of differences.toml holds for it.
    kind: str = "kafka"

    @property
    def address(self):
        """Host and port of the first bootstrap server."""
        host, _, port = self.servers.split(",")[0].rpartition(":")
        return host.strip("[]"), int(port)

    def as_user(self, user, password):
        return Cluster(self.servers, user, password, self.kind)

    @staticmethod
    def _spelled(name):
        return name if name in ("error_cb", "log_level") else name.replace("_", ".")

    # librdkafka
    def properties(self, **more):
        """librdkafka's properties; `a_b=1` stands for `a.b=1`."""
        properties = {"bootstrap.servers": self.servers, "log_level": 0}
        if self.user:
            properties |= {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": self.user, "sasl.password": self.password}
        return properties | {self._spelled(name): value for name, value in more.items()}

    def producer(self, **more):
        return confluent_kafka.Producer(self.properties(**({"linger_ms": 0} | more)))

    def consumer(self, group=None, **more):
        properties = self.properties(**CONSUMER_NAMES) | {"group.id": group or f"conformance-none-{uuid.uuid4().hex[:8]}"}
        return confluent_kafka.Consumer(properties | {self._spelled(name): value for name, value in more.items()})

    @functools.cache
    def admin(self):
        """One for all who ask: a client that goes out of scope takes its unfinished calls along."""
        return AdminClient(self.properties())

    # kafka-python
    def python_properties(self, **more):
        properties = {"bootstrap_servers": self.servers}
        if self.user:
            properties |= {
                "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": self.user, "sasl_plain_password": self.password,
            }
        return properties | more

    def python_producer(self, **more):
        return kafka.KafkaProducer(**self.python_properties(**more))

    def python_consumer(self, *topics, listener=None, **more):
        settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 100} | more
        if not settings.get("group_id"):
            return kafka.KafkaConsumer(*topics, **self.python_properties(**settings))
        settings = {"session_timeout_ms": 30000, "heartbeat_interval_ms": 500} | settings
        consumer = kafka.KafkaConsumer(**self.python_properties(**settings))
        # Where an answer about metadata comes just as it leads a group, it may share out a topic that it knows nothing of, take what it learns next for what it has
        # shared out, and wait for ever: it knows its topics before it joins.
        for topic in topics:
            until(f"metadata of {topic}", lambda: consumer.partitions_for_topic(topic))
        consumer.subscribe(topics, listener=listener)
        return consumer

    def python_admin(self, **more):
        return kafka.KafkaAdminClient(**self.python_properties(**more))

    # aiokafka
    def aio_producer(self, **more):
        return aiokafka.AIOKafkaProducer(**self.python_properties(**more))

    def aio_consumer(self, *topics, **more):
        settings = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 100} | more
        if settings.get("group_id"):
            # Its own default is the round robin alone, which the others do not offer.
            assignors = [aiokafka.coordinator.assignors.range.RangePartitionAssignor]
            settings = {"session_timeout_ms": 30000, "heartbeat_interval_ms": 500, "partition_assignment_strategy": assignors} | settings
        return aiokafka.AIOKafkaConsumer(*topics, **self.python_properties(**settings))

    # kcat
    def kcat_options(self):
        # Its own patience with a broker is five seconds.
        options = ["-b", self.servers, "-m", "60"]
        for name, value in self.properties().items():
            if name not in ("bootstrap.servers", "log_level"):
                options += ["-X", f"{name}={value}"]
        return options


CONSUMER_NAMES = {name.replace(".", "_"): value for name, value in CONSUMER.items()}
