"""A small harmless request of every kind, for the sweep over versions."""
import uuid

import kafka.protocol.admin as admin
import kafka.protocol.consumer as consumer
import kafka.protocol.metadata as metadata
import kafka.protocol.producer as producer
import kafka.protocol.sasl as sasl

from .wire import batch


def _make(kind, **fields):
    return lambda version, name: kind(**{key: value(name) if callable(value) else value for key, value in fields.items()})


def _topic(name):
    return f"{name}-absent"


def _join(version, name):
    protocol = consumer.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
    return consumer.JoinGroupRequest(
        group_id=name, session_timeout_ms=6000, rebalance_timeout_ms=6000, member_id="no-such-member", group_instance_id=None, protocol_type="consumer",
        protocols=[protocol], reason="")


def _leave(version, name):
    if version < 3:
        return consumer.LeaveGroupRequest(group_id=name, member_id="no-such-member")
    return consumer.LeaveGroupRequest(group_id=name, members=[consumer.LeaveGroupRequest.MemberIdentity(member_id="m", group_instance_id=None)])


def _offset_fetch(version, name):
    kind = consumer.OffsetFetchRequest
    if version < 8:
        return kind(group_id=name, topics=[kind.OffsetFetchRequestTopic(name=_topic(name), partition_indexes=[0])], require_stable=False)
    topic = kind.OffsetFetchRequestGroup.OffsetFetchRequestTopics(name=_topic(name), partition_indexes=[0])
    return kind(groups=[kind.OffsetFetchRequestGroup(group_id=name, member_id=None, member_epoch=-1, topics=[topic])], require_stable=False)


def _offset_commit(version, name):
    kind = consumer.OffsetCommitRequest.OffsetCommitRequestTopic
    partition = kind.OffsetCommitRequestPartition(partition_index=0, committed_offset=1, committed_leader_epoch=-1, committed_metadata="")
    return consumer.OffsetCommitRequest(
        group_id=name, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None, retention_time_ms=-1,
        topics=[kind(name=_topic(name), partitions=[partition])])


def _coordinator(version, name):
    if version < 4:
        return metadata.FindCoordinatorRequest(key=name, key_type=0)
    return metadata.FindCoordinatorRequest(key_type=0, coordinator_keys=[name])


def _metadata(version, name):
    return metadata.MetadataRequest(topics=[metadata.MetadataRequest.MetadataRequestTopic(name=_topic(name))], allow_auto_topic_creation=False)


def _produce(version, name):
    kind = producer.ProduceRequest.TopicProduceData
    data = kind(name="__no/such", partition_data=[kind.PartitionProduceData(index=0, records=batch(b"v"))])
    return producer.ProduceRequest(transactional_id=None, acks=-1, timeout_ms=1000, topic_data=[data])


def _fetch(version, name):
    kind = consumer.FetchRequest.FetchTopic
    partition = kind.FetchPartition(
        partition=0, current_leader_epoch=-1, fetch_offset=0, last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=1000)
    return consumer.FetchRequest(
        replica_id=-1, max_wait_ms=0, min_bytes=0, max_bytes=1000, isolation_level=0, session_id=0, session_epoch=-1,
        topics=[kind(topic=_topic(name), topic_id=uuid.uuid4(), partitions=[partition])], forgotten_topics_data=[], rack_id="")


def _list_offsets(version, name):
    kind = consumer.ListOffsetsRequest.ListOffsetsTopic
    partition = kind.ListOffsetsPartition(partition_index=0, current_leader_epoch=-1, timestamp=-1)
    return consumer.ListOffsetsRequest(replica_id=-1, isolation_level=0, topics=[kind(name=_topic(name), partitions=[partition])], timeout_ms=1000)


def _epoch(version, name):
    kind = consumer.OffsetForLeaderEpochRequest.OffsetForLeaderTopic
    partition = kind.OffsetForLeaderPartition(partition=0, current_leader_epoch=-1, leader_epoch=0)
    return consumer.OffsetForLeaderEpochRequest(replica_id=-1, topics=[kind(topic=_topic(name), partitions=[partition])])


def _create_topics(version, name):
    kind = admin.CreateTopicsRequest.CreatableTopic
    return admin.CreateTopicsRequest(
        topics=[kind(name=name, num_partitions=1, replication_factor=1, assignments=[], configs=[])], timeout_ms=1000, validate_only=True)


def _delete_topics(version, name):
    if version < 6:
        return admin.DeleteTopicsRequest(topic_names=[_topic(name)], timeout_ms=1000)
    return admin.DeleteTopicsRequest(topics=[admin.DeleteTopicsRequest.DeleteTopicState(name=_topic(name))], timeout_ms=1000)


def _create_partitions(version, name):
    kind = admin.CreatePartitionsRequest.CreatePartitionsTopic
    return admin.CreatePartitionsRequest(topics=[kind(name=_topic(name), count=2, assignments=None)], timeout_ms=1000, validate_only=True)


def _delete_records(version, name):
    kind = admin.DeleteRecordsRequest.DeleteRecordsTopic
    topic = kind(name=_topic(name), partitions=[kind.DeleteRecordsPartition(partition_index=0, offset=0)])
    return admin.DeleteRecordsRequest(topics=[topic], timeout_ms=1000)


