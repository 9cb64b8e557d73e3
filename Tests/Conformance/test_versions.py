"""ApiVersions, and that every advertised version of every request is answered in that version."""
import struct

import pytest
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest

from support.every_request import requests_of
from support.wire import Connection, advertised, is_alive

# What the issue of the broker lists, with versions that each client under test needs.
NEEDED = {
    0: "Produce", 1: "Fetch", 2: "ListOffsets", 3: "Metadata", 8: "OffsetCommit", 9: "OffsetFetch", 10: "FindCoordinator", 11: "JoinGroup",
    12: "Heartbeat", 13: "LeaveGroup", 14: "SyncGroup", 15: "DescribeGroups", 16: "ListGroups", 17: "SaslHandshake", 18: "ApiVersions", 19: "CreateTopics",
    20: "DeleteTopics", 21: "DeleteRecords", 22: "InitProducerId", 23: "OffsetForLeaderEpoch", 24: "AddPartitionsToTxn", 25: "AddOffsetsToTxn",
    26: "EndTxn", 28: "TxnOffsetCommit", 29: "DescribeAcls", 30: "CreateAcls", 31: "DeleteAcls", 32: "DescribeConfigs", 33: "AlterConfigs",
    36: "SaslAuthenticate", 37: "CreatePartitions", 42: "DeleteGroups", 44: "IncrementalAlterConfigs", 47: "OffsetDelete", 60: "DescribeCluster",
}
# Advertised only once they are right.
LATER = {50: "DescribeUserScramCredentials", 68: "ConsumerGroupHeartbeat", 66: "ListTransactions", 71: "GetTelemetrySubscriptions"}
UNSUPPORTED_VERSION = 35


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_every_version_of_api_versions_names_all_requests(cluster, version):
    with Connection(cluster) as connection:
        found = advertised(connection, version)
    assert {key: name for key, name in NEEDED.items() if key not in found} == {}


def test_requests_that_are_not_right_yet_are_not_advertised(cluster):
    with Connection(cluster) as connection:
        found = advertised(connection)
    assert {name for key, name in LATER.items() if key in found} == set()


def test_an_unknown_version_of_api_versions_is_answered_in_version_0_with_error_35_and_the_versions(cluster):
    with Connection(cluster) as connection:
        # Flexible header of a future client: api key, version 99, correlation id, client id, no tags; a body that nobody here can read.
        connection.send_frame(struct.pack(">hhih", 18, 99, 7, 4) + b"late" + b"\x00" + b"\xff\xfe\xfd")
        payload = connection.receive_frame()
        assert payload is not None, "connection closed; the client cannot downgrade"
        correlation, error, count = struct.unpack(">ihi", payload[:10])
        assert (correlation, error) == (7, UNSUPPORTED_VERSION)
        keys = {struct.unpack(">hhh", payload[10 + 6 * i: 16 + 6 * i])[0] for i in range(count)}
        assert 18 in keys
        # The same connection goes on.
        assert 3 in advertised(connection, 0)


def test_api_versions_with_an_invalid_client_name_is_refused_and_the_connection_goes_on(cluster):
    with Connection(cluster) as connection:
        connection.send_request(ApiVersionsRequest(client_software_name="not a name!", client_software_version="1"), 3)
        # Read by hand: kafka-python cannot read an answer that names no request, as Kafka's does here.
        assert connection.receive_frame()[4:6] == b"\x00\x2a"  # INVALID_REQUEST
        assert 3 in advertised(connection)


@pytest.mark.parametrize("key,version", [(3, 99), (1, 99), (11, 99), (68, 0), (999, 0), (-1, 0)])
def test_a_request_that_is_not_advertised_closes_the_connection(cluster, key, version):
    with Connection(cluster) as connection:
        connection.send_frame(struct.pack(">hhih", key, version, 1, -1) + b"\x00" * 16)
        assert connection.is_closed(), "neither answered nor closed"
    assert is_alive(cluster)


def test_a_request_without_api_versions_before_is_answered(cluster):
    """Old clients and bare scripts begin with Metadata."""
    with Connection(cluster) as connection:
        assert len(connection.ask(MetadataRequest(topics=[]), 1).brokers) >= 1


@pytest.mark.parametrize("key", sorted(NEEDED), ids=lambda key: NEEDED[key])
def test_every_advertised_version_is_answered_in_that_version(cluster, name, key):
    with Connection(cluster) as connection:
        lowest, highest = advertised(connection)[key]
    lowest = max(lowest, 3) if key == 0 else lowest  # Kafka 4 advertises older versions of Produce for librdkafka's sake, and refuses them.
    tried = 0
    for version in range(lowest, highest + 1):
        for request in requests_of(key, version, name):
            with Connection(cluster) as connection:
                connection.ask(request, version)
                tried += 1
    assert tried > 0, "no version that this suite can encode"
