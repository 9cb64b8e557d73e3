"""ListGroups, DescribeGroups, DeleteGroups, and the administration of group offsets."""
import pytest
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from support.membership import RawMember, committed
from support.records import write
from support.waiting import until
from support.wire import Connection

NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, GROUP_SUBSCRIBED_TO_TOPIC = 68, 69, 86


def error_of(future):
    with pytest.raises(KafkaException) as caught:
        future.result(70)
    return caught.value.args[0].code()


@pytest.fixture
def living(cluster, topic, group, closing):
    """A group with one librdkafka member that has both partitions; topic, group, consumer."""
    made, name = topic(partitions=2), group()
    consumer = closing(cluster.consumer(name, client_id="the-client"))
    consumer.subscribe([made])
    until("its assignment", lambda: consumer.poll(0.05) is None and len(consumer.assignment()) == 2, 60)
    return made, name, consumer


@pytest.fixture
def empty(cluster, topic, group):
    """A group that has offsets and no members."""
    made, name = topic(partitions=2), group()
    consumer = cluster.consumer(name)
    consumer.commit(offsets=[TopicPartition(made, 0, 5), TopicPartition(made, 1, 6)], asynchronous=False)
    consumer.close()
    return made, name


def describe(admin, name):
    return admin.describe_consumer_groups([name], request_timeout=60)[name].result(70)


def test_a_living_group_is_described_with_its_members_and_their_partitions(admin, living):
    made, name, _ = living
    described = describe(admin, name)
    assert described.state == ConsumerGroupState.STABLE and described.partition_assignor == "range" and not described.is_simple_consumer_group
    (member,) = described.members
    assert member.client_id == "the-client" and member.host and member.member_id.startswith("the-client")
    assert {(p.topic, p.partition) for p in member.assignment.topic_partitions} == {(made, 0), (made, 1)}


def test_a_group_with_offsets_and_no_members_is_empty(admin, empty):
    described = describe(admin, empty[1])
    assert described.state == ConsumerGroupState.EMPTY and described.members == []


def test_a_group_that_does_not_exist_is_dead_or_not_found(cluster, name):
    from kafka.protocol.admin import DescribeGroupsRequest

    with Connection(cluster) as connection:
        found = connection.ask(DescribeGroupsRequest(groups=[name]), 5).groups[0]
    assert found.group_state == "Dead" and found.error_code in (0, GROUP_ID_NOT_FOUND)


def test_groups_are_listed_with_their_state(admin, living, empty):
    listed = {g.group_id: g.state for g in admin.list_consumer_groups(request_timeout=60).result(70).valid}
    assert listed.get(living[1]) == ConsumerGroupState.STABLE and listed.get(empty[1]) == ConsumerGroupState.EMPTY


def test_groups_are_listed_by_state(admin, living, empty):
    listed = admin.list_consumer_groups(states={ConsumerGroupState.EMPTY}, request_timeout=60).result(70).valid
    names = {g.group_id for g in listed}
    assert empty[1] in names and living[1] not in names


def test_kafka_python_lists_and_describes_groups(cluster, living):
    python = cluster.python_admin()
    try:
        assert living[1] in str(python.list_groups())
        assert python.describe_groups([living[1]])[living[1]]["group_state"] == "Stable"
    finally:
        python.close()


def test_deleting_a_group_with_members_is_non_empty_group(admin, living):
    assert error_of(admin.delete_consumer_groups([living[1]])[living[1]]) == NON_EMPTY_GROUP


def test_deleting_an_unknown_group_is_group_id_not_found(admin, name):
    assert error_of(admin.delete_consumer_groups([name])[name]) == GROUP_ID_NOT_FOUND


def test_a_deleted_group_is_gone_with_its_offsets(cluster, admin, empty):
    made, name = empty
    admin.delete_consumer_groups([name])[name].result(70)
    assert name not in {g.group_id for g in admin.list_consumer_groups(request_timeout=60).result(70).valid}
    with Connection(cluster) as connection:
        assert committed(connection, name, made)[0].committed_offset == -1


