"""Static members and cooperative rebalances: who keeps what."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import KafkaError, KafkaException

from support.membership import RawMember
from support.processes import Member
from support.records import write
from support.waiting import stays, until

FENCED_INSTANCE = 82
COOPERATIVE = {"partition_assignment_strategy": "cooperative-sticky"}


def assigned(consumer):
    consumer.poll(0.05)
    return {part.partition for part in consumer.assignment()}


@pytest.mark.slow
def test_a_static_member_that_restarts_keeps_its_place_and_nobody_rebalances(cluster, topic, group, closing):
    made, name = topic(partitions=4), group()
    revoked = []
    steady = closing(cluster.consumer(name, group_instance_id="a", session_timeout_ms=60000))
    steady.subscribe([made], on_revoke=lambda *_: revoked.append(time.monotonic()))
    restarting = cluster.consumer(name, group_instance_id="b", session_timeout_ms=60000)
    restarting.subscribe([made])
    until("two partitions each", lambda: len(assigned(steady)) == len(assigned(restarting)) == 2, 60)
    before = [assigned(steady), assigned(restarting)]
    revoked.clear()
    restarting.close()
    restarted = closing(cluster.consumer(name, group_instance_id="b", session_timeout_ms=60000))
    restarted.subscribe([made])
    until("its old partitions", lambda: assigned(steady) and assigned(restarted) == before[1], 40)
    assert assigned(steady) == before[0] and revoked == []


@pytest.mark.slow
def test_a_killed_static_member_keeps_its_place_when_it_is_back_within_its_session(cluster, topic, group, closing):
    made, name = topic(partitions=2), group()
    first = closing(Member("librdkafka", cluster, name, made, "slot", session=60000))
    assert first.wait_for_assignment() == [0, 1]
    first.kill()
    second = closing(Member("librdkafka", cluster, name, made, "slot", session=60000))
    began = time.monotonic()
    assert second.wait_for_assignment(90) == [0, 1]
    assert time.monotonic() - began < 40, "it had to wait for its own former life"


@pytest.mark.slow
def test_a_killed_static_member_is_taken_over_after_its_session(cluster, topic, group, closing):
    made, name = topic(partitions=2), group()
    victim = closing(Member("librdkafka", cluster, name, made, "slot", session=20000))
    assert victim.wait_for_assignment() == [0, 1]
    survivor = closing(cluster.consumer(name, group_instance_id="other"))
    survivor.subscribe([made])
    until("one partition", lambda: len(assigned(survivor)) == 1, 60)
    victim.kill()
    killed = time.monotonic()
    until("both partitions", lambda: len(assigned(survivor)) == 2, 60)
    assert time.monotonic() - killed >= 8


def test_the_elder_of_two_with_the_same_instance_id_is_fenced(cluster, topic, group, closing):
    made, name = topic(), group()
    elder = closing(cluster.consumer(name, group_instance_id="slot"))
    elder.subscribe([made])
    until("its assignment", lambda: assigned(elder), 60)
    younger = closing(cluster.consumer(name, group_instance_id="slot"))
    younger.subscribe([made])
    errors = []

    def fenced():
        younger.poll(0.05)
        try:
            message = elder.poll(0.05)
            errors.extend([message.error()] if message is not None and message.error() else [])
        except KafkaException as error:
            errors.append(error.args[0])
        return any(error.code() in (KafkaError._FATAL, FENCED_INSTANCE) for error in errors)

    until("the elder is fenced", fenced, 60)
    until("the younger has the partition", lambda: assigned(younger), 60)


def test_a_static_member_is_fenced_in_every_request_of_its_former_life(cluster, topic, group):
    made, name = topic(), group()
    with RawMember(cluster, name, instance="slot") as elder, RawMember(cluster, name, instance="slot") as younger:
        elder.join()
        elder.sync({elder.member: b"all"})
        answer = younger.join()
        assert answer.error_code == 0 and younger.member != elder.member
        assert elder.heartbeat() == FENCED_INSTANCE
        assert elder.sync().error_code == FENCED_INSTANCE
        assert elder.commit(made, 1) == FENCED_INSTANCE
        assert elder.leave().members[0].error_code == FENCED_INSTANCE
        assert elder.join().error_code == FENCED_INSTANCE
        assert younger.heartbeat() == 0


def test_a_static_member_that_comes_back_unchanged_gets_its_assignment_without_a_rebalance(cluster, group):
    name = group()
    with RawMember(cluster, name, instance="slot") as elder, RawMember(cluster, name, instance="slot") as younger:
        elder.join()
        elder.sync({elder.member: b"mine"})
        answer = younger.join()
        assert answer.generation_id == elder.generation
        assert younger.sync().assignment == b"mine"


def test_a_static_member_is_removed_by_its_instance_id(cluster, group):
    from kafka.protocol.consumer import LeaveGroupRequest

    with RawMember(cluster, group(), instance="slot") as member:
        member.join()
        member.sync({member.member: b"all"})
        identity = LeaveGroupRequest.MemberIdentity(member_id="", group_instance_id="slot")
        answer = member.connection.ask(LeaveGroupRequest(group_id=member.group, members=[identity]), 3)
        assert answer.members[0].error_code == 0
        assert member.heartbeat() == KafkaError.UNKNOWN_MEMBER_ID
        unknown = member.connection.ask(LeaveGroupRequest(group_id=member.group, members=[identity]), 3)
        assert unknown.members[0].error_code == KafkaError.UNKNOWN_MEMBER_ID


def test_under_the_cooperative_protocol_a_member_keeps_what_it_may_keep(cluster, topic, group, closing):
    made, name = topic(partitions=4), group()
    first = closing(cluster.consumer(name, **COOPERATIVE))
    lost = []
    first.subscribe([made], on_revoke=lambda _, parts: lost.extend(p.partition for p in parts))
    until("all partitions", lambda: len(assigned(first)) == 4, 60)
    second = closing(cluster.consumer(name, **COOPERATIVE))
    second.subscribe([made])
    until("two each", lambda: len(assigned(first)) == len(assigned(second)) == 2, 60)
    assert len(lost) == 2 and assigned(first) | assigned(second) == {0, 1, 2, 3}
    second.unsubscribe()
    until("all partitions again", lambda: assigned(second) == set() and len(assigned(first)) == 4, 60)
    assert len(lost) == 2


@pytest.mark.slow
def test_commits_during_cooperative_rebalances_lose_neither_assignment_nor_record(cluster, topic, group, closing):
    """Every member commits after each record while others come and go. A commit that waited behind the member's own JoinGroup is of an old generation."""
    made, name = topic(partitions=4), group()
    for partition in range(4):
        write(cluster, made, [b"%d-%d" % (partition, i) for i in range(250)], partition)
    seen, refused, lost = {}, [], []

    def run(lifetime):
        consumer = cluster.consumer(name, **COOPERATIVE)
        consumer.subscribe([made], on_lost=lambda _, parts: lost.extend(p.partition for p in parts))
        ends = time.monotonic() + lifetime
        try:
            while time.monotonic() < ends and (lifetime < 30 or len(seen) < 1000):
                message = consumer.poll(0.05)
                if message is None or message.error():
                    continue
                seen.setdefault(message.value(), 0)
                seen[message.value()] += 1
                time.sleep(0.002)
                try:
                    consumer.commit(message=message, asynchronous=False)
                except KafkaException as error:
                    refused.append(error.args[0].code())
        finally:
            consumer.close()

    with ThreadPoolExecutor() as pool:
        running = [pool.submit(run, 150), pool.submit(run, 5), pool.submit(run, 8)]
        for one in running:
            one.result(200)
    assert len(seen) == 1000, f"{1000 - len(seen)} records never seen"
    assert set(refused) <= {KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION}, f"commits refused with {set(refused)}"
    assert lost == []


def test_a_member_that_is_told_of_a_rebalance_keeps_its_session_while_it_takes_its_time(cluster, group):
    name = group()
    patient = {"session": 30000, "rebalance": 60000}
    with RawMember(cluster, name, **patient) as first, RawMember(cluster, name, **patient) as second, ThreadPoolExecutor() as pool:
        first.join()
        first.sync({first.member: b"all"})
        joining = pool.submit(second.join)
        until("the rebalance", lambda: first.heartbeat() == KafkaError.REBALANCE_IN_PROGRESS)
        stays("the group waits for it", lambda: first.heartbeat() == KafkaError.REBALANCE_IN_PROGRESS and not joining.done(), 2)
        assert first.join().generation_id == joining.result(60).generation_id
