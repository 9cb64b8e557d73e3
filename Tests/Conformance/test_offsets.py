"""ListOffsets: watermarks, times, the largest timestamp; lag; epochs; DeleteRecords; compaction."""
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from support.records import Record, read, values, write
from support.waiting import until
from support.wire import Connection, batch, fetch, list_offset, produce, producer_identity

EARLIEST, LATEST, MAXIMUM_TIMESTAMP = -2, -1, -3
START = 1_650_000_000_000


@pytest.fixture
def timed(cluster, topic):
    """Ten batches of ten records, one second apart, compressed or not by turns; old enough for retention, so that is off."""
    made = topic(retention_ms=-1)
    with Connection(cluster) as connection:
        for index in range(10):
            sent = batch(*[b"v"] * 10, timestamp=START + index * 1000, codec=index % 2)
            assert produce(connection, made, sent).error_code == 0
    return made  # The record at offset 10 i + j has the time START + 1000 i + j.


def test_watermarks_count_records_and_not_batches(cluster, topic, closing):
    made = topic()
    consumer = closing(cluster.consumer())
    assert consumer.get_watermark_offsets(TopicPartition(made, 0), timeout=60) == (0, 0)
    write(cluster, made, [b"v"] * 25, linger_ms=20)
    assert consumer.get_watermark_offsets(TopicPartition(made, 0), timeout=60) == (0, 25)
    write(cluster, made, [b"v"])
    assert consumer.get_watermark_offsets(TopicPartition(made, 0), timeout=60) == (0, 26)


@pytest.mark.parametrize("version", [1, 2, 4, 6, 7])
def test_every_version_lists_both_ends(cluster, timed, version):
    with Connection(cluster) as connection:
        assert [list_offset(connection, timed, which, version=version).offset for which in (EARLIEST, LATEST)] == [0, 100]


@pytest.mark.parametrize("time,offset", [
    (0, 0), (START - 1, 0), (START, 0), (START + 5, 5), (START + 9, 9), (START + 10, 10), (START + 999, 10), (START + 1000, 10), (START + 3007, 37),
    (START + 9009, 99),
])
def test_a_time_gives_the_first_record_that_is_not_older(cluster, timed, time, offset):
    with Connection(cluster) as connection:
        answer = list_offset(connection, timed, time)
    assert (answer.error_code, answer.offset) == (0, offset)
    assert answer.timestamp == START + 1000 * (offset // 10) + offset % 10


def test_a_time_after_the_last_record_gives_none(cluster, timed):
    with Connection(cluster) as connection:
        answer = list_offset(connection, timed, START + 9010)
    assert (answer.error_code, answer.offset, answer.timestamp) == (0, -1, -1)


def test_the_largest_timestamp_is_found_with_its_record(cluster, topic):
    made = topic(retention_ms=-1)
    with Connection(cluster) as connection:
        for timestamp in (START, START + 50_000, START + 100):
            produce(connection, made, batch(b"a", b"b", b"c", timestamp=timestamp))
        answer = list_offset(connection, made, MAXIMUM_TIMESTAMP)
        assert (answer.offset, answer.timestamp) == (5, START + 50_002)


def test_an_empty_partition_has_no_largest_timestamp(cluster, topic):
    with Connection(cluster) as connection:
        answer = list_offset(connection, topic(), MAXIMUM_TIMESTAMP)
        assert (answer.error_code, answer.offset, answer.timestamp) == (0, -1, -1)


def test_times_out_of_order_give_the_earliest_offset_that_is_not_older(cluster, topic):
    made = topic(retention_ms=-1)
    with Connection(cluster) as connection:
        for timestamp in (START + 5000, START + 1000, START + 9000):
            produce(connection, made, batch(b"v", timestamp=timestamp))
        assert [list_offset(connection, made, START + t).offset for t in (0, 3000, 6000, 9001)] == [0, 0, 2, -1]


def test_librdkafka_finds_offsets_for_times(cluster, timed, closing):
    consumer = closing(cluster.consumer())
    found = consumer.offsets_for_times([TopicPartition(timed, 0, START + 4005)], timeout=60)
    assert found[0].offset == 45


def test_kafka_python_finds_offsets_for_times_and_both_ends(cluster, timed, closing):
    import kafka

    consumer, part = closing(cluster.python_consumer()), kafka.TopicPartition(timed, 0)
    found = consumer.offsets_for_times({part: START + 4005})[part]
    assert (found.offset, found.timestamp) == (45, START + 4005)
    assert (consumer.beginning_offsets([part])[part], consumer.end_offsets([part])[part]) == (0, 100)


def test_admin_list_offsets_gives_each_kind(admin, timed):
    part = TopicPartition(timed, 0)
    for spec, offset in (
        (OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 100), (OffsetSpec.max_timestamp(), 99), (OffsetSpec.for_timestamp(START + 2000), 20)):
        assert admin.list_offsets({part: spec}, request_timeout=60)[part].result(70).offset == offset


def test_an_unknown_partition_is_unknown_topic_or_part(cluster, topic):
    with Connection(cluster) as connection:
        assert list_offset(connection, topic(), LATEST, partition=5).error_code == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_read_committed_ends_at_the_last_stable_offset(cluster, topic):
    from support.transactions import add_partition, end

    made = topic()
    with Connection(cluster) as connection:
        produce(connection, made, batch(b"plain"))
        identity, epoch = producer_identity(connection, made)
        add_partition(connection, made, identity, epoch, made)
        produce(connection, made, batch(b"open", producer=(identity, epoch, 0), transactional=True), transactional_id=made)
        assert list_offset(connection, made, LATEST, isolation=0).offset == 2
        assert list_offset(connection, made, LATEST, isolation=1).offset == 1
        end(connection, made, identity, epoch, commit=False)
        until("the end of the transaction", lambda: list_offset(connection, made, LATEST, isolation=1).offset == 3)


def test_the_end_of_the_first_epoch_is_the_end_of_the_log(cluster, topic):
    from kafka.protocol.consumer import OffsetForLeaderEpochRequest
    from support.wire import metadata

    made = topic()
    write(cluster, made, [b"v"] * 7)
    kind = OffsetForLeaderEpochRequest.OffsetForLeaderTopic
    with Connection(cluster) as connection:
        current = metadata(connection, made).topics[0].partitions[0].leader_epoch

        def ask(epoch):
            part = kind.OffsetForLeaderPartition(partition=0, current_leader_epoch=-1, leader_epoch=epoch)
            request = OffsetForLeaderEpochRequest(replica_id=-1, topics=[kind(topic=made, partitions=[part])])
            return connection.ask(request, 3).topics[0].partitions[0]

        answer = ask(current)
        assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, current, 7)
        assert ask(current + 100).end_offset == -1


