"""kcat (Debian's librdkafka 2.0.2) behaves as with Kafka."""
import json
import re
import subprocess
import time

import pytest
from confluent_kafka import TopicPartition

from support.records import Record, read, values, write
from support.waiting import until


def kcat(cluster, *arguments, input=None, timeout=90, check=True):
    """Standard output; AssertionError with standard error when it fails."""
    command = ["kcat", *arguments, *cluster.kcat_options()]
    done = subprocess.run(command, input=input, capture_output=True, timeout=timeout)
    assert not check or done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_metadata_is_listed(cluster, topic):
    made = topic(partitions=3)
    text = kcat(cluster, "-L", "-t", made).decode()
    assert re.search(r"\d+ brokers:\n  broker -?\d+ at [^\n]+ \(controller\)", text)
    assert f'topic "{made}" with 3 partitions:' in text
    assert len(re.findall(r"    partition \d, leader \d+, replicas: \d+, isrs: \d+\n", text)) == 3


def test_metadata_of_everything_is_listed_as_json(cluster, topic):
    made = topic(partitions=2)
    listed = json.loads(kcat(cluster, "-L", "-J"))
    partitions = {t["topic"]: t["partitions"] for t in listed["topics"]}[made]
    assert [p["partition"] for p in partitions] == [0, 1] and all(p["leader"] == p["isrs"][0]["id"] for p in partitions)
    assert listed["brokers"][0]["name"].rpartition(":")[2].isdigit()


def test_lines_are_produced_and_consumed(cluster, topic):
    made = topic()
    kcat(cluster, "-P", "-t", made, "-p", "0", input=b"one\ntwo\nthree\n")
    assert kcat(cluster, "-C", "-q", "-e", "-t", made) == b"one\ntwo\nthree\n"


def test_keys_headers_nulls_and_times_are_produced_and_formatted(cluster, topic):
    made = topic()
    kcat(cluster, "-P", "-t", made, "-p", "0", "-K", ":", "-Z", "-H", "a=1", "-H", "b=2", input=b"key:value\ngone:\n")
    text = kcat(cluster, "-C", "-q", "-e", "-Z", "-t", made, "-f", r"%o|%k|%s|%h|%p|%S|%T\n").decode().splitlines()
    fields = [line.split("|") for line in text]
    assert fields[0][:6] == ["0", "key", "value", "a=1,b=2", "0", "5"] and abs(int(fields[0][6]) / 1000 - time.time()) < 60
    assert fields[1][:6] == ["1", "gone", "NULL", "a=1,b=2", "0", "-1"]
    assert [message.value() for message in read(cluster, made)] == [b"value", None]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_by_kcat_read_by_all(cluster, topic, codec):
    from support.records import READERS

    made = topic()
    lines = [b"line %d of the same text again" % i for i in range(200)]
    kcat(cluster, "-P", "-t", made, "-p", "0", "-z", codec, input=b"\n".join(lines))
    for reader in READERS:
        assert [record.value for record in reader.read(cluster, made, 200)] == lines, f"read by {reader.name}"


@pytest.mark.parametrize("start,expected", [("beginning", "0123456789"), ("4", "456789"), ("-3", "789"), ("end", "")])
def test_consuming_begins_where_it_is_told(cluster, topic, start, expected):
    made = topic()
    write(cluster, made, [b"%d" % i for i in range(10)])
    assert kcat(cluster, "-C", "-q", "-e", "-t", made, "-p", "0", "-o", start, "-f", "%s").decode() == expected


def test_consuming_between_two_times(cluster, topic):
    made = topic(retention_ms=-1)
    start = 1_650_000_000_000
    write(cluster, made, [Record(None, b"%d" % i, timestamp=start + 1000 * i) for i in range(10)])
    text = kcat(cluster, "-C", "-q", "-e", "-t", made, "-p", "0", "-o", f"s@{start + 3000}", "-o", f"e@{start + 6000}", "-f", "%s")
    assert text == b"345"


def test_consuming_a_count_ends_by_itself(cluster, topic):
    made = topic()
    write(cluster, made, [b"%d" % i for i in range(10)])
    assert kcat(cluster, "-C", "-q", "-c", "4", "-t", made, "-o", "beginning") == b"0\n1\n2\n3\n"


