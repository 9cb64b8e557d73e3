"""Whole partitions as they lie in the broker, batch by batch, read without a client, and as a client shows them."""
import struct
import time
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition
from support.wire import fetch

HEADER = struct.Struct(">qiibIhiqqqhii")


@dataclass
class Batch:
    base: int
    last: int
    is_control: bool
    is_transactional: bool
    producer: tuple
    #: (offset, value) of each record.
    records: list
    #: Of a control batch: whether it commits.
    commits: bool | None = None


@dataclass
class PartitionView:
    batches: list = field(default_factory=list)
    start: int = 0
    high_watermark: int = 0
    last_stable: int = 0

    @property
    def records(self):
        return [record for batch in self.batches if not batch.is_control for record in batch.records]

    def committed(self):
        """What read_committed shows: all but the records of aborted and unfinished transactions, by the markers in the log."""
        pending, shown = {}, []
        for batch in self.batches:
            if batch.is_control:
                if batch.commits:
                    shown += pending.pop(batch.producer[0], [])
                else:
                    pending.pop(batch.producer[0], None)
            elif batch.is_transactional:
                pending.setdefault(batch.producer[0], []).extend(batch.records)
            else:
                shown += batch.records
        return sorted(shown)


def read_partition(connection, topic, partition):
    """Everything from the first offset to the high watermark. AssertionError when batches overlap or leave a hole."""
    view, offset = PartitionView(), None
    while True:
        answer = fetch(connection, topic, offset or 0, partition, most=8_000_000, partition_most=8_000_000)
        assert answer.error_code == 0, f"{topic}-{partition}: error {answer.error_code} at offset {offset}"
        view.high_watermark, view.last_stable, view.start = answer.high_watermark, answer.last_stable_offset, answer.log_start_offset
        offset = view.start if offset is None else offset
        before = offset
        for batch in batches(bytes(answer.records or b"")):
            assert batch.base == offset, f"{topic}-{partition}: a batch of offset {batch.base} where {offset} is expected"
            offset = batch.last + 1
            view.batches.append(batch)
        if offset == view.high_watermark:
            return view
        assert offset > before, f"{topic}-{partition}: nothing at offset {offset}, though the high watermark is {view.high_watermark}"


def batches(octets):
    position = 0
    while position + HEADER.size <= len(octets):
        base, length, _, magic, _, attributes, delta, _, _, identity, epoch, sequence, count = HEADER.unpack_from(octets, position)
        end = position + 12 + length
        if end > len(octets):
            return  # Cut by the limit of the answer.
        assert magic == 2 and attributes & 7 == 0, f"a batch of magic {magic} and attributes {attributes} at offset {base}"
        is_control = bool(attributes & 0x20)
        records = list(parse(octets, position + HEADER.size, end, base, count, is_control))
        commits = records[0][1][3] == 1 if is_control else None
        assert is_control or [offset for offset, _ in records] == list(range(base, base + delta + 1)), f"wrong offsets in the batch at {base}"
        yield Batch(base, base + delta, is_control, bool(attributes & 0x10), (identity, epoch, sequence), records, commits)
        position = end


def parse(octets, position, end, base, count, keys):
    """(offset, value) of each record; the keys instead of the values when `keys`."""
    for _ in range(count):
        length, position = varint(octets, position)
        following = position + length
        _, at = varint(octets, position + 1)
        delta, at = varint(octets, at)
        size, at = varint(octets, at)
        if not keys:
            size, at = varint(octets, at + max(0, size))
        yield base + delta, octets[at:at + size]
        position = following
    assert position == end, f"octets are left over in the batch at {base}"


def varint(octets, position):
    value = shift = 0
    while True:
        octet = octets[position]
        position += 1
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            return value >> 1 ^ -(value & 1), position
        shift += 7


def read_committed(cluster, partitions, seconds=90):
    """What librdkafka shows of each partition: {(topic, partition): [(offset, value)]}."""
    found, left, deadline = {place: [] for place in partitions}, set(partitions), time.monotonic() + seconds
    consumer = cluster.consumer(isolation_level="read_committed", enable_partition_eof=True, check_crcs=True, fetch_wait_max_ms=10)
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in partitions])
        while left:
            assert time.monotonic() < deadline, f"the ends of {sorted(left)} are not reached in {seconds} s"
            for message in consumer.consume(10_000, 0.02):
                place = message.topic(), message.partition()
                if message.error() is None:
                    found[place].append((message.offset(), message.value()))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    left.discard(place)
                else:
                    raise KafkaException(message.error())
        return found
    finally:
        consumer.close()
