"""Fetch: limits of size, waiting, positions."""
import time

import pytest
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicPartition

from support.records import poll_values, read, values, write
from support.waiting import until
from support.wire import Connection, batch, batches, fetch, produce


def at_end(message):
    return message is not None and message.error() and message.error().code() == KafkaError._PARTITION_EOF


@pytest.fixture
def filled(cluster, topic):
    """A topic with 20 batches of about 10 kB each."""
    made = topic()
    with Connection(cluster) as connection:
        for index in range(20):
            assert produce(connection, made, batch(b"%02d" % index + b"x" * 10_000)).base_offset == index
    return made


def test_the_limit_of_a_partition_is_kept(cluster, filled):
    with Connection(cluster) as connection:
        answer = fetch(connection, filled, partition_most=35_000)
    assert 10_000 < len(answer.records) <= 35_000 and answer.high_watermark == 20


def test_the_limit_of_the_whole_answer_is_kept(cluster, topic):
    made = topic(partitions=4)
    with Connection(cluster) as connection:
        for partition in range(4):
            for _ in range(5):
                produce(connection, made, batch(b"x" * 10_000), partition)
        answers = fetch(connection, made, partition=[0, 1, 2, 3], most=60_000)
        total = sum(len(answer.records or b"") for answer in answers)
    assert 30_000 < total <= 60_000
    assert all(answer.error_code == 0 and answer.high_watermark == 5 for answer in answers)


def test_a_first_batch_that_is_larger_than_all_limits_is_returned_all_the_same(cluster, filled):
    with Connection(cluster) as connection:
        answer = fetch(connection, filled, offset=3, partition_most=100, most=100)
    assert [one.base_offset for one in batches(answer)] == [3]


def test_a_client_with_small_limits_reads_everything(cluster, filled):
    found = read(cluster, filled, max_partition_fetch_bytes=20_000, fetch_max_bytes=30_000, message_max_bytes=20_000)
    assert [message.offset() for message in found] == list(range(20))


