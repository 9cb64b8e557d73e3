"""CreateTopics, DeleteTopics, CreatePartitions, Metadata, automatic creation."""
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import NewPartitions, NewTopic

from support.records import read, values, write
from support.waiting import stays, until
from support.wire import Connection, batch, fetch, metadata, produce


def error_of(future):
    with pytest.raises(KafkaException) as caught:
        future.result(70)
    return caught.value.args[0].code()


def creation(admin, topic, **options):
    return admin.create_topics([topic], operation_timeout=10, **options)[topic.topic]


def exists(admin, topic):
    return topic in admin.list_topics(timeout=60).topics


def test_a_created_topic_has_its_partitions_each_with_a_leader(admin, topic):
    made = topic(partitions=5)
    partitions = admin.list_topics(made, timeout=60).topics[made].partitions
    assert sorted(partitions) == [0, 1, 2, 3, 4]
    brokers = admin.list_topics(timeout=60).brokers
    assert all(p.leader in brokers and p.replicas and p.isrs and p.error is None for p in partitions.values())


def test_a_topic_made_by_kafka_python_is_seen_by_librdkafka_and_deleted_by_it(cluster, admin, name):
    python = cluster.python_admin()
    try:
        python.create_topics({name: {"num_partitions": 2, "replication_factor": 1, "configs": {"retention.ms": "123456"}}})
        assert len(until("the topic in the metadata", lambda: admin.list_topics(timeout=60).topics.get(name)).partitions) == 2
        python.delete_topics([name])
        until("the topic gone", lambda: not exists(admin, name))
    finally:
        python.close()


def test_creating_a_topic_twice_is_topic_already_exists(admin, topic):
    made = topic()
    assert error_of(creation(admin, NewTopic(made, 3))) == KafkaError.TOPIC_ALREADY_EXISTS
    assert len(admin.list_topics(made, timeout=60).topics[made].partitions) == 1


@pytest.mark.parametrize("bad", ["with space", "semi;colon", "sla/sh", ".", "..", "x" * 250, "ümlaut"])
def test_a_name_that_kafka_forbids_is_invalid_topic(admin, bad):
    assert error_of(creation(admin, NewTopic(bad, 1))) == KafkaError.TOPIC_EXCEPTION


def test_the_longest_name_is_allowed(admin, topic, name):
    made = topic(suffix="x" * (249 - len(name)))
    assert len(made) == 249 and exists(admin, made)


@pytest.mark.parametrize("count", [0, -2])
def test_no_partitions_is_invalid_partitions(cluster, name, count):
    from kafka.protocol.admin import CreateTopicsRequest

    kind = CreateTopicsRequest.CreatableTopic
    with Connection(cluster) as connection:
        asked = kind(name=name, num_partitions=count, replication_factor=1, assignments=[], configs=[])
        answer = connection.ask(CreateTopicsRequest(topics=[asked], timeout_ms=5000, validate_only=False), 5)
    assert answer.topics[0].error_code == KafkaError.INVALID_PARTITIONS


def test_more_replicas_than_brokers_is_invalid_replication_factor(admin, name):
    brokers = len(admin.list_topics(timeout=60).brokers)
    assert error_of(creation(admin, NewTopic(name, 1, brokers + 1))) == KafkaError.INVALID_REPLICATION_FACTOR
    assert not exists(admin, name)


def test_partitions_by_default_are_num_partitions(cluster, admin, name):
    creation(admin, NewTopic(name, -1, -1)).result(70)
    try:
        assert len(until("the topic", lambda: admin.list_topics(name, timeout=60).topics[name].partitions)) >= 1
    finally:
        admin.delete_topics([name], operation_timeout=10)[name].result(70)


def test_partitions_by_assignment_are_made(admin, name):
    broker = next(iter(admin.list_topics(timeout=60).brokers))
    creation(admin, NewTopic(name, replica_assignment=[[broker], [broker], [broker]], num_partitions=3)).result(70)
    try:
        assert len(until("the topic", lambda: admin.list_topics(name, timeout=60).topics[name].partitions)) == 3
    finally:
        admin.delete_topics([name], operation_timeout=10)[name].result(70)


