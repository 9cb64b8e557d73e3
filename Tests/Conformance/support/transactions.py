"""The steps of a transaction on the wire, one request each, for what a client would not do."""
from kafka.protocol.producer import AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, TxnOffsetCommitRequest

from .waiting import until

CONCURRENT_TRANSACTIONS, COORDINATOR_LOADING = 51, 14


def add_partition(connection, transactional_id, identity, epoch, topic, partitions=(0,)):
    """AddPartitionsToTxn; waits while the former transaction ends. The first error code."""
    topics = [AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=topic, partitions=list(partitions))]

    def answer():
        request = AddPartitionsToTxnRequest(
            v3_and_below_transactional_id=transactional_id, v3_and_below_producer_id=identity, v3_and_below_producer_epoch=epoch, v3_and_below_topics=topics)
        response = connection.ask(request, 3)
        results = response.results_by_topic_v3_and_below[0].results_by_partition
        code = next((r.partition_error_code for r in results if r.partition_error_code), 0)
        return None if code in (CONCURRENT_TRANSACTIONS, COORDINATOR_LOADING) else (code,)

    return until("an answer to AddPartitionsToTxn", answer)[0]


def end(connection, transactional_id, identity, epoch, commit):
    """EndTxn; its error code."""
    def answer():
        request = EndTxnRequest(transactional_id=transactional_id, producer_id=identity, producer_epoch=epoch, committed=commit)
        code = connection.ask(request, 3).error_code
        return None if code in (CONCURRENT_TRANSACTIONS, COORDINATOR_LOADING) else (code,)

    return until("an answer to EndTxn", answer)[0]


def add_offsets(connection, transactional_id, identity, epoch, group):
    request = AddOffsetsToTxnRequest(transactional_id=transactional_id, producer_id=identity, producer_epoch=epoch, group_id=group)
    return connection.ask(request, 3).error_code


def commit_offset(connection, transactional_id, identity, epoch, group, topic, offset, generation=-1, member=""):
    kind = TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
    part = kind.TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=offset, committed_leader_epoch=-1, committed_metadata="")
    request = TxnOffsetCommitRequest(
        transactional_id=transactional_id, group_id=group, producer_id=identity, producer_epoch=epoch, generation_id=generation, member_id=member,
        group_instance_id=None, topics=[kind(name=topic, partitions=[part])])
    return connection.ask(request, 3).topics[0].partitions[0].error_code
