"""The few requests of the Kafka protocol that the load tests send themselves, to see what a client library hides: control batches, offsets, exact bytes."""

import socket
import struct


class WireError(Exception):
    pass


class Reader:
    """Reads big-endian values of the protocol from bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, form):
        try:
            values = struct.unpack_from(">" + form, self.data, self.at)
        except struct.error as error:
            raise WireError(f"an answer that ends too early: {error}") from error
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def string(self):
        size = self.take("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def bytes(self):
        size = self.take("i")
        if size < 0:
            return b""
        self.at += size
        return self.data[self.at - size : self.at]

    def array(self, element):
        return [element() for _ in range(max(0, self.take("i")))]


def string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


class Connection:
    """One connection; one request at a time. Raises OSError when it ends, WireError when the broker says no."""

    def __init__(self, port, timeout=30.0, client_id="loadtest"):
        self.client_id = client_id
        self.number = 0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def _receive(self, count):
        data = bytearray(count)
        view = memoryview(data)
        while view:
            got = self.socket.recv_into(view)
            if got == 0:
                raise ConnectionError("the broker closed the connection")
            view = view[got:]
        return bytes(data)

    def request(self, api, version, body):
        self.number += 1
        frame = struct.pack(">hhi", api, version, self.number) + string(self.client_id) + body
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)
        answer = Reader(self._receive(struct.unpack(">i", self._receive(4))[0]))
        if answer.take("i") != self.number:
            raise WireError("an answer to another request")
        return answer

    def api_versions(self):
        answer = self.request(18, 0, b"")
        error = answer.take("h")
        if error:
            raise WireError(f"ApiVersions: error {error}")
        return {api: (low, high) for api, low, high in answer.array(lambda: answer.take("hhh"))}

    def metadata(self, topic):
        """The number of partitions that have a leader."""
        answer = self.request(3, 1, struct.pack(">i", 1) + string(topic))
        answer.array(lambda: (answer.take("i"), answer.string(), answer.take("i"), answer.string()))
        answer.take("i")
        led = 0
        for _ in range(answer.take("i")):
            error, _, _ = answer.take("h"), answer.string(), answer.take("b")
            for _ in range(answer.take("i")):
                partition_error, _, leader = answer.take("hii")
                answer.array(lambda: answer.take("i"))
                answer.array(lambda: answer.take("i"))
                led += 1 if not error and not partition_error and leader >= 0 else 0
        return led

    def end_offset(self, topic, partition):
        body = struct.pack(">ii", -1, 1) + string(topic) + struct.pack(">iiq", 1, partition, -1)
        answer = self.request(2, 1, body)
        answer.take("i"), answer.string(), answer.take("i")
        _, error, _, offset = answer.take("ihqq")
        if error:
            raise WireError(f"ListOffsets of {topic}[{partition}]: error {error}")
        return offset

    def fetch(self, topic, partition, offset, maximum=1 << 20, wait_ms=0, committed=False):
        """(high watermark, last stable offset, aborted transactions as (producer id, first offset), record batches as bytes)"""
        body = struct.pack(">iiiib", -1, wait_ms, 1, maximum, 1 if committed else 0)
        body += struct.pack(">i", 1) + string(topic) + struct.pack(">iiqi", 1, partition, offset, maximum)
        answer = self.request(1, 4, body)
        answer.take("ii"), answer.string(), answer.take("i")
        _, error, high_watermark, last_stable = answer.take("ihqq")
        aborted = answer.array(lambda: answer.take("qq"))
        if error:
            raise WireError(f"Fetch of {topic}[{partition}] at {offset}: error {error}")
        return high_watermark, last_stable, aborted, answer.bytes()
