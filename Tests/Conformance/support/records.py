"""Writing and reading of whole partitions, the same for every client, so that one's records can be read by all others."""
import asyncio
import json
import subprocess
import time
from typing import NamedTuple

import confluent_kafka
import kafka
from confluent_kafka import TopicPartition

from .waiting import until


class Record(NamedTuple):
    """A record as every client shows it. `headers` is a list of (name, bytes or None)."""

    key: bytes | None = None
    value: bytes | None = None
    headers: tuple = ()
    offset: int | None = None
    timestamp: int | None = None
    partition: int = 0

    @property
    def content(self):
        return self.key, self.value, tuple(self.headers)


def write(cluster, topic, records, partition=0, producer=None, timeout=60, **properties):
    """Produces with librdkafka; the delivered messages in order of their offsets. Raises KafkaException of the first that failed."""
    own = producer or cluster.producer(**properties)
    delivered, failed = [], []

    def report(error, message):
        (failed if error else delivered).append(error or message)

    for record in records:
        record = record if isinstance(record, Record) else Record(value=record)
        timestamp = {"timestamp": record.timestamp} if record.timestamp is not None else {}
        where = {} if partition is None else {"partition": partition}
        own.produce(topic, value=record.value, key=record.key, headers=list(record.headers) or None, on_delivery=report, **where, **timestamp)
    left = own.flush(timeout)
    if failed:
        raise confluent_kafka.KafkaException(failed[0])
    assert left == 0, f"{left} records neither delivered nor failed in {timeout} s"
    return sorted(delivered, key=lambda message: (message.partition(), message.offset()))


def read(cluster, topic, partitions=(0,), start=confluent_kafka.OFFSET_BEGINNING, timeout=60, **properties):
    """Everything from `start` to the end of the partitions, with librdkafka, as messages."""
    settings = {"isolation_level": "read_committed", "enable_partition_eof": True} | properties
    consumer = cluster.consumer(**settings)
    try:
        consumer.assign([TopicPartition(topic, partition, start) for partition in partitions])
        return _until_end(consumer, len(partitions), timeout)
    finally:
        consumer.close()


def _until_end(consumer, partitions, timeout):
    messages, ended, deadline = [], set(), time.monotonic() + timeout
    while len(ended) < partitions:
        assert time.monotonic() < deadline, f"end of {partitions} partitions not reached in {timeout} s; {len(messages)} records read"
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error() and message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        elif message.error():
            raise confluent_kafka.KafkaException(message.error())
        else:
            ended.discard(message.partition())
            messages.append(message)
    return messages


def values(messages):
    return [message.value() for message in messages]


def poll_values(consumer, count, seconds=60):
    """Polls a librdkafka consumer until `count` records are there; their values."""
    found = []

    def more():
        message = consumer.poll(0.1)
        if message is not None:
            if message.error():
                raise confluent_kafka.KafkaException(message.error())
            found.append(message.value())
        return len(found) >= count

    until(f"{count} records of a consumer", more, seconds, pause=0)
    return found


class Librdkafka:
    name = "confluent-kafka"

    @staticmethod
    def write(cluster, topic, records, codec):
        write(cluster, topic, records, compression_type=codec)

    @staticmethod
    def read(cluster, topic, count):
        return [
            Record(m.key(), m.value(), tuple(m.headers() or ()), m.offset(), m.timestamp()[1], m.partition()) for m in read(cluster, topic)
        ]


class KafkaPython:
    name = "kafka-python"

    @staticmethod
    def write(cluster, topic, records, codec):
        producer = cluster.python_producer(compression_type=None if codec == "none" else codec, linger_ms=5)
        try:
            futures = [producer.send(topic, r.value, r.key, list(r.headers), 0, r.timestamp) for r in records]
            for future in futures:
                future.get(60)
        finally:
            producer.close(5)

    @staticmethod
    def read(cluster, topic, count):
        consumer = cluster.python_consumer()
        found = []

        def more():
            for messages in consumer.poll(200).values():
                found.extend(Record(m.key, m.value, tuple(m.headers), m.offset, m.timestamp, m.partition) for m in messages)
            return len(found) >= count

        try:
            consumer.assign([kafka.TopicPartition(topic, 0)])
            consumer.seek_to_beginning()
            until(f"{count} records", more, pause=0)
        finally:
            consumer.close()
        return found


class AIOKafka:
    name = "aiokafka"

    @staticmethod
    def write(cluster, topic, records, codec):
        async def run():
            producer = cluster.aio_producer(compression_type=None if codec == "none" else codec, linger_ms=5)
            await producer.start()
            try:
                waiting = [await producer.send(topic, r.value, r.key, 0, r.timestamp, list(r.headers)) for r in records]
                await asyncio.wait_for(asyncio.gather(*waiting), 60)
            finally:
                await producer.stop()

        asyncio.run(run())

    @staticmethod
    def read(cluster, topic, count):
        async def run():
            consumer = cluster.aio_consumer()
            await consumer.start()
            found = []
            try:
                partition = kafka_partition(topic)
                consumer.assign([partition])
                await consumer.seek_to_beginning(partition)
                async with asyncio.timeout(60):
                    while len(found) < count:
                        for messages in (await consumer.getmany(timeout_ms=200)).values():
                            found.extend(Record(m.key, m.value, tuple(m.headers), m.offset, m.timestamp, m.partition) for m in messages)
            finally:
                await consumer.stop()
            return found

        return asyncio.run(run())


def kafka_partition(topic, partition=0):
    import aiokafka

    return aiokafka.TopicPartition(topic, partition)


class Kcat:
    """Reads only; kcat cannot write null keys beside given ones."""

    name = "kcat"

    @staticmethod
    def read(cluster, topic, count):
        command = ["kcat", "-C", "-q", "-e", "-J", "-t", topic, "-p", "0", "-o", "beginning", *cluster.kcat_options()]
        lines = subprocess.run(command, capture_output=True, timeout=90, check=True).stdout.splitlines()
        return [Kcat._record(json.loads(line)) for line in lines]

    @staticmethod
    def _record(line):
        def octets(text):
            return None if text is None else text.encode()

        flat = line.get("headers", [])
        headers = tuple((name, octets(value)) for name, value in zip(flat[::2], flat[1::2]))
        return Record(octets(line["key"]), octets(line["payload"]), headers, line["offset"], line["ts"], line["partition"])


WRITERS = [Librdkafka, KafkaPython, AIOKafka]
READERS = [Librdkafka, KafkaPython, AIOKafka, Kcat]
