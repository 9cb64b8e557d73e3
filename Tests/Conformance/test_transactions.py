"""Transactions through the clients: what is seen, when, and by whom."""
import asyncio
import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from support.records import READERS, poll_values, read, values, write
from support.waiting import stays, until


def transactional(cluster, name, **more):
    producer = cluster.producer(transactional_id=name, **more)
    producer.init_transactions(60)
    return producer


def put(producer, topic, *contents, partition=0):
    for value in contents:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(60) == 0


def seen(cluster, topic, partitions=(0,), committed=True):
    return values(read(cluster, topic, partitions, isolation_level="read_committed" if committed else "read_uncommitted"))


# The same with each client that can write in transactions.

def librdkafka(cluster, name, topic):
    producer = transactional(cluster, name)
    producer.begin_transaction()
    put(producer, topic, b"aborted")
    producer.abort_transaction(60)
    producer.begin_transaction()
    put(producer, topic, b"one", b"two")
    producer.commit_transaction(60)


def kafka_python(cluster, name, topic):
    producer = cluster.python_producer(transactional_id=name)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, b"aborted", partition=0).get(60)
    producer.abort_transaction()
    producer.begin_transaction()
    for value in (b"one", b"two"):
        producer.send(topic, value, partition=0).get(60)
    producer.commit_transaction()
    producer.close(5)


def aiokafka(cluster, name, topic):
    async def run():
        producer = cluster.aio_producer(transactional_id=name)
        await producer.start()
        try:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"aborted", partition=0)
            await producer.abort_transaction()
            async with producer.transaction():
                for value in (b"one", b"two"):
                    await producer.send_and_wait(topic, value, partition=0)
        finally:
            await producer.stop()

    asyncio.run(run())


def reads_committed(cluster, topic, count):
    """What kafka-python and aiokafka read with read_committed."""
    import aiokafka as aio
    import kafka

    consumer, found = cluster.python_consumer(isolation_level="read_committed"), []
    try:
        consumer.assign([kafka.TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        until("records", lambda: found.extend(r.value for rs in consumer.poll(200).values() for r in rs) or len(found) >= count, pause=0)
    finally:
        consumer.close()
    yield "kafka-python", found

    async def run():
        consumer, found = cluster.aio_consumer(isolation_level="read_committed"), []
        await consumer.start()
        try:
            part = aio.TopicPartition(topic, 0)
            consumer.assign([part])
            await consumer.seek_to_beginning(part)
            async with asyncio.timeout(60):
                while len(found) < count:
                    found.extend(r.value for rs in (await consumer.getmany(timeout_ms=200)).values() for r in rs)
        finally:
            await consumer.stop()
        return found

    yield "aiokafka", asyncio.run(run())


@pytest.mark.parametrize("client", [librdkafka, kafka_python, aiokafka], ids=lambda client: client.__name__)
def test_what_was_aborted_is_invisible_to_read_committed_and_visible_to_read_uncommitted(cluster, topic, name, client):
    made = topic()
    client(cluster, name, made)
    assert seen(cluster, made) == [b"one", b"two"]
    assert seen(cluster, made, committed=False) == [b"aborted", b"one", b"two"]
    for reader, found in reads_committed(cluster, made, 2):
        assert found == [b"one", b"two"], f"read by {reader}"
    for reader in READERS[1:3]:
        assert [r.value for r in reader.read(cluster, made, 3)] == [b"aborted", b"one", b"two"], f"read by {reader.name}"


def test_an_open_transaction_holds_read_committed_back_and_not_read_uncommitted(cluster, topic, name, closing):
    made = topic()
    producer = transactional(cluster, name)
    producer.begin_transaction()
    put(producer, made, b"open")
    write(cluster, made, [b"plain"])
    assert seen(cluster, made, committed=False) == [b"open", b"plain"]
    reader = closing(cluster.consumer(isolation_level="read_committed"))
    reader.assign([TopicPartition(made, 0, OFFSET_BEGINNING)])
    stays("nothing is seen", lambda: reader.poll(0.05) is None, 1)
    producer.commit_transaction(60)
    assert poll_values(reader, 2) == [b"open", b"plain"]


def test_a_transaction_over_several_partitions_and_topics_appears_as_a_whole(cluster, topic, name):
    first, second = topic(partitions=3), topic()
    producer = transactional(cluster, name)
    producer.begin_transaction()
    for partition in range(3):
        put(producer, first, b"%d" % partition, partition=partition)
    put(producer, second, b"other")
    assert seen(cluster, first, range(3)) == [] == seen(cluster, second)
    producer.commit_transaction(60)
    assert sorted(seen(cluster, first, range(3))) == [b"0", b"1", b"2"] and seen(cluster, second) == [b"other"]


def test_interleaved_transactions_of_several_producers_end_each_in_its_own_way(cluster, topic, name):
    made = topic()
    producers = [transactional(cluster, f"{name}-{i}") for i in range(4)]
    expected = []
    for round in range(6):
        for number, producer in enumerate(producers):
            producer.begin_transaction()
        for number, producer in enumerate(producers):
            put(producer, made, b"%d-%d" % (round, number))
        for number, producer in enumerate(producers):
            if (round + number) % 3 == 0:
                producer.abort_transaction(60)
            else:
                producer.commit_transaction(60)
                expected.append(b"%d-%d" % (round, number))
    assert sorted(seen(cluster, made)) == sorted(expected)
    assert len(seen(cluster, made, committed=False)) == 24


def test_the_marker_of_the_end_takes_an_offset_of_its_own(cluster, topic, name):
    made = topic()
    producer = transactional(cluster, name)
    producer.begin_transaction()
    put(producer, made, b"a", b"b", b"c")
    producer.commit_transaction(60)
    assert write(cluster, made, [b"next"])[0].offset() == 4


def test_a_producer_with_the_same_id_fences_the_elder_and_aborts_its_transaction(cluster, topic, name):
    made = topic()
    elder = transactional(cluster, name)
    elder.begin_transaction()
    put(elder, made, b"of the elder")
    younger = transactional(cluster, name)
    with pytest.raises(KafkaException) as caught:
        elder.commit_transaction(60)
    error = caught.value.args[0]
    assert error.fatal() and error.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, 90), error
    younger.begin_transaction()
    put(younger, made, b"of the younger")
    younger.commit_transaction(60)
    assert seen(cluster, made) == [b"of the younger"]


def test_a_fenced_producer_cannot_write(cluster, topic, name):
    made = topic()
    elder = transactional(cluster, name)
    elder.begin_transaction()
    put(elder, made, b"first")
    transactional(cluster, name)
    failed = []
    elder.produce(made, b"zombie", partition=0, on_delivery=lambda error, _: failed.append(error))

    def told():
        # confluent-kafka raises a fatal error out of poll, on top of the callback.
        with contextlib.suppress(KafkaException, SystemError):
            elder.poll(0.1)
        return failed

    until("the delivery report", told)
    assert failed and failed[0] is not None
    assert seen(cluster, made) == []


@pytest.mark.slow
def test_a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(cluster, topic, name):
    made = topic()
    producer = transactional(cluster, name, transaction_timeout_ms=6000)
    began = time.monotonic()
    producer.begin_transaction()
    put(producer, made, b"too late")
    write(cluster, made, [b"after"])
    until("the transaction is aborted by the broker", lambda: seen(cluster, made) == [b"after"], pause=0.2)
    assert time.monotonic() - began >= 5
    with pytest.raises(KafkaException):
        producer.commit_transaction(60)
    again = transactional(cluster, name)
    again.begin_transaction()
    put(again, made, b"in time")
    again.commit_transaction(60)
    assert seen(cluster, made) == [b"after", b"in time"]


def test_a_time_out_longer_than_the_brokers_largest_is_refused(cluster, name):
    from kafka.protocol.producer import InitProducerIdRequest

    from support.wire import Connection

    with Connection(cluster) as connection:
        def answer():
            request = InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=2_000_000_000, producer_id=-1, producer_epoch=-1)
            return (lambda code: code if code not in (14, 15, 16) else None)(connection.ask(request, 4).error_code)

        assert until("an answer", answer) == KafkaError.INVALID_TRANSACTION_TIMEOUT