def test_offsets_are_queried_by_time(cluster, topic):
    made = topic(retention_ms=-1)
    start = 1_650_000_000_000
    write(cluster, made, [Record(None, b"v", timestamp=start + 1000 * i) for i in range(10)])
    asked = {-2: 0, -1: 10, start: 0, start + 4500: 5, start + 9000: 9}
    for time_asked, offset in asked.items():
        text = kcat(cluster, "-Q", "-t", f"{made}:0:{time_asked}").decode()
        assert text.strip() == f"{made} [0] offset {offset}"
    # After the last record: the end.
    assert re.search(rf"{made} \[0\] offset (-1|10)", kcat(cluster, "-Q", "-t", f"{made}:0:{start + 99_000}").decode())


def test_a_group_consumes_and_commits(cluster, topic, group, closing):
    made, name = topic(partitions=2), group()
    for partition in (0, 1):
        write(cluster, made, [b"%d-%d" % (partition, i) for i in range(5)], partition)
    options = ["-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=12000"]
    text = kcat(cluster, "-q", "-c", "10", *options, "-G", name, made)
    assert sorted(text.split()) == sorted(b"%d-%d" % (p, i) for p in (0, 1) for i in range(5))
    found = closing(cluster.consumer(name)).committed([TopicPartition(made, 0), TopicPartition(made, 1)], timeout=60)
    assert [p.offset for p in found] == [5, 5]


@pytest.mark.slow
def test_a_killed_group_member_is_taken_over_by_kcat(cluster, topic, group):
    made, name = topic(), group()
    command = ["kcat", "-q", "-u", "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=12000", *cluster.kcat_options(), "-G", name, made]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        write(cluster, made, [b"first"])
        assert first.stdout.readline() == b"first\n"
    finally:
        first.kill()
        first.communicate(timeout=60)
    write(cluster, made, [b"second"])
    text = kcat(cluster, "-q", "-c", "1", "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=12000", "-G", name, made)
    assert text in (b"first\n", b"second\n")  # The first was perhaps not committed yet.


def test_a_transaction_is_committed_at_the_end_of_the_input(cluster, topic, name):
    made = topic()
    kcat(cluster, "-P", "-t", made, "-p", "0", "-X", f"transactional.id={name}", input=b"a\nb\n")
    assert values(read(cluster, made)) == [b"a", b"b"]


def test_an_idempotent_producer_with_all_acknowledgements(cluster, topic):
    made = topic()
    kcat(cluster, "-P", "-t", made, "-p", "0", "-X", "enable.idempotence=true", "-X", "acks=all", input=b"".join(b"%d\n" % i for i in range(1000)))
    assert values(read(cluster, made)) == [b"%d" % i for i in range(1000)]


def test_a_record_that_is_too_large_is_reported(cluster, topic):
    made = topic(max_message_bytes=1000)
    done = subprocess.run(
        ["kcat", "-P", "-t", made, "-p", "0", *cluster.kcat_options()], input=b"x" * 5000, capture_output=True, timeout=90)
    assert done.returncode != 0 and b"Message size too large" in done.stderr


def test_an_unknown_topic_is_reported(cluster, name):
    done = subprocess.run(
        ["kcat", "-C", "-e", "-t", name, "-X", "allow.auto.create.topics=false", *cluster.kcat_options()], capture_output=True, timeout=90)
    assert done.returncode != 0 and b"Unknown topic" in done.stderr


def test_records_that_come_later_are_followed(cluster, topic):
    made = topic()
    follower = subprocess.Popen(["kcat", "-C", "-q", "-u", "-t", made, "-o", "beginning", *cluster.kcat_options()], stdout=subprocess.PIPE)
    try:
        for index in range(3):
            write(cluster, made, [b"%d" % index])
            assert until("the line", follower.stdout.readline) == b"%d\n" % index
    finally:
        follower.kill()
        follower.communicate(timeout=60)


def test_kcat_uses_debians_librdkafka():
    assert b"librdkafka 2.0.2" in subprocess.run(["kcat", "-V"], capture_output=True, timeout=60).stdout