def _describe_configs(version, name):
    kind = admin.DescribeConfigsRequest.DescribeConfigsResource
    return admin.DescribeConfigsRequest(
        resources=[kind(resource_type=2, resource_name=_topic(name), configuration_keys=None)], include_synonyms=True, include_documentation=True)


def _alter_configs(version, name):
    kind = admin.AlterConfigsRequest.AlterConfigsResource
    resource = kind(resource_type=2, resource_name=_topic(name), configs=[kind.AlterableConfig(name="retention.ms", value="1000")])
    return admin.AlterConfigsRequest(resources=[resource], validate_only=True)


def _incremental(version, name):
    kind = admin.IncrementalAlterConfigsRequest.AlterConfigsResource
    config = kind.AlterableConfig(name="retention.ms", config_operation=0, value="1000")
    return admin.IncrementalAlterConfigsRequest(resources=[kind(resource_type=2, resource_name=_topic(name), configs=[config])], validate_only=True)


def _create_acls(version, name):
    creation = admin.CreateAclsRequest.AclCreation(
        resource_type=2, resource_name=_topic(name), resource_pattern_type=3, principal="User:nobody", host="*", operation=3, permission_type=3)
    return admin.CreateAclsRequest(creations=[creation])


_FILTER = {"pattern_type_filter": 1, "principal_filter": "User:nobody", "host_filter": None, "operation": 1, "permission_type": 1}


def _describe_acls(version, name):
    return admin.DescribeAclsRequest(resource_type_filter=2, resource_name_filter=_topic(name), **(_FILTER | {"pattern_type_filter": 3}))


def _delete_acls(version, name):
    filter = admin.DeleteAclsRequest.DeleteAclsFilter(resource_type_filter=2, resource_name_filter=_topic(name), **(_FILTER | {"pattern_type_filter": 3}))
    return admin.DeleteAclsRequest(filters=[filter])


def _add_partitions(version, name):
    topic = producer.AddPartitionsToTxnRequest.AddPartitionsToTxnTopic(name=_topic(name), partitions=[0])
    return producer.AddPartitionsToTxnRequest(
        v3_and_below_transactional_id=name, v3_and_below_producer_id=1, v3_and_below_producer_epoch=0, v3_and_below_topics=[topic])


def _txn_offset_commit(version, name):
    kind = producer.TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic
    partition = kind.TxnOffsetCommitRequestPartition(partition_index=0, committed_offset=1, committed_leader_epoch=-1, committed_metadata="")
    return producer.TxnOffsetCommitRequest(
        transactional_id=name, group_id=name, producer_id=1, producer_epoch=0, generation_id=-1, member_id="", group_instance_id=None,
        topics=[kind(name=_topic(name), partitions=[partition])])


def _offset_delete(version, name):
    kind = consumer.OffsetDeleteRequest if hasattr(consumer, "OffsetDeleteRequest") else admin.OffsetDeleteRequest
    topic = kind.OffsetDeleteRequestTopic(name=_topic(name), partitions=[kind.OffsetDeleteRequestTopic.OffsetDeleteRequestPartition(partition_index=0)])
    return kind(group_id=name, topics=[topic])


_MAKERS = {
    0: _produce, 1: _fetch, 2: _list_offsets, 3: _metadata, 8: _offset_commit, 9: _offset_fetch, 10: _coordinator, 11: _join,
    12: _make(consumer.HeartbeatRequest, group_id=str, generation_id=1, member_id="m", group_instance_id=None),
    13: _leave,
    14: _make(
        consumer.SyncGroupRequest, group_id=str, generation_id=1, member_id="m", group_instance_id=None, protocol_type="consumer", protocol_name="range",
        assignments=[]),
    15: _make(admin.DescribeGroupsRequest, groups=lambda name: [name], include_authorized_operations=False),
    16: _make(admin.ListGroupsRequest, states_filter=[], types_filter=[]),
    17: _make(sasl.SaslHandshakeRequest, mechanism="PLAIN"),
    18: _make(metadata.ApiVersionsRequest, client_software_name="conformance", client_software_version="1"),
    19: _create_topics, 20: _delete_topics, 21: _delete_records,
    22: _make(producer.InitProducerIdRequest, transactional_id=None, transaction_timeout_ms=1000, producer_id=-1, producer_epoch=-1),
    23: _epoch, 24: _add_partitions,
    25: _make(producer.AddOffsetsToTxnRequest, transactional_id=str, producer_id=1, producer_epoch=0, group_id=str),
    26: _make(producer.EndTxnRequest, transactional_id=str, producer_id=1, producer_epoch=0, committed=True),
    28: _txn_offset_commit, 29: _describe_acls, 30: _create_acls, 31: _delete_acls, 32: _describe_configs, 33: _alter_configs,
    36: _make(sasl.SaslAuthenticateRequest, auth_bytes=b"\x00a\x00b"),
    37: _create_partitions,
    42: _make(admin.DeleteGroupsRequest, groups_names=lambda name: [name]),
    44: _incremental, 47: _offset_delete,
    60: _make(admin.DescribeClusterRequest, include_cluster_authorized_operations=False),
}


def requests_of(key, version, name):
    """The requests to try for this version; none when kafka-python does not know the version yet."""
    request = _MAKERS[key](version, name)
    return [request] if version <= request.max_version and not (key == 0 and version >= 13) else []