@pytest.mark.parametrize("commit", [True, False], ids=["committed", "aborted"])
def test_offsets_in_a_transaction_share_its_end(cluster, topic, group, name, commit, closing):
    source, target, group_name = topic(), topic(), group()
    write(cluster, source, [b"%d" % i for i in range(6)])
    consumer = closing(cluster.consumer(group_name))
    consumer.subscribe([source])
    poll_values(consumer, 6)
    producer = transactional(cluster, name)
    producer.begin_transaction()
    put(producer, target, b"result")
    producer.send_offsets_to_transaction([TopicPartition(source, 0, 6)], consumer.consumer_group_metadata(), 60)
    (producer.commit_transaction if commit else producer.abort_transaction)(60)
    found = consumer.committed([TopicPartition(source, 0)], timeout=60)[0].offset
    assert (found, seen(cluster, target)) == ((6, [b"result"]) if commit else (-1001, []))


@pytest.mark.parametrize("client", ["kafka-python", "aiokafka"])
def test_other_clients_put_offsets_into_transactions(cluster, topic, group, name, client):
    import aiokafka as aio
    import kafka

    made, group_name = topic(), group()
    if client == "kafka-python":
        producer = cluster.python_producer(transactional_id=name)
        producer.init_transactions()
        producer.begin_transaction()
        producer.send_offsets_to_transaction({kafka.TopicPartition(made, 0): kafka.structs.OffsetAndMetadata(5, "", -1)}, group_name)
        producer.commit_transaction()
        producer.close(5)
    else:
        async def run():
            producer = cluster.aio_producer(transactional_id=name)
            await producer.start()
            async with producer.transaction():
                await producer.send_offsets_to_transaction({aio.TopicPartition(made, 0): 5}, group_name)
            await producer.stop()

        asyncio.run(run())
    consumer = cluster.consumer(group_name)
    try:
        assert consumer.committed([TopicPartition(made, 0)], timeout=60)[0].offset == 5
    finally:
        consumer.close()


@pytest.mark.slow
def test_a_worker_that_is_killed_again_and_again_moves_every_record_exactly_once(cluster, topic, group, name):
    """Reads, writes and commits in transactions; a child process that is killed in the middle of its work three times."""
    source, target, group_name = topic(), topic(), group()
    write(cluster, source, [b"%d" % i for i in range(600)])
    command = [sys.executable, "-m", "support.mover", cluster.servers, group_name, source, target, name]

    def moved():
        return seen(cluster, target)

    for goal in (100, 250, 400, 600):
        worker = subprocess.Popen(command, cwd=Path(__file__).parent, stdin=subprocess.DEVNULL)
        try:
            until(f"{goal} records moved", lambda: len(moved()) >= goal, 90, pause=0.1)
        finally:
            worker.kill()
            worker.wait(60)
    assert moved() == [b"%d" % i for i in range(600)]
