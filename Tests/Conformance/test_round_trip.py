"""What one client writes, every client reads: nulls, headers, codecs."""
import pytest

from support.records import READERS, WRITERS, Librdkafka, Record, read, write

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]

MANY = [Record(f"key-{i}".encode(), f"value-{i} ".encode() * 20, (("n", str(i).encode()), ("type", b"test"))) for i in range(120)]

UNUSUAL = {
    "null value": Record(b"key", None),
    "null key": Record(None, b"value"),
    "null key and value": Record(None, None),
    "empty key and value": Record(b"", b""),
    "empty header": Record(b"k", b"v", (("empty", b""),)),
    "null header": Record(b"k", b"v", (("null", None),)),
    "repeated headers in order": Record(b"k", b"v", (("a", b"1"), ("b", b"2"), ("a", b"3"))),
    "many headers": Record(b"k", b"v", tuple((f"h{i}", b"x" * i) for i in range(200))),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda client: client.name)
def test_compressed_records_are_read_by_every_client(cluster, topic, writer, codec):
    made = topic()
    writer.write(cluster, made, MANY, codec)
    for reader in READERS:
        found = reader.read(cluster, made, len(MANY))
        assert [record.content for record in found] == [record.content for record in MANY], f"read by {reader.name}"
        assert [record.offset for record in found] == list(range(len(MANY))), f"read by {reader.name}"


@pytest.mark.parametrize("codec", CODECS)
def test_batches_are_stored_as_they_came_and_not_recompressed(cluster, topic, codec):
    from support.wire import Connection, batch, batches, fetch, produce

    number = CODECS.index(codec)
    sent = batch(*[b"the same again " * 10] * 20, codec=number)
    made = topic()
    with Connection(cluster) as connection:
        assert produce(connection, made, sent).error_code == 0
        answer = fetch(connection, made)
    # All but the base offset and the leader's epoch, which the broker sets and the checksum does not cover.
    assert bytes(answer.records)[17:] == sent[17:]
    assert batches(answer)[0].compression_type == number


# What a client itself refuses to write.
REFUSED = {("kafka-python", "null key and value"), ("aiokafka", "null key and value"), ("kafka-python", "null header")}
UNUSUAL_WRITTEN = [pytest.param(w, k, id=f"{w.name}, {k}") for w in WRITERS for k in sorted(UNUSUAL) if (w.name, k) not in REFUSED]


@pytest.mark.parametrize("writer,kind", UNUSUAL_WRITTEN)
def test_unusual_records_are_read_by_every_client_as_they_were_written(cluster, topic, writer, kind):
    record, made = UNUSUAL[kind], topic()
    writer.write(cluster, made, [record], "none")
    for reader in READERS:
        assert [found.content for found in reader.read(cluster, made, 1)] == [record.content], f"read by {reader.name}"


@pytest.mark.parametrize("writer", WRITERS, ids=lambda client: client.name)
def test_the_producers_timestamp_is_kept(cluster, topic, writer):
    made = topic(retention_ms=-1)
    writer.write(cluster, made, [Record(b"k", b"v", timestamp=1_600_000_000_000 + i * 1000) for i in range(5)], "gzip")
    for reader in READERS:
        assert [r.timestamp for r in reader.read(cluster, made, 5)] == [1_600_000_000_000 + i * 1000 for i in range(5)], f"read by {reader.name}"


def test_log_append_time_replaces_the_producers_timestamp(cluster, topic):
    import time

    from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME

    made = topic(message_timestamp_type="LogAppendTime")
    before = int(time.time() * 1000) - 1000
    write(cluster, made, [Record(None, b"v", timestamp=1_000_000_000_000 + i) for i in range(3)])
    after = int(time.time() * 1000) + 1000
    for message in read(cluster, made):
        kind, timestamp = message.timestamp()
        assert kind == TIMESTAMP_LOG_APPEND_TIME and before <= timestamp <= after
    for reader in READERS:
        assert all(before <= record.timestamp <= after for record in reader.read(cluster, made, 3)), f"read by {reader.name}"


@pytest.mark.parametrize("reader", [r for r in READERS if r is not Librdkafka], ids=lambda client: client.name)
def test_ten_thousand_records_are_read_once_each_and_in_order(cluster, topic, reader):
    made = topic()
    write(cluster, made, [str(i).encode() for i in range(10_000)], compression_type="lz4", batch_num_messages=700, linger_ms=5)
    assert [int(record.value) for record in reader.read(cluster, made, 10_000)] == list(range(10_000))
