"""What a broker of the suite's own keeps over kill -9 and over an orderly end."""
import select
import signal
import subprocess
import time

import pytest
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType
from kafka.protocol.metadata import ApiVersionsRequest

from support.cluster import Cluster
from support.membership import committed
from support.processes import Broker, free_port
from support.records import poll_values, read, values, write
from support.transactions import add_offsets, add_partition, commit_offset, end
from support.waiting import until
from support.wire import Connection, batch, is_alive, list_offset, produce, producer_identity

pytestmark = pytest.mark.own_broker


@pytest.fixture
def broker(addresses):
    if not addresses["program"]:
        pytest.skip("the broker under test is given by its address, and not the suite's to kill")
    broker = Broker(addresses["program"])
    yield broker
    broker.remove()


def cluster_of(broker):
    return Cluster(broker.servers, kind="meshbroker")


def create(cluster, topic, partitions=1, **configuration):
    settings = {key.replace("_", "."): str(value) for key, value in configuration.items()}
    cluster.admin().create_topics([NewTopic(topic, partitions, config=settings)], operation_timeout=10)[topic].result(70)


def again(broker, how):
    """Ends and starts it."""
    (broker.kill if how == "kill -9" else broker.stop)()
    broker.start()


HOW = pytest.mark.parametrize("how", ["kill -9", "SIGTERM"])


@HOW
def test_topics_records_configuration_and_group_offsets_are_kept(broker, how):
    cluster = cluster_of(broker)
    create(cluster, "kept", 3, retention_ms=3_600_000)
    create(cluster, "deleted")
    for partition in range(3):
        write(cluster, "kept", [b"%d" % i for i in range(200)], partition, compression_type="zstd")
    cluster.admin().delete_topics(["deleted"], operation_timeout=10)["deleted"].result(70)
    consumer = cluster.consumer("group")
    consumer.commit(offsets=[TopicPartition("kept", 1, 77, "note")], asynchronous=False)
    consumer.close()
    # Acknowledged is not yet synced; the death of the process alone loses nothing that was written.
    again(broker, how)
    assert set(cluster.admin().list_topics(timeout=60).topics) - {"__consumer_offsets", "__transaction_state"} == {"kept"}
    for partition in range(3):
        assert values(read(cluster, "kept", [partition])) == [b"%d" % i for i in range(200)]
    resource = ConfigResource(ResourceType.TOPIC, "kept")
    assert cluster.admin().describe_configs([resource], request_timeout=60)[resource].result(70)["retention.ms"].value == "3600000"
    with Connection(cluster) as connection:
        until("the coordinator", lambda: committed(connection, "group", "kept", (1,))[1].committed_offset == 77)
    assert write(cluster, "kept", [b"next"])[0].offset() == 200


@HOW
def test_producers_duplicates_are_known_afterwards(broker, how):
    cluster = cluster_of(broker)
    create(cluster, "topic")
    with Connection(cluster) as connection:
        identity, epoch = producer_identity(connection)
        sent = [batch(b"%d" % i, producer=(identity, epoch, i)) for i in range(3)]
        for one in sent:
            assert produce(connection, "topic", one).error_code == 0
    again(broker, how)
    with Connection(cluster) as connection:
        assert produce(connection, "topic", sent[2]).base_offset == 2
        assert produce(connection, "topic", batch(b"3", producer=(identity, epoch, 3))).base_offset == 3
        assert producer_identity(connection)[0] > identity, "a producer id was given twice"


@HOW
def test_an_open_transaction_goes_on_and_can_be_committed(broker, how):
    cluster = cluster_of(broker)
    create(cluster, "topic")
    with Connection(cluster) as connection:
        producer = producer_identity(connection, "id")
        add_partition(connection, "id", *producer, "topic")
        produce(connection, "topic", batch(b"open", producer=(*producer, 0), transactional=True), transactional_id="id")
        add_offsets(connection, "id", *producer, "group")
        commit_offset(connection, "id", *producer, "group", "topic", 1)
    again(broker, how)
    assert read(cluster, "topic") == [], "an open transaction is visible"
    with Connection(cluster) as connection:
        assert committed(connection, "group", "topic")[0].committed_offset == -1
        assert end(connection, "id", *producer, commit=True) == 0
        until("the end", lambda: list_offset(connection, "topic", -1, isolation=1).offset == 2)
        until("its offset", lambda: committed(connection, "group", "topic")[0].committed_offset == 1)
    assert values(read(cluster, "topic")) == [b"open"]