def offsets(admin, name):
    found = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)], request_timeout=60)[name].result(70)
    return {(p.topic, p.partition): p.offset for p in found.topic_partitions}


def test_offsets_of_a_group_are_listed(admin, empty):
    made, name = empty
    assert offsets(admin, name) == {(made, 0): 5, (made, 1): 6}


def test_offsets_of_an_empty_group_are_altered(admin, empty):
    made, name = empty
    change = ConsumerGroupTopicPartitions(name, [TopicPartition(made, 0, 2)])
    admin.alter_consumer_group_offsets([change], request_timeout=60)[name].result(70)
    assert offsets(admin, name) == {(made, 0): 2, (made, 1): 6}


def test_offsets_of_a_living_group_are_not_altered(admin, living):
    made, name, _ = living
    change = ConsumerGroupTopicPartitions(name, [TopicPartition(made, 0, 2)])
    future = admin.alter_consumer_group_offsets([change], request_timeout=60)[name]
    try:
        result = future.result(70)
        codes = {p.error.code() for p in result.topic_partitions if p.error}
    except KafkaException as error:
        codes = {error.args[0].code()}
    assert codes == {KafkaError.UNKNOWN_MEMBER_ID}


def delete_offsets(connection, group, topic, partitions):
    from kafka.protocol import admin as messages
    from kafka.protocol import consumer

    kind = getattr(consumer, "OffsetDeleteRequest", None) or messages.OffsetDeleteRequest
    parts = [kind.OffsetDeleteRequestTopic.OffsetDeleteRequestPartition(partition_index=p) for p in partitions]
    return connection.ask(kind(group_id=group, topics=[kind.OffsetDeleteRequestTopic(name=topic, partitions=parts)]), 0)


def test_offsets_of_an_empty_group_are_deleted(cluster, admin, empty):
    made, name = empty
    with Connection(cluster) as connection:
        answer = delete_offsets(connection, name, made, [0])
    assert answer.error_code == 0 and answer.topics[0].partitions[0].error_code == 0
    assert offsets(admin, name) == {(made, 1): 6}


def test_offsets_of_topics_that_are_being_read_are_not_deleted(cluster, living):
    made, name, consumer = living
    consumer.commit(offsets=[TopicPartition(made, 0, 1)], asynchronous=False)
    with Connection(cluster) as connection:
        answer = delete_offsets(connection, name, made, [0])
        assert answer.topics[0].partitions[0].error_code == GROUP_SUBSCRIBED_TO_TOPIC
        assert committed(connection, name, made)[0].committed_offset == 1


def test_offsets_of_an_unknown_group_are_not_deleted(cluster, topic, name):
    with Connection(cluster) as connection:
        assert delete_offsets(connection, name, topic(), [0]).error_code == GROUP_ID_NOT_FOUND


def test_kafka_python_resets_offsets(cluster, admin, empty):
    import kafka

    made, name = empty
    write(cluster, made, [b"v"] * 20)
    python = cluster.python_admin()
    try:
        python.alter_group_offsets(name, {kafka.TopicPartition(made, 0): kafka.structs.OffsetAndMetadata(17, "", -1)})
        assert python.list_group_offsets(name)[name][kafka.TopicPartition(made, 0)].offset == 17
    finally:
        python.close()
    assert offsets(admin, name)[made, 0] == 17


def test_offsets_of_a_deleted_topic_are_gone(cluster, admin, empty):
    made, name = empty
    admin.delete_topics([made], operation_timeout=10)[made].result(70)
    until("no offsets", lambda: offsets(admin, name) == {}, 60)


def test_a_group_whose_members_have_left_can_be_deleted(cluster, admin, group):
    name = group()
    with RawMember(cluster, name) as member:
        member.join()
        member.sync({member.member: b"all"})
        member.leave()
    admin.delete_consumer_groups([name])[name].result(70)
