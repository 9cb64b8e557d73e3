"""Debian's librdkafka 2.0.2, which the bots link: administration and transactions (kcat covers the rest)."""
import shutil
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from support.records import read, values, write
from support.waiting import until

SOURCE = Path(__file__).parent / "native" / "debian_librdkafka.c"


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    assert shutil.which("cc"), "no C compiler; deploy/bootstrap.sh installs one"
    binary = tmp_path_factory.mktemp("native") / "debian_librdkafka"
    subprocess.run(["cc", "-O1", "-Wall", "-o", binary, SOURCE, "-lrdkafka"], check=True, timeout=60)
    return binary


@pytest.fixture
def call(program, cluster):
    """`call("create", topic, 3)` gives the words of the answer."""
    def run(*arguments):
        done = subprocess.run([program, cluster.servers, *map(str, arguments)], capture_output=True, timeout=310, text=True)
        assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
        return done.stdout.split()

    return run


def test_topics_are_created_extended_and_deleted(call, admin, name):
    assert call("create", name, 2, "retention.ms=60000") == ["ok"]
    assert call("create", name, 2)[2] == "TOPIC_ALREADY_EXISTS"
    assert call("describe-configs", name, "retention.ms", "cleanup.policy") == ["ok", "60000", "delete"]
    assert call("partitions", name, 4) == ["ok"]
    assert call("partitions", name, 3)[2] == "INVALID_PARTITIONS"
    assert len(admin.list_topics(name, timeout=60).topics[name].partitions) == 4
    assert call("delete", name) == ["ok"]
    assert call("delete", name)[2] == "UNKNOWN_TOPIC_OR_PART"


def test_wrong_topics_have_the_right_errors(call, name):
    assert call("create", "a b", 1)[2] == "TOPIC_EXCEPTION"
    assert call("create", name, 1, "no.such.key=1")[2] == "INVALID_CONFIG"
    assert call("describe-configs", name, "retention.ms")[2] == "UNKNOWN_TOPIC_OR_PART"


def test_the_older_alter_configs_resets_what_it_does_not_name(call, topic):
    made = topic(retention_ms=60000)
    assert call("alter-configs", made, "max.message.bytes=5000") == ["ok"]
    assert call("describe-configs", made, "max.message.bytes", "retention.ms") == ["ok", "5000", "604800000"]
    assert call("alter-configs", made, "retention.ms=soon")[2] == "INVALID_CONFIG"


def test_records_are_deleted_and_watermarks_and_times_found(call, cluster, topic):
    made = topic()
    delivered = write(cluster, made, [b"%d" % i for i in range(10)])
    assert call("delete-records", made, 0, 4) == ["ok", "4"]
    assert call("watermarks", made, 0, delivered[0].timestamp()[1]) == ["ok", "4", "10", "4"]
    assert call("delete-records", made, 0, 11)[2] == "OFFSET_OUT_OF_RANGE"


def test_groups_are_listed_described_and_deleted(call, cluster, topic, group, closing):
    made, name = topic(partitions=2), group()
    consumer = cluster.consumer(name, client_id="somebody")
    try:
        consumer.subscribe([made])
        until("its assignment", lambda: consumer.poll(0.05) is None and len(consumer.assignment()) == 2)
        assert call("describe-group", name) == ["ok", "Stable", "range", "somebody:2"]
        assert f"{name}:Stable" in call("list-groups")
        assert call("delete-group", name)[2] == "NON_EMPTY_GROUP"
    finally:
        consumer.close()
    assert call("describe-group", name)[:2] == ["ok", "Empty"]
    assert call("delete-group", name) == ["ok"]
    assert call("delete-group", name)[2] == "GROUP_ID_NOT_FOUND"


def test_group_offsets_are_listed_altered_and_deleted(call, cluster, topic, group):
    made, name = topic(partitions=2), group()
    assert call("alter-offsets", name, made, 1, 17) == ["ok", f"{made}:1:17"]
    assert call("list-offsets", name) == ["ok", f"{made}:1:17"]
    assert call("delete-offsets", name, made, 1)[0] == "ok"
    assert call("list-offsets", name) == ["ok"]


def test_a_transaction_is_committed_another_aborted(call, cluster, topic, name):
    made = topic()
    assert call("transaction", name, made, "abort", "x", "y") == ["ok"]
    assert call("transaction", name, made, "commit", "a", "b") == ["ok"]
    assert values(read(cluster, made)) == [b"a", b"b"]
    assert values(read(cluster, made, isolation_level="read_uncommitted")) == [b"x", b"y", b"a", b"b"]


def test_a_second_producer_fences_the_first(call, cluster, topic, name):
    made = topic()
    answer = call("fence", name, made)
    assert answer[0] == "error" and "fatal" in answer
    assert read(cluster, made) == []


def test_records_and_their_offset_move_in_one_transaction(call, cluster, topic, group, name, closing):
    source, target, group_name = topic(), topic(), group()
    write(cluster, source, [b"%d" % i for i in range(20)])
    assert call("move", name, group_name, source, target, 20) == ["ok"]
    assert values(read(cluster, target)) == [b"%d" % i for i in range(20)]
    assert closing(cluster.consumer(group_name)).committed([TopicPartition(source, 0)], timeout=60)[0].offset == 20


def test_access_control_without_it_is_security_disabled(call, topic):
    """The plain listener of a broker without an authorizer. Brokers that have one pass the tests of test_security.py instead."""
    answer = call("acl", "describe", topic(), "User:nobody")
    assert answer[0] == "ok" or answer[2] == "SECURITY_DISABLED"
