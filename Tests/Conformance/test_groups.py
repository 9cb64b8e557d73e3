"""Consumer groups: sharing, leaving, dying, protocol errors."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from support.member import CLIENTS
from support.membership import RawMember, committed
from support.processes import Member
from support.records import poll_values, write
from support.waiting import stays, until
from support.wire import Connection

UNKNOWN_MEMBER, ILLEGAL_GENERATION, REBALANCING = KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS


def assigned(consumer):
    consumer.poll(0.05)
    return {part.partition for part in consumer.assignment()}


def test_members_share_the_partitions_and_each_record_is_read_once(cluster, topic, group, closing):
    made, name = topic(partitions=4), group()
    members = [closing(cluster.consumer(name)) for _ in range(2)]
    for member in members:
        member.subscribe([made])

    def shared():
        sets = [assigned(member) for member in members]
        return [len(one) for one in sets] == [2, 2] and sets[0] | sets[1] == {0, 1, 2, 3}

    until("two partitions each", shared, 60)
    for partition in range(4):
        write(cluster, made, [b"%d-%d" % (partition, i) for i in range(50)], partition)
    with ThreadPoolExecutor() as pool:
        found = sum(pool.map(lambda member: poll_values(member, 100), members), [])
    assert len(found) == 200 and len(set(found)) == 200


def test_clients_of_three_kinds_share_one_group(cluster, topic, group, closing):
    """All offer the range assignor, so that protocol is chosen."""
    made, name = topic(partitions=3), group()
    consumer = closing(cluster.consumer(name, partition_assignment_strategy="range"))
    consumer.subscribe([made])
    others = [closing(Member(client, cluster, name, made)) for client in ("kafka-python", "aiokafka")]

    def shared():
        sets = [assigned(consumer)] + [other.partitions for other in others]
        return [len(one) for one in sets] == [1, 1, 1] and set.union(*sets) == {0, 1, 2}

    until("one partition each", shared, 120)


def test_the_partitions_of_a_member_that_leaves_are_taken_over_at_once(cluster, topic, group, closing):
    made, name = topic(partitions=2), group()
    stays_on, leaves = closing(cluster.consumer(name, session_timeout_ms=60000)), cluster.consumer(name, session_timeout_ms=60000)
    try:
        for member in (stays_on, leaves):
            member.subscribe([made])
        until("one partition each", lambda: len(assigned(stays_on)) == len(assigned(leaves)) == 1, 60)
    finally:
        leaves.close()
    until("both partitions", lambda: len(assigned(stays_on)) == 2, 40)


@pytest.mark.slow
@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_member_killed_without_a_goodbye_is_taken_over_after_its_session(cluster, topic, group, closing, client):
    made, name = topic(partitions=2), group()
    victim = closing(Member(client, cluster, name, made, session=20000))
    assert victim.wait_for_assignment() == [0, 1]
    survivor = closing(cluster.consumer(name, partition_assignment_strategy="range"))
    survivor.subscribe([made])
    until("one partition for each", lambda: len(assigned(survivor)) == 1, 60)
    victim.kill()
    killed = time.monotonic()
    until("both partitions", lambda: len(assigned(survivor)) == 2, 60)
    # Its last heartbeat is at most about one interval old when it dies, and older on a machine that stood still.
    assert time.monotonic() - killed >= 8


@pytest.mark.slow
def test_a_member_that_slept_too_long_comes_back_as_a_new_one(cluster, topic, group, closing):
    made, name = topic(partitions=2), group()
    sleeper = closing(Member("librdkafka", cluster, name, made))
    assert sleeper.wait_for_assignment() == [0, 1]
    sleeper.freeze()
    other = closing(cluster.consumer(name))
    other.subscribe([made])
    until("everything is the other's", lambda: len(assigned(other)) == 2, 60)
    sleeper.thaw()
    until("the sleeper is a member again", lambda: len(assigned(other)) == 1, 60)
    assert len(sleeper.wait_for_assignment()) == 1


def test_committed_offsets_are_where_the_next_member_begins(cluster, topic, group, closing):
    made, name = topic(), group()
    write(cluster, made, [b"%d" % i for i in range(10)])
    first = cluster.consumer(name)
    first.subscribe([made])
    assert poll_values(first, 10)[0] == b"0"
    first.commit(offsets=[TopicPartition(made, 0, 4)], asynchronous=False)
    first.close()
    second = closing(cluster.consumer(name))
    second.subscribe([made])
    assert poll_values(second, 1) == [b"4"]


def test_lag_is_the_distance_of_the_committed_offset_from_the_end(cluster, topic, group, closing):
    made = topic()
    write(cluster, made, [b"v"] * 10)
    consumer = closing(cluster.consumer(group()))
    assert consumer.committed([TopicPartition(made, 0)], timeout=60)[0].offset < 0
    consumer.commit(offsets=[TopicPartition(made, 0, 7)], asynchronous=False)
    offset = consumer.committed([TopicPartition(made, 0)], timeout=60)[0].offset
    assert consumer.get_watermark_offsets(TopicPartition(made, 0), timeout=60)[1] - offset == 3


@pytest.mark.parametrize("client", ["kafka-python", "aiokafka"])
def test_other_clients_commit_what_librdkafka_reads(cluster, topic, group, closing, client):
    import asyncio

    import aiokafka
    import kafka

    made, name = topic(), group()
    write(cluster, made, [b"v"] * 10)
    if client == "kafka-python":
        consumer = cluster.python_consumer(made, group_id=name)
        # With records it has asked where to begin: an answer to that which is still to come would be taken for the one after the commit.
        # One poll, for the reason in support/member.py.
        assert consumer.poll(60_000), "no records within 60 s"
        consumer.commit({kafka.TopicPartition(made, 0): kafka.structs.OffsetAndMetadata(6, "six", -1)})
        assert consumer.committed(kafka.TopicPartition(made, 0)) == 6
        consumer.close()
    else:
        async def run():
            consumer = cluster.aio_consumer(made, group_id=name)
            await consumer.start()
            await consumer.commit({aiokafka.TopicPartition(made, 0): (6, "six")})
            assert await consumer.committed(aiokafka.TopicPartition(made, 0)) == 6
            await consumer.stop()

        asyncio.run(run())
    assert closing(cluster.consumer(name)).committed([TopicPartition(made, 0)], timeout=60)[0].offset == 6
    # confluent-kafka reads metadata beyond its end, so that is looked at on the wire.
    with Connection(cluster) as connection:
        assert committed(connection, name, made)[0].metadata == "six"


# On the wire

def member_ids(cluster, name):
    from kafka.protocol.admin import DescribeGroupsRequest

    with Connection(cluster) as connection:
        return [member.member_id for member in connection.ask(DescribeGroupsRequest(groups=[name]), 5).groups[0].members]


def test_the_coordinator_is_a_broker_of_the_cluster(cluster, name):
    from kafka.protocol.metadata import FindCoordinatorRequest
    from support.wire import metadata

    with Connection(cluster) as connection:
        nodes = {broker.node_id for broker in metadata(connection).brokers}
        for kind in (0, 1):
            answer = until("a coordinator", lambda: (lambda a: a if a.coordinators[0].error_code == 0 else None)(
                connection.ask(FindCoordinatorRequest(key_type=kind, coordinator_keys=[name]), 4)))
            assert answer.coordinators[0].key == name and answer.coordinators[0].node_id in nodes


def test_a_new_member_is_told_its_id_first(cluster, group):
    with RawMember(cluster, group()) as member:
        answer = member.connection.ask(member.join_request(), 4)
        assert answer.error_code == KafkaError.MEMBER_ID_REQUIRED and answer.member_id
        assert member.join(4).error_code == 0


def test_an_old_client_joins_without_that_step(cluster, group):
    with RawMember(cluster, group()) as member:
        answer = member.connection.ask(member.join_request(), 2)
        assert answer.error_code == 0 and answer.leader == answer.member_id and answer.generation_id == 1


@pytest.mark.parametrize("together", [True, False], ids=["come together", "one after the other"])
def test_a_member_that_ends_its_connection_leaves_by_a_request_behind_its_join(cluster, group, together):
    """It was in a generation, so that its end alone would leave it its session."""
    if cluster.kind != "meshbroker":
        pytest.skip("Kafka reads nothing of a connection that has ended")
    name = group()
    with RawMember(cluster, name) as member, RawMember(cluster, name) as gone:
        with ThreadPoolExecutor(1) as pool:
            assert member.join().error_code == 0
            assert member.sync({member.member: b""}).error_code == 0
            joining = pool.submit(gone.join)
            until("the other's join", lambda: member.heartbeat() == REBALANCING)
            assert member.join().error_code == 0 and joining.result().error_code == 0
            sharing = pool.submit(gone.sync)
            assert member.sync({member.member: b"", gone.member: b""}).error_code == 0 and sharing.result().error_code == 0
        gone.protocols = (("range", b"other"),)
        requests = [gone.connection.frame(gone.join_request(), 6), gone.connection.frame(gone.leave_request(), 3)]
        for octets in [b"".join(requests)] if together else requests:
            gone.connection.send(octets)
            until("its join", lambda: member.heartbeat() == REBALANCING)
        gone.connection.socket.close()
        until("its end", lambda: len(member_ids(cluster, name)) == 1, seconds=20)
        assert [each.member_id for each in member.join().members] == [member.member]


@pytest.mark.parametrize("leaves", [True, False], ids=["with a leave behind its join", "without"])
def test_a_new_member_that_ends_its_connection_while_it_waits_is_out(cluster, group, leaves):
    if cluster.kind != "meshbroker":
        pytest.skip("Kafka counts on it until its session is over")
    name = group()
    with RawMember(cluster, name) as member, RawMember(cluster, name) as gone:
        assert member.join().error_code == 0
        assert member.sync({member.member: b""}).error_code == 0
        gone.member = gone.connection.ask(gone.join_request(), 6).member_id
        gone.connection.send_request(gone.join_request(), 6)
        until("the other's join", lambda: member.heartbeat() == REBALANCING)
        if leaves:
            gone.connection.send_request(gone.leave_request(), 3)
        gone.connection.socket.close()
        until("its end", lambda: len(member_ids(cluster, name)) == 1)
        assert [each.member_id for each in member.join().members] == [member.member]


@pytest.mark.parametrize("change,error", [
    ({"session": 10}, KafkaError.INVALID_SESSION_TIMEOUT), ({"session": 10_000_000}, KafkaError.INVALID_SESSION_TIMEOUT),
    ({"group": ""}, KafkaError.INVALID_GROUP_ID), ({"member": "nobody"}, UNKNOWN_MEMBER), ({"protocols": ()}, KafkaError.INCONSISTENT_GROUP_PROTOCOL),
], ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_a_wrong_join_has_its_own_error(cluster, group, change, error):
    with RawMember(cluster, group()) as member:
        for key, value in change.items():
            setattr(member, key, value)
        assert member.join().error_code == error


def test_a_member_without_a_common_protocol_is_inconsistent(cluster, group):
    name = group()
    with RawMember(cluster, name) as first, RawMember(cluster, name, protocols=(("other", b""),)) as second:
        assert first.join().error_code == 0
        assert second.join().error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL
    with RawMember(cluster, name, kind="connect") as third:
        assert third.join().error_code == KafkaError.INCONSISTENT_GROUP_PROTOCOL


def join_both(first, second):
    """A group of two; the answers. The first rejoins when it is told to."""
    assert first.join().error_code == 0
    first.sync({first.member: b"all"})
    with ThreadPoolExecutor() as pool:
        joining = pool.submit(second.join)
        until("the first is told to join again", lambda: first.heartbeat() == REBALANCING)
        return first.join(), joining.result(60)


def test_the_leader_is_told_of_all_members_and_the_followers_of_none(cluster, group):
    name = group()
    with RawMember(cluster, name, protocols=(("range", b"one"),)) as first, RawMember(cluster, name, protocols=(("range", b"two"),)) as second:
        answers = join_both(first, second)
        leader = next(a for a in answers if a.member_id == a.leader)
        follower = next(a for a in answers if a.member_id != a.leader)
        assert sorted(m.metadata for m in leader.members) == [b"one", b"two"] and follower.members == []
        assert leader.generation_id == follower.generation_id == 2 and leader.protocol_name == "range"


def test_the_protocol_that_all_support_and_most_prefer_is_chosen(cluster, group):
    name = group()
    with RawMember(cluster, name, protocols=(("a", b""), ("b", b""), ("c", b""))) as first:
        with RawMember(cluster, name, protocols=(("c", b""), ("b", b""))) as second:
            chosen = {answer.protocol_name for answer in join_both(first, second)}
    assert len(chosen) == 1 and chosen <= {"b", "c"}


def test_followers_wait_for_the_leaders_assignment(cluster, group):
    name = group()
    with RawMember(cluster, name) as first, RawMember(cluster, name) as second, ThreadPoolExecutor() as pool:
        answers = join_both(first, second)
        leader, follower = (first, second) if answers[0].leader == first.member else (second, first)
        waiting = pool.submit(follower.sync)
        stays("the follower waits", lambda: not waiting.done(), 0.3)
        assert leader.sync({leader.member: b"L", follower.member: b"F"}).assignment == b"L"
        assert waiting.result(60).assignment == b"F"
        assert leader.heartbeat() == 0 == follower.heartbeat()
        # Asked again, the same answer.
        assert follower.sync().assignment == b"F"


def test_an_old_generation_and_an_unknown_member_are_refused_everywhere(cluster, topic, group):
    made = topic()
    with RawMember(cluster, group()) as member:
        member.join()
        member.sync({member.member: b"all"})
        for generation in (member.generation - 1, member.generation + 1):
            assert member.heartbeat(generation) == ILLEGAL_GENERATION
            assert member.sync(generation=generation).error_code == ILLEGAL_GENERATION
            assert member.commit(made, 5, generation=generation) == ILLEGAL_GENERATION
        assert member.commit(made, 5, member="nobody") == UNKNOWN_MEMBER
        # One who is no member may not commit beside members.
        assert member.commit(made, 5, generation=-1, member="") == UNKNOWN_MEMBER
        assert committed(member.connection, member.group, made)[0].committed_offset == -1
        assert member.commit(made, 5) == 0
        member.member = "nobody"
        assert member.heartbeat() == UNKNOWN_MEMBER
        assert member.sync().error_code == UNKNOWN_MEMBER


def test_a_commit_while_members_are_awaited_is_accepted_and_while_assignments_are_it_is_not(cluster, topic, group):
    made, name = topic(), group()
    with RawMember(cluster, name) as first, RawMember(cluster, name) as second, ThreadPoolExecutor() as pool:
        first.join()
        first.sync({first.member: b"all"})
        joining = pool.submit(second.join)
        until("the rebalance", lambda: first.heartbeat() == REBALANCING)
        assert first.commit(made, 1) == 0, "a commit before the member joins again must be accepted, or its work is lost"
        answer = first.join()
        joining.result(60)
        assert first.commit(made, 2) == REBALANCING
        assert first.commit(made, 3, generation=first.generation - 1) == ILLEGAL_GENERATION
        leader, follower = (first, second) if answer.leader == first.member else (second, first)
        leader.sync({first.member: b"1", second.member: b"2"})
        follower.sync()
        assert first.commit(made, 4) == 0
        assert committed(first.connection, name, made)[0].committed_offset == 4


@pytest.mark.slow
def test_a_member_that_does_not_join_again_in_the_rebalance_time_is_dropped(cluster, group):
    name = group()
    with RawMember(cluster, name, rebalance=2000, session=30000) as first, RawMember(cluster, name, rebalance=2000, session=30000) as second:
        first.join()
        first.sync({first.member: b"all"})
        answer = second.join()
        assert answer.error_code == 0 and [m.member_id for m in answer.members] == [second.member]
        assert first.heartbeat() == UNKNOWN_MEMBER


@pytest.mark.slow
def test_a_member_without_heartbeats_is_dropped_after_its_session_and_one_with_them_is_not(cluster, group):
    with RawMember(cluster, group(), session=12000) as member:
        member.join()
        member.sync({member.member: b"all"})
        began = silent = time.monotonic()
        while time.monotonic() - began < 15:
            silent = time.monotonic()
            assert member.heartbeat() == 0
            time.sleep(1)
        from kafka.protocol.admin import DescribeGroupsRequest

        with Connection(cluster) as other:
            until("no member", lambda: not other.ask(DescribeGroupsRequest(groups=[member.group]), 3).groups[0].members, pause=0.2)
        assert time.monotonic() - silent >= 11
        assert member.heartbeat() == UNKNOWN_MEMBER


def test_leaving_is_possible_for_several_members_in_one_request(cluster, group):
    from kafka.protocol.consumer import LeaveGroupRequest

    name = group()
    with RawMember(cluster, name) as first, RawMember(cluster, name) as second:
        join_both(first, second)
        members = [LeaveGroupRequest.MemberIdentity(member_id=m, group_instance_id=None) for m in (first.member, second.member, "nobody")]
        answer = first.connection.ask(LeaveGroupRequest(group_id=name, members=members), 4)
        assert answer.error_code == 0 and [m.error_code for m in answer.members] == [0, 0, UNKNOWN_MEMBER]
        assert first.heartbeat() == UNKNOWN_MEMBER


def test_offsets_keep_their_metadata_and_unknown_ones_are_minus_one(cluster, topic, group):
    made = topic(partitions=3)
    with RawMember(cluster, group()) as member:
        assert member.commit(made, 42, metadata="note", generation=-1, member="", partition=1) == 0
        found = committed(member.connection, member.group, made, (0, 1))
    assert (found[1].committed_offset, found[1].metadata, found[1].error_code) == (42, "note", 0)
    assert (found[0].committed_offset, found[0].error_code) == (-1, 0)


def test_metadata_that_is_too_long_is_refused(cluster, topic, group):
    with RawMember(cluster, group()) as member:
        assert member.commit(topic(), 1, metadata="x" * 5000, generation=-1, member="") == KafkaError.OFFSET_METADATA_TOO_LARGE


def test_an_offset_for_an_unknown_topic_is_refused(cluster, name, group):
    with RawMember(cluster, group()) as member:
        assert member.commit(f"{name}-absent", 1, generation=-1, member="") == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_offsets_of_several_groups_are_fetched_in_one_request(cluster, topic, group):
    from kafka.protocol.consumer import OffsetFetchRequest

    made, names = topic(), [group(), group()]
    for index, name in enumerate(names):
        with RawMember(cluster, name) as member:
            assert member.commit(made, 10 + index, generation=-1, member="") == 0
    kind = OffsetFetchRequest.OffsetFetchRequestGroup
    with Connection(cluster) as connection:
        asked = [
            kind(group_id=names[0], topics=None), kind(group_id=names[1], topics=[kind.OffsetFetchRequestTopics(name=made, partition_indexes=[0])]),
            kind(group_id=f"{made}-none", topics=None),
        ]
        answer = connection.ask(OffsetFetchRequest(groups=asked, require_stable=False), 8)
    found = {g.group_id: [p.committed_offset for t in g.topics for p in t.partitions] for g in answer.groups}
    assert found == {names[0]: [10], names[1]: [11], f"{made}-none": []}


def test_automatic_commits_are_stored_on_closing(cluster, topic, group, closing):
    made, name = topic(), group()
    write(cluster, made, [b"v"] * 5)
    consumer = cluster.consumer(name, enable_auto_commit=True)
    consumer.subscribe([made])
    poll_values(consumer, 5)
    consumer.close()
    assert closing(cluster.consumer(name)).committed([TopicPartition(made, 0)], timeout=60)[0].offset == 5


def test_a_subscription_by_pattern_finds_a_topic_that_is_made_later(cluster, topic, group, closing, name):
    first = topic(suffix="-a")
    consumer = closing(cluster.consumer(group(), topic_metadata_refresh_interval_ms=500, metadata_max_age_ms=1000))
    consumer.subscribe([f"^{name}-.*"])
    until("the first", lambda: consumer.poll(0.05) is None and {p.topic for p in consumer.assignment()} == {first}, 60)
    second = topic(suffix="-b")
    until("both", lambda: consumer.poll(0.05) is None and {p.topic for p in consumer.assignment()} == {first, second}, 60)


def test_a_commit_by_a_consumer_without_an_assignment_is_known_to_others(cluster, topic, group, closing):
    made, name = topic(), group()
    cluster_consumer = closing(cluster.consumer(name))
    cluster_consumer.commit(offsets=[TopicPartition(made, 0, 3, "by hand")], asynchronous=False)
    assert closing(cluster.consumer(name)).committed([TopicPartition(made, 0)], timeout=60)[0].offset == 3


def test_a_consumer_that_lost_its_partitions_cannot_commit_them(cluster, topic, group, closing):
    made, name = topic(), group()
    with RawMember(cluster, name) as member:
        member.join()
        member.sync({member.member: b"all"})
        outsider = closing(cluster.consumer(name))
        with pytest.raises(KafkaException) as caught:
            outsider.commit(offsets=[TopicPartition(made, 0, 3)], asynchronous=False)
        assert caught.value.args[0].code() == UNKNOWN_MEMBER
