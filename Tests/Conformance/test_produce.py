"""Produce: acknowledgements, order, limits of size, errors."""
import pytest
from confluent_kafka import KafkaError, KafkaException

from support.records import Record, read, values, write
from support.waiting import until
from support.wire import Connection, batch, fetch, produce


def refused(cluster, topic, records, **properties):
    with pytest.raises(KafkaException) as caught:
        write(cluster, topic, records, **properties)
    return caught.value.args[0].code()


@pytest.mark.parametrize("acks", ["1", "all"])
def test_each_record_is_acknowledged_with_its_offset(cluster, topic, acks):
    delivered = write(cluster, topic(), [b"%d" % i for i in range(50)], acks=acks)
    assert [message.offset() for message in delivered] == list(range(50))
    assert values(delivered) == [b"%d" % i for i in range(50)]


def test_without_acknowledgement_the_records_arrive_and_no_answer_does(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        produce(connection, made, batch(b"a"), acks=0)
        produce(connection, made, batch(b"b"), acks=0)
        # The next answer is to the next request.
        until("both records", lambda: fetch(connection, made).high_watermark == 2)


def test_an_error_without_acknowledgement_closes_the_connection(cluster, name):
    with Connection(cluster) as connection:
        produce(connection, f"{name}-absent", batch(b"a"), acks=0)
        assert connection.is_closed(), "the producer would never learn of the error"


def test_acks_other_than_those_that_exist_are_refused(cluster, topic):
    with Connection(cluster) as connection:
        assert produce(connection, topic(), batch(b"a"), acks=2).error_code == KafkaError.INVALID_REQUIRED_ACKS


def test_an_unknown_partition_is_unknown_topic_or_part(cluster, topic):
    with Connection(cluster) as connection:
        assert produce(connection, topic(), batch(b"a"), partition=7).error_code == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_keys_keep_their_partition_and_their_order(cluster, topic):
    made = topic(partitions=4)
    sent = [Record(f"key-{i % 10}".encode(), str(i).encode()) for i in range(500)]
    write(cluster, made, sent, partition=None, partitioner="murmur2_random")
    places, order = {}, {}
    for message in read(cluster, made, range(4)):
        places.setdefault(message.key(), set()).add(message.partition())
        order.setdefault(message.key(), []).append(int(message.value()))
    assert all(len(partitions) == 1 for partitions in places.values()) and len(places) == 10
    assert all(numbers == sorted(numbers) and len(numbers) == 50 for numbers in order.values())


def test_a_large_record_below_the_limit_is_stored_whole(cluster, topic):
    made = topic(max_message_bytes=6_000_000)
    large = bytes(range(256)) * 20_000
    write(cluster, made, [large], message_max_bytes=7_000_000)
    assert values(read(cluster, made)) == [large]


def test_the_limit_is_of_the_batch_and_includes_its_last_octet(cluster, topic):
    sent = batch(b"x" * 1000)
    with Connection(cluster) as connection:
        assert produce(connection, topic(max_message_bytes=len(sent)), sent).error_code == 0
        assert produce(connection, topic(max_message_bytes=len(sent) - 1), sent).error_code == KafkaError.MSG_SIZE_TOO_LARGE


def test_the_default_limit_is_that_of_kafka(cluster, topic):
    made = topic()
    assert len(write(cluster, made, [b"x" * 1_048_000], message_max_bytes=4_000_000)) == 1
    assert refused(cluster, made, [b"x" * 1_049_000], message_max_bytes=4_000_000) == KafkaError.MSG_SIZE_TOO_LARGE


def test_a_record_over_the_limit_is_message_size_too_large_for_every_client(cluster, topic):
    import asyncio

    import aiokafka.errors
    import kafka.errors

    made = topic(max_message_bytes=1000)
    assert refused(cluster, made, [b"x" * 2000]) == KafkaError.MSG_SIZE_TOO_LARGE
    python = cluster.python_producer()
    try:
        with pytest.raises(kafka.errors.MessageSizeTooLargeError):
            python.send(made, b"x" * 2000, partition=0).get(60)
    finally:
        python.close(5)

    async def run():
        producer = cluster.aio_producer()
        await producer.start()
        try:
            with pytest.raises(aiokafka.errors.MessageSizeTooLargeError):
                await producer.send_and_wait(made, b"x" * 2000, partition=0)
        finally:
            await producer.stop()

    asyncio.run(run())
    assert read(cluster, made) == []


def test_a_compressed_record_counts_with_its_compressed_size(cluster, topic):
    made = topic(max_message_bytes=2000)
    write(cluster, made, [b"x" * 100_000], compression_type="gzip")
    assert values(read(cluster, made)) == [b"x" * 100_000]


def test_a_compacted_topic_refuses_records_without_a_key(cluster, topic):
    made = topic(cleanup_policy="compact")
    assert refused(cluster, made, [Record(None, b"v")]) in (KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG)
    assert len(write(cluster, made, [Record(b"k", b"v")])) == 1


def test_several_batches_for_a_partition_in_one_request_are_refused(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        assert produce(connection, made, batch(b"a") + batch(b"b")).error_code == 87  # INVALID_RECORD
        assert fetch(connection, made).high_watermark == 0


def test_a_control_batch_from_a_client_is_refused(cluster, topic):
    import struct

    from kafka.record.util import calc_crc32c

    made = topic()
    sent = bytearray(batch(b"v", producer=(1000, 0, 0), transactional=True))
    sent[21:23] = struct.pack(">h", struct.unpack(">h", sent[21:23])[0] | 0x20)
    sent[17:21] = struct.pack(">I", calc_crc32c(bytes(sent[21:])))
    with Connection(cluster) as connection:
        assert produce(connection, made, bytes(sent)).error_code != 0
        assert fetch(connection, made).high_watermark == 0


def test_one_answer_has_a_result_for_each_partition(cluster, topic):
    from kafka.protocol.producer import ProduceRequest

    made = topic(partitions=2)
    data = ProduceRequest.TopicProduceData
    parts = [data.PartitionProduceData(index=index, records=batch(b"v")) for index in (0, 1, 5)]
    with Connection(cluster) as connection:
        request = ProduceRequest(transactional_id=None, acks=-1, timeout_ms=5000, topic_data=[data(name=made, partition_data=parts)])
        answers = {p.index: p.error_code for p in connection.ask(request, 9).responses[0].partition_responses}
    assert answers == {0: 0, 1: 0, 5: KafkaError.UNKNOWN_TOPIC_OR_PART}


@pytest.mark.parametrize("kind", ["old", "future"])
def test_timestamps_out_of_the_topics_range_are_invalid_timestamp(cluster, topic, kind):
    import time

    made = topic(**{"message_timestamp_before_max_ms" if kind == "old" else "message_timestamp_after_max_ms": 3_600_000})
    shift = -7_200_000 if kind == "old" else 7_200_000
    with Connection(cluster) as connection:
        answer = produce(connection, made, batch(b"v", timestamp=int(time.time() * 1000) + shift))
        assert answer.error_code == KafkaError.INVALID_TIMESTAMP


def test_parallel_producers_lose_and_repeat_nothing(cluster, topic):
    made = topic(partitions=2)
    producers = [cluster.producer(linger_ms=2, batch_num_messages=50) for _ in range(5)]
    for index in range(2000):
        for number, producer in enumerate(producers):
            producer.produce(made, b"%d-%d" % (number, index), partition=index % 2)
            producer.poll(0)
    assert all(producer.flush(60) == 0 for producer in producers)
    found = values(read(cluster, made, [0, 1]))
    assert len(found) == 10_000 and len(set(found)) == 10_000