def test_an_answer_may_begin_before_the_asked_offset_in_the_same_batch(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        produce(connection, made, batch(*[b"%d" % i for i in range(10)]))
        assert batches(fetch(connection, made, offset=7))[0].base_offset == 0
    assert values(read(cluster, made, start=7)) == [b"7", b"8", b"9"]


def test_fetch_at_the_end_waits_as_long_as_it_may_and_then_answers_empty(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        began = time.monotonic()
        answer = fetch(connection, made, wait=700)
        took = time.monotonic() - began
    assert 0.6 <= took < 30 and answer.error_code == 0 and not answer.records


def test_fetch_without_waiting_answers_at_once(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        fetch(connection, made)
        began = time.monotonic()
        fetch(connection, made, wait=0)
        fetch(connection, made, wait=60_000, least=0)
        assert time.monotonic() - began < 40


def test_a_waiting_fetch_is_answered_when_a_record_comes(cluster, topic):
    from concurrent.futures import ThreadPoolExecutor

    made = topic()
    with Connection(cluster, timeout=90) as reader, Connection(cluster) as writer, ThreadPoolExecutor() as pool:
        began = time.monotonic()
        waiting = pool.submit(fetch, reader, made, wait=60_000)
        # The other connection's answer shows that the broker is not held up by the one that waits.
        assert produce(writer, made, batch(b"now")).error_code == 0
        assert len(batches(waiting.result(80))) == 1
        assert time.monotonic() - began < 40


def test_fewer_octets_than_the_least_are_waited_for(cluster, topic):
    from concurrent.futures import ThreadPoolExecutor

    made = topic()
    with Connection(cluster, timeout=90) as reader, Connection(cluster) as writer, ThreadPoolExecutor() as pool:
        produce(writer, made, batch(b"x" * 100))
        began = time.monotonic()
        waiting = pool.submit(fetch, reader, made, wait=60_000, least=5000)
        time.sleep(0.3)
        assert not waiting.done()
        produce(writer, made, batch(b"x" * 6000))
        assert len(batches(waiting.result(80))) == 2
        assert time.monotonic() - began < 40


def test_fewer_octets_than_the_least_are_returned_when_the_time_is_over(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        produce(connection, made, batch(b"x" * 100))
        began = time.monotonic()
        answer = fetch(connection, made, wait=700, least=1_000_000)
        assert len(batches(answer)) == 1 and time.monotonic() - began >= 0.6


@pytest.mark.parametrize("offset", [-5, 21, 1_000_000_000_000])
def test_an_offset_outside_the_log_is_offset_out_of_range(cluster, filled, offset):
    with Connection(cluster) as connection:
        assert fetch(connection, filled, offset=offset).error_code == KafkaError.OFFSET_OUT_OF_RANGE


def test_an_unknown_partition_does_not_spoil_the_others(cluster, filled):
    with Connection(cluster) as connection:
        answers = {a.partition_index: a for a in fetch(connection, filled, partition=[0, 9])}
    assert answers[9].error_code == KafkaError.UNKNOWN_TOPIC_OR_PART and len(batches(answers[0])) == 20


def test_a_newer_leader_epoch_than_the_brokers_is_unknown_leader_epoch(cluster, filled):
    with Connection(cluster) as connection:
        assert fetch(connection, filled, epoch=1000).error_code == 75  # UNKNOWN_LEADER_EPOCH
        assert fetch(connection, filled, epoch=0).error_code in (0, 74)


def test_a_fetch_session_is_refused_or_served(cluster, filled):
    """A broker may hand out no session (id 0), or must know the one that it gave."""
    from kafka.protocol.consumer import FetchRequest

    part = FetchRequest.FetchTopic.FetchPartition(
        partition=0, current_leader_epoch=-1, fetch_offset=0, last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=50_000_000)

    def ask(connection, session, epoch, topics):
        request = FetchRequest(
            replica_id=-1, max_wait_ms=0, min_bytes=1, max_bytes=50_000_000, isolation_level=0, session_id=session, session_epoch=epoch, topics=topics,
            forgotten_topics_data=[], rack_id="")
        return connection.ask(request, 11)

    with Connection(cluster) as connection:
        whole = ask(connection, 0, 0, [FetchRequest.FetchTopic(topic=filled, partitions=[part])])
        assert whole.error_code == 0 and whole.responses[0].partitions[0].records
        # FETCH_SESSION_ID_NOT_FOUND
        assert ask(connection, 123456789, 5, []).error_code == 70
        if whole.session_id:
            assert ask(connection, whole.session_id, 1, []).error_code == 0


def test_fetch_by_topic_id_reads_and_an_unknown_id_is_unknown_topic_id(cluster, filled):
    import uuid

    from kafka.protocol.consumer import FetchRequest

    from support.wire import advertised, metadata

    with Connection(cluster) as connection:
        if advertised(connection)[1][1] < 13:
            pytest.skip("fetch by topic id is not advertised")
        known = metadata(connection, filled, version=12).topics[0].topic_id
        part = FetchRequest.FetchTopic.FetchPartition(
            partition=0, current_leader_epoch=-1, fetch_offset=0, last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=50_000_000)
        for identity, error in ((known, 0), (uuid.uuid4(), 100)):
            request = FetchRequest(
                max_wait_ms=0, min_bytes=1, max_bytes=50_000_000, isolation_level=0, session_id=0, session_epoch=-1,
                topics=[FetchRequest.FetchTopic(topic_id=identity, partitions=[part])], forgotten_topics_data=[], rack_id="")
            answer = connection.ask(request, 13).responses[0]
            assert answer.partitions[0].error_code == error
            assert error or answer.partitions[0].records


def test_a_consumer_seeks_pauses_and_resumes(cluster, topic, closing):
    made = topic(partitions=2)
    for partition in (0, 1):
        write(cluster, made, [b"%d-%d" % (partition, i) for i in range(10)], partition)
    consumer = closing(cluster.consumer())
    consumer.assign([TopicPartition(made, 0, 0), TopicPartition(made, 1, 0)])
    assert len(poll_values(consumer, 20)) == 20
    consumer.pause([TopicPartition(made, 1)])
    for partition in (0, 1):
        consumer.seek(TopicPartition(made, partition, 5))
    assert set(poll_values(consumer, 5)) == {b"0-%d" % i for i in range(5, 10)}
    assert consumer.poll(0.5) is None
    consumer.resume([TopicPartition(made, 1)])
    assert poll_values(consumer, 1) == [b"1-5"]


def test_kafka_python_rewinds(cluster, topic, closing):
    import kafka

    made = topic()
    write(cluster, made, [b"%d" % i for i in range(10)])
    consumer = closing(cluster.python_consumer())
    part = kafka.TopicPartition(made, 0)
    consumer.assign([part])

    def following(count):
        found = []
        until("records", lambda: found.extend(r.value for rs in consumer.poll(200).values() for r in rs) or len(found) >= count, pause=0)
        return found

    consumer.seek_to_beginning(part)
    assert following(10)[0] == b"0"
    consumer.seek(part, 8)
    assert following(2) == [b"8", b"9"]
    consumer.seek_to_end(part)
    assert consumer.position(part) == 10
    consumer.pause(part)
    consumer.seek(part, 0)
    assert consumer.poll(300) == {}
    consumer.resume(part)
    assert len(following(10)) == 10


@pytest.mark.parametrize("policy,expected", [("earliest", b"0"), ("latest", b"new")])
def test_a_position_out_of_range_is_reset_as_the_consumer_asks(cluster, topic, closing, policy, expected):
    made = topic()
    write(cluster, made, [b"%d" % i for i in range(5)])
    consumer = closing(cluster.consumer(auto_offset_reset=policy, enable_partition_eof=True))
    consumer.assign([TopicPartition(made, 0, 5000)])
    if policy == "latest":
        until("the end", lambda: at_end(consumer.poll(0.2)))
        write(cluster, made, [b"new"])
    assert poll_values(consumer, 1)[0] == expected


def test_a_position_out_of_range_without_a_policy_is_an_error(cluster, topic, closing):
    made = topic()
    consumer = closing(cluster.consumer(auto_offset_reset="error"))
    consumer.assign([TopicPartition(made, 0, 5000)])
    error = until("an error", lambda: (lambda m: m is not None and m.error())(consumer.poll(0.2)))
    assert error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)


def test_a_group_without_offsets_begins_where_the_policy_says(cluster, topic, group, closing):
    made = topic()
    write(cluster, made, [b"old"])
    late = closing(cluster.consumer(group(), auto_offset_reset="latest", enable_partition_eof=True))
    late.subscribe([made])
    until("the end", lambda: at_end(late.poll(0.2)))
    write(cluster, made, [b"new"])
    assert poll_values(late, 1) == [b"new"]
    early = closing(cluster.consumer(group(), auto_offset_reset="earliest"))
    early.subscribe([made])
    assert poll_values(early, 2) == [b"old", b"new"]


def test_reading_at_the_end_sees_only_what_comes_after(cluster, topic, closing):
    made = topic()
    write(cluster, made, [b"old"] * 3)
    consumer = closing(cluster.consumer(enable_partition_eof=True))
    consumer.assign([TopicPartition(made, 0, OFFSET_END)])
    until("the end", lambda: at_end(consumer.poll(0.2)))
    write(cluster, made, [b"new"])
    message = until("a record", lambda: (lambda m: m if m is not None and not m.error() else None)(consumer.poll(0.2)))
    assert (message.value(), message.offset()) == (b"new", 3)


def test_reading_by_two_consumers_without_a_group_gives_both_everything(cluster, filled):
    assert values(read(cluster, filled)) == values(read(cluster, filled))


def test_a_consumer_that_asks_for_an_unknown_offset_by_kafka_exception_goes_on(cluster, topic):
    made = topic()
    with pytest.raises(KafkaException):
        read(cluster, made, start=99, auto_offset_reset="error")
    write(cluster, made, [b"v"])
    assert values(read(cluster, made)) == [b"v"]
