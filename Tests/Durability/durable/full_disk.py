"""A broker on a file system that becomes full: producers are refused, everything else goes on, and with space again so do they."""
import os
import shutil
import subprocess
import tempfile

from kafka.protocol.admin import DeleteTopicsRequest
from support.cluster import Cluster
from support.processes import Broker
from support.waiting import until
from support.wire import Connection, batch, batches, fetch, list_offset, produce, producer_identity

from .requests import OffsetCommitRequest, committed_offset, create

#: Bytes of the file system, and of a record.
SIZE, RECORD = "48m", 200_000
#: KAFKA_STORAGE_ERROR: clients try again.
STORAGE_ERROR = 56
GROUP = "group-of-the-full"


class Unmountable(Exception):
    """This machine lets nobody mount a file system here."""


class Mount:
    """A small file system in memory."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="durability-full-")
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.path]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            os.rmdir(self.path)
            raise Unmountable(str(error)) from None
        if done.returncode != 0:
            os.rmdir(self.path)
            raise Unmountable(done.stderr.strip())
        return self.path

    def __exit__(self, *_):
        subprocess.run(["umount", self.path], check=True)
        os.rmdir(self.path)


class MountedBroker(Broker):
    """Its data lie on the small file system, its log does not."""

    def __init__(self, program, path, arguments):
        self.path = path
        super().__init__(program, arguments)

    def start(self):
        self.directory = os.path.join(self.path, "data")
        super().start()


class Producer:
    """An idempotent producer that sends what was refused again, as clients do."""

    def __init__(self, connection):
        self.connection, self.identity = connection, producer_identity(connection)
        self.kept = []

    def send(self):
        """The error code."""
        index = len(self.kept)
        records = batch(value(index), producer=(*self.identity, index))
        answer = produce(self.connection, "kept", records)
        if answer.error_code == 0:
            self.kept.append(answer.base_offset)
        return answer.error_code


def value(index):
    return b"%06d" % index + bytes([index % 251]) * RECORD


def commit(connection, offset):
    kind = OffsetCommitRequest.OffsetCommitRequestTopic
    part = kind.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset, committed_leader_epoch=-1, committed_metadata="")
    request = OffsetCommitRequest(
        group_id=GROUP, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None, retention_time_ms=-1,
        topics=[kind(name="kept", partitions=[part])])
    return connection.ask(request, 7).topics[0].partitions[0].error_code


def delete(connection, topic):
    request = DeleteTopicsRequest(topic_names=[topic], timeout_ms=10_000)
    return connection.ask(request, 5).responses[0].error_code


def read(connection):
    """Every value of the topic, by its offset."""
    found, end = {}, list_offset(connection, "kept", -1).offset
    offset = 0
    while offset < end:
        answer = fetch(connection, "kept", offset, partition_most=1_000_000)
        assert answer.error_code == 0, f"Fetch: error {answer.error_code}"
        for one in batches(answer):
            for record in one:
                found[record.offset] = record.value
        assert max(found, default=-1) >= offset, f"nothing is read at {offset}, before {end}"
        offset = max(found) + 1
    return found


def differences(connection, producer):
    expected = {offset: value(index) for index, offset in enumerate(producer.kept)}
    found = read(connection)
    lost = sorted(offset for offset in expected if found.get(offset) != expected[offset])
    more = sorted(found.keys() - expected.keys())
    return ([f"lost or changed: {lost[:5]}"] if lost else []) + ([f"never acknowledged: {more[:5]}"] if more else [])


def full_disk(program, strict):
    """What is wrong, as lines of text, and how many records were kept. Throws Unmountable."""
    with Mount() as path:
        configuration = os.path.join(path, "conf")
        with open(configuration, "w") as file:
            file.write(f"log.flush.strict={'true' if strict else 'false'}\nauto.create.topics.enable=false\n")
        broker = MountedBroker(program, path, ["--config", configuration])
        try:
            return run(broker)
        finally:
            if broker.process.poll() is None:
                broker.kill()
            shutil.rmtree(broker.home, ignore_errors=True)


def run(broker):
    problems, cluster = [], Cluster(broker.servers)
    with Connection(cluster) as connection:
        for topic in ("kept", "bulk"):
            assert create(connection, topic, 1) == 0
        # Deleted, they leave more room than a full broker asks for, however full the file system became: 8 MiB and a quarter.
        for _ in range(60):
            code = produce(connection, "bulk", batch(value(0))).error_code
            assert code == 0, f"the file system is full too early: error {code}"
        producer = Producer(connection)
        code = next(code for code in (producer.send() for _ in range(1000)) if code != 0)
        if code != STORAGE_ERROR:
            problems.append(f"refused with error {code} instead of {STORAGE_ERROR}")
        if producer.send() != STORAGE_ERROR:
            problems.append("not refused again")
        problems += [f"while full: {line}" for line in differences(connection, producer)]
        # Not beyond the end: a start would put that back.
        for offset in (count // 2 for count in range(1, 201)):
            code = commit(connection, offset)
            if code != 0:
                problems.append(f"the commit of offset {offset} while full: error {code}")
                break
        if committed_offset(connection, GROUP, "kept", 0) != 100:
            problems.append("the committed offset is wrong while full")
        refused = len(producer.kept)
        assert delete(connection, "bulk") == 0
        until("the producer goes on with space again", lambda: producer.send() == 0)
        for _ in range(20):
            code = producer.send()
            assert code == 0, f"refused with space again: error {code}"
        problems += [f"with space again: {line}" for line in differences(connection, producer)]
        assert len(producer.kept) == refused + 21
    broker.kill()
    broker.start()
    with Connection(cluster) as connection:
        problems += [f"after the restart: {line}" for line in differences(connection, producer)]
        if committed_offset(connection, GROUP, "kept", 0) != 100:
            problems.append("the committed offset is lost")
    return problems, len(producer.kept)
