"""Transactions on bare sockets: states, epochs, errors, and what Fetch says of them."""
import pytest
from confluent_kafka import KafkaError
from kafka.protocol.producer import AddPartitionsToTxnRequest, InitProducerIdRequest

from support.membership import RawMember, committed
from support.transactions import add_offsets, add_partition, commit_offset, end
from support.waiting import until
from support.wire import Connection, batch, batches, fetch, list_offset, produce, producer_identity

INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING, UNSTABLE_OFFSET_COMMIT, PRODUCER_FENCED = 48, 49, 88, 90
FENCED = (KafkaError.INVALID_PRODUCER_EPOCH, PRODUCER_FENCED)


@pytest.fixture
def connection(cluster):
    with Connection(cluster) as connection:
        yield connection


def write(connection, name, topic, producer, *contents, sequence=0, partition=0):
    sent = batch(*contents, producer=(*producer, sequence), transactional=True)
    return produce(connection, topic, sent, partition, transactional_id=name)


def test_each_beginning_raises_the_epoch_and_keeps_the_id(connection, name):
    first = producer_identity(connection, name)
    second = producer_identity(connection, name)
    assert second[0] == first[0] and second[1] == first[1] + 1


def test_a_beginning_with_the_present_epoch_raises_it_and_with_an_old_one_is_fenced(connection, name):
    first = producer_identity(connection, name)
    second = producer_identity(connection, name, identity=first)
    assert second == (first[0], first[1] + 1)
    producer_identity(connection, name)
    request = InitProducerIdRequest(transactional_id=name, transaction_timeout_ms=60_000, producer_id=first[0], producer_epoch=first[1])
    assert connection.ask(request, 4).error_code in FENCED


def test_a_transaction_that_never_began_cannot_end(connection, name):
    assert end(connection, name, *producer_identity(connection, name), commit=True) == INVALID_TXN_STATE


def test_a_repeated_end_succeeds_and_the_opposite_one_does_not(connection, topic, name):
    made, producer = topic(), producer_identity(connection, name)
    assert add_partition(connection, name, *producer, made) == 0
    write(connection, name, made, producer, b"v")
    assert end(connection, name, *producer, commit=True) == 0
    assert end(connection, name, *producer, commit=True) == 0
    assert end(connection, name, *producer, commit=False) == INVALID_TXN_STATE
    assert len(batches(fetch(connection, made))) == 2, "a repeated end wrote a second marker"


def test_another_producer_id_or_an_old_epoch_is_refused_everywhere(connection, topic, group, name):
    made, (identity, epoch) = topic(), producer_identity(connection, name)
    identity, epoch = producer_identity(connection, name)
    for wrong, errors in (((identity + 1000, epoch), (INVALID_PRODUCER_ID_MAPPING,)), ((identity, epoch - 1), FENCED)):
        assert add_partition(connection, name, *wrong, made) in errors
        assert add_offsets(connection, name, *wrong, group()) in errors
        assert end(connection, name, *wrong, commit=True) in errors
    assert end(connection, f"{name}-unknown", identity, epoch, commit=True) == INVALID_PRODUCER_ID_MAPPING


def test_an_unknown_partition_keeps_the_others_out_of_the_transaction(connection, topic, name):
    made, (identity, epoch) = topic(), producer_identity(connection, name)
    kind = AddPartitionsToTxnRequest.AddPartitionsToTxnTopic
    request = AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=name, v3_and_below_producer_id=identity, v3_and_below_producer_epoch=epoch,
        v3_and_below_topics=[kind(name=made, partitions=[0]), kind(name=f"{name}-absent", partitions=[0])])
    answer = connection.ask(request, 3).results_by_topic_v3_and_below
    codes = {topic.name: topic.results_by_partition[0].partition_error_code for topic in answer}
    assert codes == {made: KafkaError.OPERATION_NOT_ATTEMPTED, f"{name}-absent": KafkaError.UNKNOWN_TOPIC_OR_PART}


def test_the_brokers_own_log_is_no_part_of_a_transaction(connection, name):
    assert add_partition(connection, name, *producer_identity(connection, name), "__cluster_metadata") == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_transactional_batch_for_a_partition_that_was_not_added_is_refused(connection, topic, name):
    made, producer = topic(), producer_identity(connection, name)
    assert write(connection, name, made, producer, b"stray").error_code in (INVALID_TXN_STATE, 120)
    assert list_offset(connection, made, -1).offset == 0


def test_a_batch_after_the_end_is_refused_until_the_partition_is_added_again(connection, topic, name):
    made, producer = topic(), producer_identity(connection, name)
    add_partition(connection, name, *producer, made)
    assert write(connection, name, made, producer, b"one").error_code == 0
    end(connection, name, *producer, commit=True)
    assert write(connection, name, made, producer, b"stray", sequence=1).error_code in (INVALID_TXN_STATE, 120)
    add_partition(connection, name, *producer, made)
    assert write(connection, name, made, producer, b"two", sequence=1).error_code == 0
    assert end(connection, name, *producer, commit=True) == 0