def test_an_open_transaction_is_aborted_by_the_next_producer_with_its_id(broker):
    cluster = cluster_of(broker)
    create(cluster, "topic")
    with Connection(cluster) as connection:
        producer = producer_identity(connection, "id")
        add_partition(connection, "id", *producer, "topic")
        produce(connection, "topic", batch(b"open", producer=(*producer, 0), transactional=True), transactional_id="id")
    again(broker, "kill -9")
    write(cluster, "topic", [b"plain"])
    with Connection(cluster) as connection:
        assert producer_identity(connection, "id")[1] > producer[1]
    assert values(read(cluster, "topic")) == [b"plain"]


def test_a_client_goes_on_over_a_kill_without_loss_or_repetition(broker):
    cluster = cluster_of(broker)
    create(cluster, "topic")
    producer = cluster.producer(enable_idempotence=True, linger_ms=1, reconnect_backoff_ms=10, reconnect_backoff_max_ms=100)
    failed = []
    for index in range(3000):
        producer.produce("topic", b"%d" % index, partition=0, on_delivery=lambda error, _: failed.append(error) if error else None)
        producer.poll(0)
        if index in (1000, 2000):
            producer.poll(0.01)
            again(broker, "kill -9")
    assert producer.flush(60) == 0 and failed == []
    assert [int(value) for value in values(read(cluster, "topic"))] == list(range(3000))


def test_a_group_member_goes_on_over_a_kill(broker):
    cluster = cluster_of(broker)
    create(cluster, "topic")
    consumer = cluster.consumer("group", reconnect_backoff_ms=10, reconnect_backoff_max_ms=100)
    found = []

    def reads(count):
        def more():
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                found.append(message.value())
                try:
                    consumer.commit(message=message, asynchronous=False)
                except KafkaException:
                    pass  # The coordinator may be on its way back.
            return len(set(found)) >= count

        until(f"{count} records", more, 90, pause=0)

    try:
        consumer.subscribe(["topic"])
        write(cluster, "topic", [b"%d" % i for i in range(10)])
        reads(10)
        again(broker, "kill -9")
        write(cluster, "topic", [b"%d" % i for i in range(10, 20)])
        reads(20)
    finally:
        consumer.close()


def test_sigterm_ends_it_before_a_waiting_fetch_is_over_and_with_success(broker):
    cluster = cluster_of(broker)
    create(cluster, "topic")
    write(cluster, "topic", [b"v"] * 1000)
    # A client that waits in a long fetch does not hold it up.
    consumer = cluster.consumer(fetch_wait_max_ms=90000, socket_timeout_ms=120000)
    consumer.assign([TopicPartition("topic", 0)])
    # What it has when it has all is a fetch at the end, which waits.
    assert len(poll_values(consumer, 1000)) == 1000
    consumer.poll(0.5)
    began = time.monotonic()
    broker.process.send_signal(signal.SIGTERM)
    assert broker.process.wait(80) == 0
    # No fetch waits for longer than 60 s.
    assert time.monotonic() - began < 40
    consumer.close()


def test_a_second_broker_on_the_same_directory_is_refused_and_the_first_goes_on(broker):
    command = [broker.program, "--data-dir", broker.directory, "--listen", f"127.0.0.1:{free_port()}"]
    second = subprocess.run(command, capture_output=True, timeout=60)
    assert second.returncode != 0 and (second.stderr or second.stdout), "it must say why"
    assert is_alive(cluster_of(broker))


def test_a_port_that_is_taken_is_said(broker, tmp_path):
    second = subprocess.run([broker.program, "--data-dir", str(tmp_path / "d"), "--listen", broker.servers], capture_output=True, timeout=60)
    assert second.returncode != 0 and str(broker.port).encode() in second.stderr + second.stdout


@pytest.fixture
def configured(addresses, tmp_path):
    """`configured(**settings)` starts a broker with these."""
    if not addresses["program"]:
        pytest.skip("the broker under test is given by its address, and not the suite's to configure")
    started = []

    def start(**settings):
        file = tmp_path / f"{len(started)}.conf"
        file.write_text("".join(f"{key.replace('_', '.')}={value}\n" for key, value in settings.items()))
        started.append(Broker(addresses["program"], ["--config", str(file)]))
        return started[-1]

    yield start
    for broker in started:
        broker.remove()


def test_the_longest_interval_is_no_moment_that_overflows(configured):
    assert is_alive(cluster_of(configured(offsets_retention_check_interval_ms=2**63 - 1)))


def test_a_client_that_reads_no_answers_is_closed_like_an_idle_one(configured):
    broker = configured(connections_max_idle_ms=1000)
    with Connection(cluster_of(broker)) as connection:
        connection.socket.setblocking(False)
        try:
            while True:
                connection.send(connection.frame(ApiVersionsRequest(), 0))
        except (BlockingIOError, ConnectionError):
            pass  # Neither side reads: the answers wait in the broker, which may have closed the connection already.
        hangup = select.poll()
        hangup.register(connection.socket, 0)
        until("the broker to close it", lambda: hangup.poll(0))
    assert is_alive(cluster_of(broker))
