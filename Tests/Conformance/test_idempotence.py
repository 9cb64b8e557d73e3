"""Idempotent producers: sequence numbers, epochs, and a connection that is lost."""
import contextlib
import os
import socket

import pytest
from confluent_kafka import KafkaError

from support.records import read, values, write
from support.waiting import until
from support.wire import Connection, batch, fetch, list_offset, produce, producer_identity

DUPLICATE_IS_SUCCESS = 0


def test_producer_ids_are_never_given_twice(cluster):
    with Connection(cluster) as connection:
        found = [producer_identity(connection) for _ in range(20)]
    assert len({identity for identity, _ in found}) == 20 and all(epoch == 0 for _, epoch in found)


def test_a_batch_that_is_sent_again_is_stored_once_and_answered_with_its_old_offset(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        sent = [batch(b"%d" % i, b"x", producer=(identity, epoch, 2 * i)) for i in range(5)]
        assert [produce(connection, made, one).base_offset for one in sent] == [0, 2, 4, 6, 8]
        for index in (0, 2, 4, 1):
            answer = produce(connection, made, sent[index])
            assert (answer.error_code, answer.base_offset) == (DUPLICATE_IS_SUCCESS, 2 * index)
        assert list_offset(connection, made, -1).offset == 10


def test_a_batch_older_than_the_last_five_is_refused_and_not_stored(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        sent = [batch(b"v", producer=(identity, epoch, i)) for i in range(7)]
        assert all(produce(connection, made, one).error_code == 0 for one in sent)
        assert produce(connection, made, sent[0]).error_code in (KafkaError.DUPLICATE_SEQUENCE_NUMBER, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
        assert list_offset(connection, made, -1).offset == 7


def test_a_gap_in_the_sequence_is_out_of_order(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        assert produce(connection, made, batch(b"a", producer=(identity, epoch, 0))).error_code == 0
        assert produce(connection, made, batch(b"c", producer=(identity, epoch, 2))).error_code == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert produce(connection, made, batch(b"b", producer=(identity, epoch, 1))).base_offset == 1


def test_sequence_numbers_begin_again_after_the_largest(cluster, topic):
    """A producer that the partition does not know may begin anywhere, as after its state was forgotten."""
    made = topic()
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        first = produce(connection, made, batch(b"a", b"b", producer=(identity, epoch, 2**31 - 2)))
        if first.error_code == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER:
            pytest.skip("this broker wants a new producer to begin with 0")
        assert produce(connection, made, batch(b"c", producer=(identity, epoch, 0))).base_offset == 2


def test_each_partition_has_sequence_numbers_of_its_own(cluster, topic):
    made = topic(partitions=2)
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        for partition in (0, 1):
            for sequence in range(3):
                assert produce(connection, made, batch(b"v", producer=(identity, epoch, sequence)), partition).error_code == 0


def test_a_new_epoch_begins_with_zero_and_fences_the_old_one(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        assert produce(connection, made, batch(b"a", producer=(identity, epoch, 0))).error_code == 0
        assert produce(connection, made, batch(b"b", producer=(identity, epoch + 1, 5))).error_code == KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert produce(connection, made, batch(b"b", producer=(identity, epoch + 1, 0))).error_code == 0
        # INVALID_PRODUCER_EPOCH
        assert produce(connection, made, batch(b"c", producer=(identity, epoch, 1))).error_code == KafkaError.INVALID_PRODUCER_EPOCH


def test_duplicates_are_known_after_the_connection_is_lost(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        sent = batch(b"once", producer=(identity, epoch, 0))
        produce(connection, made, sent)
    with Connection(cluster) as connection:
        assert produce(connection, made, sent).base_offset == 0
        assert fetch(connection, made).high_watermark == 1


def sockets_to(port):
    """The process's own connections to a port on any host, as duplicates of their file descriptors."""
    for entry in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{entry}").startswith("socket:"):
                continue
            peer = socket.socket(fileno=os.dup(int(entry)))
        except OSError:
            continue
        with contextlib.suppress(OSError):  # Connected to nobody.
            if peer.family in (socket.AF_INET, socket.AF_INET6) and peer.getpeername()[1] == port:
                yield peer
                continue
        peer.close()


def test_librdkafka_writes_each_record_once_and_in_order_while_its_connections_are_cut(cluster, topic):
    made = topic()
    producer = cluster.producer(enable_idempotence=True, linger_ms=1, batch_num_messages=20, reconnect_backoff_ms=10, reconnect_backoff_max_ms=50)
    ports = {broker.port for broker in producer.list_topics(timeout=60).brokers.values()}
    delivered, failed = [], []

    def report(error, message):
        (failed if error else delivered).append(error or message.value())

    for index in range(4000):
        producer.produce(made, b"%d" % index, partition=0, on_delivery=report)
        if index % 400 == 399:
            # In the middle of what is under way, once the connection works again.
            until("some of it delivered", lambda: producer.poll(0.001) >= 0 and len(delivered) > index - 300, pause=0)
            cut = [peer for port in ports for peer in sockets_to(port)]
            assert cut, "no connection to cut"
            for peer in cut:
                with peer, contextlib.suppress(OSError):  # Not connected yet, or not any more.
                    peer.shutdown(socket.SHUT_RDWR)
    assert producer.flush(60) == 0 and failed == []
    assert [int(value) for value in values(read(cluster, made))] == list(range(4000))


def test_an_idempotent_producer_of_every_client_writes(cluster, topic):
    import asyncio

    made = topic()
    write(cluster, made, [b"librdkafka"], enable_idempotence=True)
    python = cluster.python_producer(enable_idempotence=True)
    python.send(made, b"kafka-python", partition=0).get(60)
    python.close(5)

    async def run():
        producer = cluster.aio_producer(enable_idempotence=True)
        await producer.start()
        await producer.send_and_wait(made, b"aiokafka", partition=0)
        await producer.stop()

    asyncio.run(run())
    assert values(read(cluster, made)) == [b"librdkafka", b"kafka-python", b"aiokafka"]