def test_a_zombies_batch_with_an_old_epoch_is_refused(connection, topic, name):
    made, old = topic(), producer_identity(connection, name)
    add_partition(connection, name, *old, made)
    write(connection, name, made, old, b"old")
    new = producer_identity(connection, name)
    add_partition(connection, name, *new, made)
    assert write(connection, name, made, old, b"zombie", sequence=1).error_code in FENCED
    assert write(connection, name, made, new, b"new").error_code == 0
    assert end(connection, name, *new, commit=True) == 0


def test_fetch_names_the_aborted_transactions_for_read_committed_only(connection, topic, name):
    made, producer = topic(), producer_identity(connection, name)
    produce(connection, made, batch(b"plain"))
    add_partition(connection, name, *producer, made)
    write(connection, name, made, producer, b"a", b"b")
    end(connection, name, *producer, commit=False)
    until("the marker", lambda: list_offset(connection, made, -1).offset == 4)
    answer = fetch(connection, made, isolation=1)
    assert [(a.producer_id, a.first_offset) for a in answer.aborted_transactions] == [(producer[0], 1)]
    assert (answer.last_stable_offset, answer.high_watermark) == (4, 4)
    marker = batches(answer)[-1]
    assert marker.is_control_batch and marker.is_transactional and next(iter(marker)).abort
    assert not fetch(connection, made, isolation=0).aborted_transactions
    # Past its end it is no longer named.
    assert not fetch(connection, made, offset=4, isolation=1).aborted_transactions


def test_the_last_stable_offset_is_that_of_the_oldest_open_transaction(connection, topic, name):
    made = topic()
    names = [f"{name}-{i}" for i in range(2)]
    producers = [producer_identity(connection, one) for one in names]
    for one, producer in zip(names, producers):
        add_partition(connection, one, *producer, made)
        write(connection, one, made, producer, b"v")
    assert fetch(connection, made, isolation=1).last_stable_offset == 0
    assert not fetch(connection, made, isolation=1).records
    end(connection, names[1], *producers[1], commit=True)
    until("its marker", lambda: list_offset(connection, made, -1).offset == 3)
    assert fetch(connection, made, isolation=1).last_stable_offset == 0
    end(connection, names[0], *producers[0], commit=True)
    until("all stable", lambda: fetch(connection, made, isolation=1).last_stable_offset == 4)


def test_offsets_of_an_open_transaction_are_neither_seen_nor_stable(cluster, connection, topic, group, name):
    made, group_name, producer = topic(), group(), producer_identity(connection, name)
    with RawMember(cluster, group_name) as member:
        assert member.commit(made, 1, generation=-1, member="") == 0
    assert add_offsets(connection, name, *producer, group_name) == 0
    assert commit_offset(connection, name, *producer, group_name, made, 9) == 0
    assert committed(connection, group_name, made)[0].committed_offset == 1
    assert committed(connection, group_name, made, stable=True)[0].error_code == UNSTABLE_OFFSET_COMMIT
    end(connection, name, *producer, commit=True)
    until("the new offset", lambda: committed(connection, group_name, made, stable=True)[0].committed_offset == 9)


def test_offsets_of_an_aborted_transaction_are_thrown_away(cluster, connection, topic, group, name):
    made, group_name, producer = topic(), group(), producer_identity(connection, name)
    with RawMember(cluster, group_name) as member:
        assert member.commit(made, 1, generation=-1, member="") == 0
    add_offsets(connection, name, *producer, group_name)
    commit_offset(connection, name, *producer, group_name, made, 9)
    end(connection, name, *producer, commit=False)
    until("a stable offset", lambda: committed(connection, group_name, made, stable=True)[0].error_code == 0)
    assert committed(connection, group_name, made)[0].committed_offset == 1


def test_offsets_by_a_member_of_an_old_generation_are_refused(cluster, connection, topic, group, name):
    made, group_name, producer = topic(), group(), producer_identity(connection, name)
    with RawMember(cluster, group_name) as member:
        member.join()
        member.sync({member.member: b"all"})
        add_offsets(connection, name, *producer, group_name)
        wrong = commit_offset(connection, name, *producer, group_name, made, 9, generation=member.generation + 5, member=member.member)
        assert wrong == KafkaError.ILLEGAL_GENERATION
        assert commit_offset(connection, name, *producer, group_name, made, 9, generation=1, member="nobody") == KafkaError.UNKNOWN_MEMBER_ID
        assert commit_offset(connection, name, *producer, group_name, made, 9, generation=member.generation, member=member.member) == 0
        end(connection, name, *producer, commit=True)
        until("the offset", lambda: committed(connection, group_name, made)[0].committed_offset == 9)


def test_an_empty_transaction_ends_without_a_trace(connection, topic, name):
    made, producer = topic(), producer_identity(connection, name)
    add_partition(connection, name, *producer, made)
    assert end(connection, name, *producer, commit=True) == 0
    until("the end is complete", lambda: add_partition(connection, name, *producer, made) == 0)
    assert end(connection, name, *producer, commit=False) == 0


def test_a_transactional_id_may_not_be_empty(connection):
    request = InitProducerIdRequest(transactional_id="", transaction_timeout_ms=60_000, producer_id=-1, producer_epoch=-1)
    assert connection.ask(request, 4).error_code == 42  # INVALID_REQUEST
