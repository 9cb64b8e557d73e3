"""Malformed, truncated and oversized requests: an error or a closed connection, and the broker goes on."""
import random
import socket
import struct

import pytest
from kafka.protocol.metadata import MetadataRequest

from support.waiting import until
from support.wire import Connection, advertised, batch, fetch, is_alive, produce

HEADER = struct.pack(">hhih", 3, 9, 5, 4) + b"test" + b"\x00"  # Metadata, version 9, flexible

BROKEN = {
    "empty frame": struct.pack(">i", 0),
    "negative size": struct.pack(">i", -1),
    "smallest size": struct.pack(">i", -(2**31)),
    "size of 2 GiB": struct.pack(">i", 2**31 - 1) + b"\x00" * 100,
    "size of 200 MiB": struct.pack(">i", 200 << 20) + b"\x00" * 100,
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "header cut": struct.pack(">i", 6) + struct.pack(">hhh", 3, 9, 0),
    "client id longer than the frame": struct.pack(">i", 10) + struct.pack(">hhih", 3, 1, 5, 3000),
    "body missing": struct.pack(">i", len(HEADER)) + HEADER,
    "array longer than the frame": struct.pack(">i", len(HEADER) + 5) + HEADER + b"\xff\xff\xff\xff\x07",
    "string longer than the frame": struct.pack(">i", len(HEADER) + 3) + HEADER + b"\x02\xff\x7f",
    "varint without an end": struct.pack(">i", len(HEADER) + 12) + HEADER + b"\xff" * 12,
    "tag with a huge size": struct.pack(">i", len(HEADER) + 10) + HEADER + b"\x01\x01\x01\x00" + b"\x01\x05\xff\xff\xff\x07",
    "old array of 2^31-1 topics": struct.pack(">i", 14) + struct.pack(">hhih", 3, 1, 5, -1) + struct.pack(">i", 2**31 - 1),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_frame_closes_the_connection_and_the_broker_goes_on(cluster, kind):
    with Connection(cluster) as connection:
        connection.send(BROKEN[kind])
        # A frame that only waits for the rest of itself ends with the client's own close.
        connection.socket.shutdown(socket.SHUT_WR)
        assert connection.is_closed(), "the connection stays open"
    assert is_alive(cluster)


@pytest.mark.parametrize("kind", ["negative size", "size of 2 GiB", "size of 200 MiB"])
def test_an_impossible_size_is_refused_at_once_and_not_waited_for(cluster, kind):
    with Connection(cluster) as connection:
        connection.send(BROKEN[kind])
        assert connection.is_closed(), "the broker waits for the rest"
    assert is_alive(cluster)


def test_a_frame_that_comes_octet_by_octet_is_answered(cluster):
    with Connection(cluster) as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = MetadataRequest(topics=[], allow_auto_topic_creation=False)
        request.API_VERSION = 9
        request.with_header(correlation_id=77, client_id="slow")
        for octet in request.encode(framed=True, header=True):
            connection.send(bytes([octet]))
        assert struct.unpack(">i", connection.receive_frame()[:4])[0] == 77


def test_pipelined_requests_are_answered_in_order(cluster, topic):
    made = topic()
    with Connection(cluster) as connection:
        for index in range(50):
            produce_one = index % 2 == 0
            if produce_one:
                connection.send_request(_produce(made), 9)
            else:
                connection.send_request(MetadataRequest(topics=[], allow_auto_topic_creation=False), 9)
        numbers = [struct.unpack(">i", connection.receive_frame()[:4])[0] for _ in range(50)]
        assert numbers == sorted(numbers)
        assert fetch(connection, made).high_watermark == 25


def _produce(topic):
    from kafka.protocol.producer import ProduceRequest

    data = ProduceRequest.TopicProduceData
    part = data.PartitionProduceData(index=0, records=batch(b"v"))
    return ProduceRequest(transactional_id=None, acks=-1, timeout_ms=1000, topic_data=[data(name=topic, partition_data=[part])])


def test_a_client_that_goes_away_in_the_middle_of_a_frame_leaves_nothing_behind(cluster, topic):
    made = topic()
    for _ in range(20):
        with Connection(cluster) as connection:
            request = _produce(made)
            request.API_VERSION = 9
            request.with_header(correlation_id=1, client_id="gone")
            whole = request.encode(framed=True, header=True)
            connection.send(whole[: len(whole) // 2])
    with Connection(cluster) as connection:
        assert fetch(connection, made).high_watermark == 0


def test_a_client_that_goes_away_while_its_fetch_waits_leaves_the_broker_well(cluster, topic):
    made = topic()
    for _ in range(10):
        with Connection(cluster) as connection:
            from kafka.protocol.consumer import FetchRequest

            part = FetchRequest.FetchTopic.FetchPartition(
                partition=0, current_leader_epoch=-1, fetch_offset=0, last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=1000)
            connection.send_request(
                FetchRequest(
                    replica_id=-1, max_wait_ms=2000, min_bytes=1, max_bytes=1000, isolation_level=0, session_id=0, session_epoch=-1,
                    topics=[FetchRequest.FetchTopic(topic=made, partitions=[part])], forgotten_topics_data=[], rack_id=""), 11)
    with Connection(cluster) as connection:
        assert produce(connection, made, batch(b"v")).error_code == 0
        assert fetch(connection, made).high_watermark == 1


def test_random_frames_with_a_right_header_do_no_harm(cluster):
    source = random.Random(4711)
    for key in [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 32, 33, 37, 42, 44, 47, 60]:
        for _ in range(6):
            with Connection(cluster, timeout=30) as connection:
                header = struct.pack(">hhih", key, source.randrange(0, 8), source.randrange(2**31), -1)
                # Names of what exists are too unlikely for this to change anything.
                connection.send_frame(header + bytes(source.choice([0, 0, 0, 1, 2, 255, source.randrange(256)]) for _ in range(source.randrange(60))))
                connection.socket.shutdown(socket.SHUT_WR)
                assert connection.is_closed(30)
    assert is_alive(cluster)


DAMAGE = {
    "checksum": lambda b: b[:17] + bytes([b[17] ^ 1]) + b[18:],
    "content": lambda b: b[:-1] + bytes([b[-1] ^ 1]),
    "length too large": lambda b: b[:8] + struct.pack(">i", len(b) + 1000) + b[12:],
    "length negative": lambda b: b[:8] + struct.pack(">i", -5) + b[12:],
    "cut": lambda b: b[: len(b) // 2],
    "magic 9": lambda b: b[:16] + b"\x09" + b[17:],
}


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_a_damaged_batch_is_refused_and_nothing_is_stored(cluster, topic, kind):
    made = topic()
    with Connection(cluster) as connection:
        try:
            answer = produce(connection, made, DAMAGE[kind](batch(b"one", b"two", b"three")))
            # CORRUPT_MESSAGE, INVALID_RECORD, UNSUPPORTED_FOR_MESSAGE_FORMAT, or what the client sent is not a request at all.
            assert answer.error_code in (2, 42, 43, 87), f"error {answer.error_code}"
        except AssertionError as error:
            assert "connection closed" in str(error), error
    with Connection(cluster) as connection:
        assert fetch(connection, made).high_watermark == 0
        assert produce(connection, made, batch(b"whole")).base_offset == 0


def test_a_hundred_connections_are_served_at_once(cluster):
    connections = [Connection(cluster) for _ in range(100)]
    try:
        for connection in connections:
            connection.send_request(MetadataRequest(topics=[], allow_auto_topic_creation=False), 9)
        assert all(connection.receive_frame() for connection in connections)
    finally:
        for connection in connections:
            connection.socket.close()
    until("a new client is served", lambda: is_alive(cluster))


def test_a_tagged_field_that_nobody_knows_is_skipped(cluster):
    with Connection(cluster) as connection:
        # Metadata version 9 of no topic, with tag 77 of three octets in the header and in the body.
        tag = b"\x01\x4d\x03abc"
        connection.send_frame(struct.pack(">hhih", 3, 9, 5, 4) + b"test" + tag + b"\x01\x00\x00\x00" + tag)
        payload = connection.receive_frame()
        assert payload is not None and struct.unpack(">i", payload[:4])[0] == 5
        assert 3 in advertised(connection)
