"""A group member on a bare socket: one request each, for what a client would not do."""
from kafka.protocol.consumer import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest

from .wire import Connection

MEMBER_ID_REQUIRED = 79
NOT_COORDINATOR_YET = (14, 15, 16)


class RawMember:
    """One member, with a connection of its own, since JoinGroup and SyncGroup wait."""

    def __init__(self, cluster, group, instance=None, session=30000, rebalance=30000, protocols=(("range", b"m"),), kind="consumer"):
        self.connection = Connection(cluster, timeout=90)
        self.group, self.instance, self.session, self.rebalance, self.kind = group, instance, session, rebalance, kind
        self.protocols = protocols
        self.member, self.generation = "", -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.socket.close()

    def join_request(self):
        protocols = [JoinGroupRequest.JoinGroupRequestProtocol(name=name, metadata=metadata) for name, metadata in self.protocols]
        return JoinGroupRequest(
            group_id=self.group, session_timeout_ms=self.session, rebalance_timeout_ms=self.rebalance, member_id=self.member,
            group_instance_id=self.instance, protocol_type=self.kind, protocols=protocols, reason="")

    def join(self, version=6):
        """Joins, with the member id that the broker hands out; the last answer."""
        while True:
            answer = self.connection.ask(self.join_request(), version)
            if answer.error_code == MEMBER_ID_REQUIRED or answer.error_code == 0:
                self.member = answer.member_id
            if answer.error_code == 0:
                self.generation = answer.generation_id
            if answer.error_code not in (MEMBER_ID_REQUIRED, *NOT_COORDINATOR_YET):
                return answer

    def sync(self, assignments=None, version=5, generation=None):
        """`assignments` is {member: bytes} from the leader."""
        given = [SyncGroupRequest.SyncGroupRequestAssignment(member_id=m, assignment=a) for m, a in (assignments or {}).items()]
        request = SyncGroupRequest(
            group_id=self.group, generation_id=self.generation if generation is None else generation, member_id=self.member,
            group_instance_id=self.instance, protocol_type=self.kind, protocol_name=None, assignments=given)
        return self.connection.ask(request, min(version, 4))

    def heartbeat(self, generation=None):
        request = HeartbeatRequest(
            group_id=self.group, generation_id=self.generation if generation is None else generation, member_id=self.member, group_instance_id=self.instance)
        return self.connection.ask(request, 3).error_code

    def leave_request(self):
        identity = LeaveGroupRequest.MemberIdentity(member_id=self.member, group_instance_id=self.instance)
        return LeaveGroupRequest(group_id=self.group, members=[identity])

    def leave(self):
        return self.connection.ask(self.leave_request(), 3)

    def commit(self, topic, offset, metadata="", generation=None, member=None, partition=0):
        kind = OffsetCommitRequest.OffsetCommitRequestTopic
        part = kind.OffsetCommitRequestPartition(
            partition_index=partition, committed_offset=offset, committed_leader_epoch=-1, committed_metadata=metadata)
        request = OffsetCommitRequest(
            group_id=self.group, generation_id_or_member_epoch=self.generation if generation is None else generation,
            member_id=self.member if member is None else member, group_instance_id=self.instance, topics=[kind(name=topic, partitions=[part])])
        return self.connection.ask(request, 8).topics[0].partitions[0].error_code


def committed(connection, group, topic, partitions=(0,), stable=False):
    """OffsetFetch: {partition: answer}."""
    kind = OffsetFetchRequest.OffsetFetchRequestTopic
    request = OffsetFetchRequest(group_id=group, topics=[kind(name=topic, partition_indexes=list(partitions))], require_stable=stable)
    return {p.partition_index: p for p in connection.ask(request, 7).topics[0].partitions}