# DeleteRecords

def test_deleted_records_are_gone_and_the_low_watermark_says_so(cluster, admin, topic, closing):
    made = topic()
    write(cluster, made, [b"%d" % i for i in range(10)])
    part = TopicPartition(made, 0, 4)
    assert admin.delete_records([part], request_timeout=60)[part].result(70).low_watermark == 4
    assert closing(cluster.consumer()).get_watermark_offsets(TopicPartition(made, 0), timeout=60) == (4, 10)
    assert values(read(cluster, made)) == [b"%d" % i for i in range(4, 10)]
    with Connection(cluster) as connection:
        assert fetch(connection, made, offset=3).error_code == KafkaError.OFFSET_OUT_OF_RANGE
        assert fetch(connection, made, offset=4).log_start_offset == 4


def test_all_records_are_deleted_with_the_offset_minus_one_and_offsets_go_on(cluster, admin, topic):
    made = topic()
    write(cluster, made, [b"old"] * 10)
    part = TopicPartition(made, 0, -1)
    assert admin.delete_records([part], request_timeout=60)[part].result(70).low_watermark == 10
    assert read(cluster, made) == []
    assert write(cluster, made, [b"new"])[0].offset() == 10


def test_deleting_beyond_the_end_is_offset_out_of_range(cluster, admin, topic):
    made = topic()
    write(cluster, made, [b"v"] * 3)
    part = TopicPartition(made, 0, 4)
    with pytest.raises(KafkaException) as caught:
        admin.delete_records([part], request_timeout=60)[part].result(70)
    assert caught.value.args[0].code() == KafkaError.OFFSET_OUT_OF_RANGE
    assert len(read(cluster, made)) == 3


def test_deleting_what_is_deleted_already_changes_nothing(cluster, admin, topic):
    made = topic()
    write(cluster, made, [b"v"] * 10)
    for offset in (6, 2):
        part = TopicPartition(made, 0, offset)
        assert admin.delete_records([part], request_timeout=60)[part].result(70).low_watermark == 6


# Compaction

@pytest.mark.slow
def test_a_compacted_topic_ends_with_the_last_value_of_each_key_at_its_old_offset(cluster, topic):
    """The cleaner's own time is not fixed; whenever it ran, the last values must be right, and nothing may move."""
    made = topic(cleanup_policy="compact", min_cleanable_dirty_ratio="0.01", segment_ms=100, delete_retention_ms=0, min_compaction_lag_ms=0)
    expected = {}
    for round in range(30):
        sent = [Record(b"k%d" % key, None if (round, key) == (29, 3) else b"%d-%d" % (round, key)) for key in range(5)]
        for message in write(cluster, made, sent):
            expected[message.key()] = (message.offset(), message.value())
    def remaining():
        found = read(cluster, made)
        last = {message.key(): (message.offset(), message.value()) for message in found}
        assert all(last[key] == place for key, place in expected.items() if key in last)
        assert {key for key in expected if expected[key][1] is not None} <= set(last)
        assert [message.offset() for message in found] == sorted(message.offset() for message in found)
        # Records of the active segment are never cleaned: one more makes the earlier ones cleanable.
        for message in write(cluster, made, [Record(b"k0", b"later")]):
            expected[b"k0"] = (message.offset(), message.value())
        return len(found)

    if cluster.kind == "meshbroker":
        until("old values removed", lambda: remaining() < 100, pause=0.3)
    else:
        remaining()  # Kafka's cleaner wakes up every 15 s at the least.