def test_an_assignment_to_an_unknown_broker_is_invalid_replica_assignment(admin, name):
    assert error_of(creation(admin, NewTopic(name, 1, replica_assignment=[[4711]]))) == KafkaError.INVALID_REPLICA_ASSIGNMENT


def test_validation_only_creates_nothing(admin, name):
    creation(admin, NewTopic(name, 1), validate_only=True).result(70)
    assert not exists(admin, name)


def test_several_topics_in_one_request_have_an_error_each(admin, topic, name):
    made = topic()
    results = admin.create_topics([NewTopic(made, 1), NewTopic(f"{name}-new", 1), NewTopic("a b", 1)], operation_timeout=10)
    assert error_of(results[made]) == KafkaError.TOPIC_ALREADY_EXISTS
    assert error_of(results["a b"]) == KafkaError.TOPIC_EXCEPTION
    results[f"{name}-new"].result(70)
    admin.delete_topics([f"{name}-new"], operation_timeout=10)[f"{name}-new"].result(70)


def test_deleting_an_unknown_topic_is_unknown_topic(admin, name):
    assert error_of(admin.delete_topics([name], operation_timeout=10)[name]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_deleted_topic_is_gone_and_made_again_it_is_empty(cluster, admin, topic):
    made = topic()
    write(cluster, made, [b"old"] * 10)
    admin.delete_topics([made], operation_timeout=10)[made].result(70)
    until("the topic gone", lambda: not exists(admin, made))
    creation(admin, NewTopic(made, 1)).result(70)
    write(cluster, made, [b"new"])
    assert values(read(cluster, made)) == [b"new"]


def test_a_topic_made_again_has_another_id(cluster, admin, topic):
    made = topic()
    with Connection(cluster) as connection:
        before = metadata(connection, made, version=12).topics[0].topic_id
        admin.delete_topics([made], operation_timeout=10)[made].result(70)
        until("the topic gone", lambda: not exists(admin, made))
        creation(admin, NewTopic(made, 1)).result(70)
        after = until("the topic", lambda: metadata(connection, made, version=12).topics[0].topic_id)
    assert before and after and before != after


def test_reading_a_deleted_topic_is_unknown_topic(cluster, admin, topic):
    made = topic()
    write(cluster, made, [b"old"])
    admin.delete_topics([made], operation_timeout=10)[made].result(70)
    with Connection(cluster) as connection:
        until("the error", lambda: fetch(connection, made).error_code == KafkaError.UNKNOWN_TOPIC_OR_PART)


def test_partitions_are_added_and_the_old_ones_keep_their_records(cluster, admin, topic):
    made = topic(partitions=2)
    write(cluster, made, [b"kept"], partition=1)
    admin.create_partitions([NewPartitions(made, 4)], operation_timeout=10)[made].result(70)
    until("four partitions", lambda: len(admin.list_topics(made, timeout=60).topics[made].partitions) == 4)
    write(cluster, made, [b"new"], partition=3)
    assert values(read(cluster, made, [1])) == [b"kept"] and values(read(cluster, made, [3])) == [b"new"]


@pytest.mark.parametrize("count", [1, 2])
def test_the_same_or_fewer_partitions_are_invalid_partitions(admin, topic, count):
    made = topic(partitions=2)
    assert error_of(admin.create_partitions([NewPartitions(made, count)], operation_timeout=10)[made]) == KafkaError.INVALID_PARTITIONS


def test_partitions_for_an_unknown_topic_are_unknown_topic(admin, name):
    assert error_of(admin.create_partitions([NewPartitions(name, 2)], operation_timeout=10)[name]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_group_member_finds_partitions_that_were_added(cluster, admin, topic, group, closing):
    made = topic(partitions=1)
    consumer = closing(cluster.consumer(group(), topic_metadata_refresh_interval_ms=500))
    consumer.subscribe([made])
    until("one partition", lambda: consumer.poll(0.1) is None and len(consumer.assignment()) == 1)
    admin.create_partitions([NewPartitions(made, 3)], operation_timeout=10)[made].result(70)
    until("three partitions", lambda: consumer.poll(0.1) is None and len(consumer.assignment()) == 3)


def test_metadata_without_leave_to_create_does_not_create(cluster, admin, name):
    with Connection(cluster) as connection:
        answer = metadata(connection, name, create=False).topics[0]
        assert answer.error_code == KafkaError.UNKNOWN_TOPIC_OR_PART
    assert not exists(admin, name)


def test_metadata_of_a_forbidden_name_is_invalid_topic(cluster):
    with Connection(cluster) as connection:
        assert metadata(connection, "a b", create=True).topics[0].error_code == KafkaError.TOPIC_EXCEPTION


def test_metadata_by_an_unknown_topic_id_is_unknown_topic_id(cluster):
    import uuid

    from kafka.protocol.metadata import MetadataRequest

    with Connection(cluster) as connection:
        asked = MetadataRequest.MetadataRequestTopic(topic_id=uuid.uuid4(), name=None)
        answer = connection.ask(MetadataRequest(topics=[asked], allow_auto_topic_creation=False), 12)
    assert answer.topics[0].error_code == 100


def test_metadata_by_topic_id_names_the_topic(cluster, topic):
    from kafka.protocol.metadata import MetadataRequest

    made = topic(partitions=2)
    with Connection(cluster) as connection:
        identity = metadata(connection, made, version=12).topics[0].topic_id
        answer = connection.ask(MetadataRequest(topics=[MetadataRequest.MetadataRequestTopic(topic_id=identity, name=None)]), 12)
    assert (answer.topics[0].name, len(answer.topics[0].partitions)) == (made, 2)


def test_an_unknown_topic_is_made_when_a_producer_wants_it(cluster, admin, name):
    write(cluster, name, [b"first"], partition=None)
    try:
        partitions = admin.list_topics(name, timeout=60).topics[name].partitions
        assert values(read(cluster, name, list(partitions))) == [b"first"]
    finally:
        admin.delete_topics([name], operation_timeout=10)[name].result(70)


def test_an_unknown_topic_is_not_made_for_a_consumer_that_does_not_allow_it(cluster, admin, name, closing):
    consumer = closing(cluster.consumer())
    consumer.subscribe([name])
    error = until("the error", lambda: (lambda m: m is not None and m.error())(consumer.poll(0.2)))
    assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
    stays("the topic does not exist", lambda: not exists(admin, name), 0.3)


def test_internal_topics_are_marked_and_a_client_cannot_write_to_them(cluster, topic, group, closing):
    # A committed offset makes the topic where it does not exist before.
    made = topic()
    consumer = closing(cluster.consumer(group()))
    consumer.commit(offsets=[TopicPartition(made, 0, 0)], asynchronous=False)
    with Connection(cluster) as connection:
        answer = metadata(connection, "__consumer_offsets")
        assert answer.topics[0].error_code == 0 and answer.topics[0].is_internal
        assert not metadata(connection, made).topics[0].is_internal
        assert produce(connection, "__consumer_offsets", batch(b"v")).error_code == KafkaError.TOPIC_EXCEPTION


def test_describe_cluster_names_the_cluster_the_controller_and_the_nodes(admin):
    cluster = admin.describe_cluster(request_timeout=60).result(70)
    assert cluster.cluster_id and cluster.controller.id in {node.id for node in cluster.nodes}
    assert all(node.host and node.port for node in cluster.nodes)


def test_describe_topics_by_librdkafka_gives_partitions_and_id(admin, topic):
    from confluent_kafka import TopicCollection

    made = topic(partitions=3)
    described = admin.describe_topics(TopicCollection([made]), request_timeout=60)[made].result(70)
    assert described.name == made and len(described.partitions) == 3 and not described.is_internal


def test_kafka_python_describes_topics(cluster, topic):
    made = topic(partitions=3)
    python = cluster.python_admin()
    try:
        assert len(python.describe_topics([made])[0]["partitions"]) == 3
    finally:
        python.close()
