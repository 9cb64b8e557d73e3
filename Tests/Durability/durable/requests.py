"""Commits of offsets and creations of topics, as single requests: what is acknowledged is known to the request."""
import time

from kafka.protocol.admin import CreateTopicsRequest
from kafka.protocol.consumer import OffsetCommitRequest, OffsetFetchRequest
from support.wire import Connection

from .load import Worker


class Gone(Exception):
    """The broker ended, maybe before it answered."""


class AskingConnection(Connection):
    def receive_frame(self):
        frame = super().receive_frame()
        if frame is None:
            raise Gone
        return frame


class Asker(Worker):
    """Asks one thing after another; begins again with a new connection when the broker is gone."""

    def begin(self, connection):
        """What a new connection is asked first."""

    def work(self):
        connection = None
        while not self.ending.is_set():
            try:
                if connection is None:
                    connection = AskingConnection(self.cluster, timeout=10)
                    self.begin(connection)
                self.ask(connection)
            except (OSError, Gone):
                if connection:
                    connection.socket.close()
                connection = None
                time.sleep(0.01)
        if connection:
            connection.socket.close()


class Committer(Asker):
    """Commits rising offsets for two partitions of one group."""

    def __init__(self, partitions, *arguments):
        super().__init__(*arguments)
        self.partitions = partitions[:2]

    def ask(self, connection):
        topic, partition = self.chance.choice(self.partitions)
        group = "group-of-commits"
        offset = self.journal.commit(group, topic, partition)
        if offset is None:
            return time.sleep(0.005)
        kind = OffsetCommitRequest.OffsetCommitRequestTopic
        part = kind.OffsetCommitRequestPartition(partition_index=partition, committed_offset=offset, committed_leader_epoch=-1, committed_metadata="")
        request = OffsetCommitRequest(
            group_id=group, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None, retention_time_ms=-1,
            topics=[kind(name=topic, partitions=[part])])
        code = connection.ask(request, 7).topics[0].partitions[0].error_code
        if code == 0:
            self.journal.committed(group, topic, partition, offset)
        time.sleep(self.chance.choice([0, 0.005, 0.02]))


class TopicMaker(Asker):
    """Makes a few topics."""

    count = 0

    def ask(self, connection):
        self.count += 1
        name, partitions = f"made.{self.name.replace('/', '.')}.{self.count}", self.chance.randint(1, 3)
        self.journal.create(name, partitions)
        if create(connection, name, partitions) == 0:
            self.journal.created(name)
        self.ending.wait(self.chance.uniform(0, 0.4))


def create(connection, name, partitions, **configuration):
    """The error code of a CreateTopics request."""
    kind = CreateTopicsRequest.CreatableTopic
    configs = [kind.CreatableTopicConfig(name=key.replace("_", "."), value=str(value)) for key, value in configuration.items()]
    topic = kind(name=name, num_partitions=partitions, replication_factor=1, assignments=[], configs=configs)
    return connection.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000, validate_only=False), 5).topics[0].error_code


def committed_offset(connection, group, topic, partition):
    """-1 when there is none."""
    kind = OffsetFetchRequest.OffsetFetchRequestTopic
    request = OffsetFetchRequest(group_id=group, topics=[kind(name=topic, partition_indexes=[partition])], require_stable=False)
    answer = connection.ask(request, 6)
    assert answer.error_code == 0, f"OffsetFetch of {group}: error {answer.error_code}"
    return answer.topics[0].partitions[0].committed_offset
