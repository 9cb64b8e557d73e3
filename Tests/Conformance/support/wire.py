"""Frames on a bare socket. Messages are encoded and decoded by kafka-python's protocol classes, in the version that the test names."""
import socket
import struct
import time

from kafka.protocol.api_header import RequestHeader
from kafka.protocol.consumer import FetchRequest, ListOffsetsRequest
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from .waiting import until


class Connection:
    """One connection; requests are answered in order."""

    def __init__(self, cluster, timeout=60):
        self.socket = socket.create_connection(cluster.address, timeout)
        self.correlation = 100

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def send_frame(self, payload):
        self.send(struct.pack(">i", len(payload)) + payload)

    def frame(self, request, version):
        """The octets of the next request."""
        self.correlation += 1
        request.API_VERSION = version
        request.with_header(correlation_id=self.correlation, client_id="conformance")
        return request.encode(framed=True, header=True)

    def send_request(self, request, version):
        self.send(self.frame(request, version))
        return request

    def receive_frame(self):
        """The payload of the next frame; None when the broker closed the connection."""
        size = self._receive(4)
        return None if size is None else self._receive(struct.unpack(">i", size)[0])

    def _receive(self, count):
        octets = b""
        while len(octets) < count:
            try:
                more = self.socket.recv(count - len(octets))
            except ConnectionError:
                return None
            if not more:
                return None
            octets += more
        return octets

    def ask(self, request, version):
        """The decoded answer. AssertionError when the connection is closed instead, or octets are left over."""
        sent = self.send_request(request, version)
        payload = self.receive_frame()
        assert payload is not None, f"connection closed on {request.name} version {version}"
        return decode(sent, version, payload, self.correlation)

    def is_closed(self, seconds=60):
        """Whether the broker closes the connection within `seconds`; what it sends before is thrown away."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                if not self.socket.recv(65536):
                    return True
            except ConnectionError:
                return True
            except TimeoutError:
                return False
        return False


def decode(request, version, payload, correlation):
    header = RequestHeader(request_api_key=request.API_KEY, request_api_version=version, correlation_id=correlation, client_id="")
    response = header.get_response_class()
    # ApiVersions answers with the old header in every version, so that all clients can read it.
    flexible = request.name != "ApiVersionsRequest" and response.flexible_version_q(version)
    assert struct.unpack(">i", payload[:4])[0] == correlation, "the answer is to another request"
    if flexible:
        assert payload[4] == 0, "unexpected tagged fields in a response header"
    # Whoever asks for a version that it does not have is answered in the first one.
    if request.name == "ApiVersionsRequest" and payload[4:6] == b"\0\x23":
        version = 0
    # What it decodes by itself does not say where it ended.
    body = response.flexible_version_q(version)
    reader = response._struct.compiled_decode_from(version, compact=body, tagged=body, data_class=response[None])
    answer, end = reader(memoryview(payload), 5 if flexible else 4)
    assert end == len(payload), f"{len(payload) - end} octets are left over in the answer to {request.name} version {version}"
    return answer


def advertised(connection, version=3):
    """What ApiVersions says: {key: (lowest, highest)}."""
    request = ApiVersionsRequest(client_software_name="conformance", client_software_version="1")
    answer = connection.ask(request, version)
    assert answer.error_code == 0
    return {api.api_key: (api.min_version, api.max_version) for api in answer.api_keys}


def is_alive(cluster):
    """Whether the broker still answers a new connection."""
    with Connection(cluster) as connection:
        return len(advertised(connection)) > 10


def batch(*values, producer=(-1, -1, -1), transactional=False, codec=0, timestamp=None, keys=True):
    """One record batch. `producer` is id, epoch and first sequence number."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    builder = MemoryRecordsBuilder(magic=2, compression_type=codec, batch_size=10_000_000)
    if producer[0] >= 0:
        builder.set_producer_state(*producer, transactional)
    for index, value in enumerate(values):
        builder.append(timestamp + index, b"k" if keys else None, value, [])
    builder.close()
    return bytes(builder.buffer())


def produce(connection, topic, records, partition=0, acks=-1, version=9, transactional_id=None, timeout=10_000):
    """One partition's answer to Produce (error_code, base_offset, log_append_time_ms, log_start_offset)."""
    partition_data = ProduceRequest.TopicProduceData.PartitionProduceData(index=partition, records=records)
    data = ProduceRequest.TopicProduceData(name=topic, partition_data=[partition_data])
    request = ProduceRequest(transactional_id=transactional_id, acks=acks, timeout_ms=timeout, topic_data=[data])
    if acks == 0:
        return connection.send_request(request, version)
    return connection.ask(request, version).responses[0].partition_responses[0]


def fetch(connection, topic, offset=0, partition=0, wait=0, least=1, most=50_000_000, partition_most=50_000_000, isolation=0, version=11, epoch=-1):
    """One partition's answer to Fetch, with its record batches."""
    partitions = partition if isinstance(partition, (list, tuple)) else [partition]
    one = FetchRequest.FetchTopic.FetchPartition
    asked = [
        one(partition=p, current_leader_epoch=epoch, fetch_offset=offset, last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=partition_most)
        for p in partitions
    ]
    request = FetchRequest(
        replica_id=-1, max_wait_ms=wait, min_bytes=least, max_bytes=most, isolation_level=isolation, session_id=0, session_epoch=-1,
        topics=[FetchRequest.FetchTopic(topic=topic, partitions=asked)], forgotten_topics_data=[], rack_id="",
    )
    answers = connection.ask(request, version).responses[0].partitions
    return answers if isinstance(partition, (list, tuple)) else answers[0]


def batches(answer):
    """The batches of a partition's answer to Fetch."""
    records, found = MemoryRecords(bytes(answer.records or b"")), []
    while records.has_next():
        found.append(records.next_batch())
    return found


def list_offset(connection, topic, timestamp, partition=0, version=7, isolation=0):
    one = ListOffsetsRequest.ListOffsetsTopic
    asked = one(name=topic, partitions=[one.ListOffsetsPartition(partition_index=partition, current_leader_epoch=-1, timestamp=timestamp)])
    request = ListOffsetsRequest(replica_id=-1, isolation_level=isolation, topics=[asked])
    return connection.ask(request, version).topics[0].partitions[0]


def producer_identity(connection, transactional_id=None, timeout=60_000, version=4, identity=(-1, -1)):
    """Id and epoch from InitProducerId; waits while the coordinator ends an earlier transaction."""
    def answer():
        request = InitProducerIdRequest(
            transactional_id=transactional_id, transaction_timeout_ms=timeout, producer_id=identity[0], producer_epoch=identity[1])
        answer = connection.ask(request, version)
        return answer if answer.error_code not in (14, 15, 16, 51) else None

    answer = until("an answer of the transaction coordinator", answer)
    assert answer.error_code == 0, f"InitProducerId: error {answer.error_code}"
    return answer.producer_id, answer.producer_epoch


def metadata(connection, *topics, version=9, create=False):
    asked = [MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics]
    return connection.ask(MetadataRequest(topics=asked, allow_auto_topic_creation=create), version)
