"""The fault port of meshbroker: what tests and chaos make go wrong with it, and how clients meet that."""
import time
import urllib.error
import urllib.request

import pytest
from confluent_kafka import KafkaError, KafkaException

from support.cluster import Cluster
from support.processes import Broker, answers, free_port
from support.records import read, values, write
from support.waiting import until
from support.wire import Connection, is_alive

pytestmark = pytest.mark.own_broker


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def broker(addresses, port):
    if not addresses["program"]:
        pytest.skip("only meshbroker has a fault port")
    broker = Broker(addresses["program"], ["--fault-port", str(port)])
    answers(port, 60, broker.process)
    yield broker
    broker.remove()


@pytest.fixture
def faulty(broker):
    return Cluster(broker.servers, kind="meshbroker")


@pytest.fixture
def fault(broker, port):
    """`fault("delay?api=Fetch&ms=5")`; whatever is left is taken back after the test."""

    def ask(what):
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{what}", data=b"", method="POST"), timeout=60) as answer:
            return answer.status

    yield ask
    ask("clear")


def test_a_failed_produce_is_retried_and_arrives_once(faulty, fault, name):
    write(faulty, name, [b"before"])
    fault("fail?api=Produce&error=7&count=2")  # REQUEST_TIMED_OUT
    write(faulty, name, [b"after"], enable_idempotence=True)
    assert values(read(faulty, name)) == [b"before", b"after"]


def test_an_error_that_is_final_reaches_the_producer(faulty, fault, name):
    write(faulty, name, [b"before"])
    fault("fail?api=Produce&error=29&count=1")
    with pytest.raises(KafkaException) as caught:
        write(faulty, name, [b"refused"])
    assert caught.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert values(read(faulty, name)) == [b"before"]


def test_a_dropped_request_costs_the_connection_and_no_record(faulty, fault, name):
    fault("drop?api=Produce&count=1")
    write(faulty, name, [b"v"], enable_idempotence=True)
    assert values(read(faulty, name)) == [b"v"]


def test_a_delay_holds_the_named_requests_up_and_no_others(faulty, fault, name):
    write(faulty, name, [b"v"])
    fault("delay?api=Produce&ms=700&count=1")
    # It would take the delay upon itself.
    assert is_alive(faulty)
    begin = time.monotonic()
    write(faulty, name, [b"w"])
    assert time.monotonic() - begin >= 0.7


def test_only_the_meant_client_is_hit(faulty, fault, name):
    fault("fail?api=Produce&error=29&client=victim")
    write(faulty, name, [b"v"], client_id="bystander")
    with pytest.raises(KafkaException):
        write(faulty, name, [b"w"], client_id="victim-1")


def test_a_frozen_broker_goes_on_where_it_was(faulty, fault, name):
    write(faulty, name, [b"v"])
    begin = time.monotonic()
    fault("freeze?ms=800")
    write(faulty, name, [b"w"])
    assert time.monotonic() - begin >= 0.8
    assert values(read(faulty, name)) == [b"v", b"w"]


def test_a_cut_ends_the_connections_of_the_meant_clients(faulty, fault):
    from kafka.protocol.metadata import MetadataRequest

    with Connection(faulty) as connection:
        # Its client id is known from its first request on.
        connection.ask(MetadataRequest(topics=[], allow_auto_topic_creation=False), 9)
        fault("cut?client=somebody-else")
        connection.ask(MetadataRequest(topics=[], allow_auto_topic_creation=False), 9)
        fault("cut?client=conformance")
        assert connection.is_closed()


@pytest.mark.parametrize(
    "wrong", ["delay?api=Nothing&ms=1", "delay?api=Fetch", "delay?ms=-1", "fail?api=Produce", "fail?error=7", "drop?count=0", "freeze?ms=x", "power-cut"])
def test_a_wrong_command_is_refused_with_a_reason(fault, wrong):
    with pytest.raises(urllib.error.HTTPError) as caught:
        fault(wrong)
    assert caught.value.code == 400 and len(caught.value.read()) > 10


def asked(port, path):
    """What the health port says; None while its broker is too busy for it."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        if error.code == 503 and b"the broker does not answer" in error.read():
            return None
        raise


def test_a_client_that_goes_while_its_fetch_waits_is_let_go(addresses):
    from kafka.protocol.consumer import FetchRequest

    if not addresses["program"]:
        pytest.skip("the suite did not start the broker")
    port = free_port()
    broker = Broker(addresses["program"], ["--health-port", str(port)])
    try:
        answers(port, 60, broker.process)
        cluster = Cluster(broker.servers, kind="meshbroker")
        write(cluster, "quiet", [b"v"])

        def gauge(name):
            text = until("the metrics", lambda: asked(port, "/metrics"))
            return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))

        def waiting_fetch():
            part = FetchRequest.FetchTopic.FetchPartition(
                partition=0, current_leader_epoch=-1, fetch_offset=1, last_fetched_epoch=-1, log_start_offset=-1, partition_max_bytes=1000)
            connection = Connection(cluster)
            connection.send_request(FetchRequest(
                replica_id=-1, max_wait_ms=2**31 - 1, min_bytes=1, max_bytes=1000, isolation_level=0, session_id=0, session_epoch=-1,
                topics=[FetchRequest.FetchTopic(topic="quiet", partitions=[part])], forgotten_topics_data=[], rack_id=""), 11)
            return connection

        waiting = [waiting_fetch() for _ in range(20)]
        until("all wait", lambda: gauge("kafka_waiting_fetches") >= 20)
        for connection in waiting:
            connection.socket.close()
        # No fetch waits for longer than 60 s: then the broker would see that they are gone in any case.
        until("all gone", lambda: gauge("kafka_connections") < 10, 30)
    finally:
        broker.remove()


def test_health_and_metrics_answer(addresses):
    """What an operator's Prometheus reads."""
    from prometheus_client.parser import text_string_to_metric_families

    if not addresses["program"]:
        pytest.skip("the suite did not start the broker")
    port = free_port()
    broker = Broker(addresses["program"], ["--health-port", str(port)])
    try:
        answers(port, 60, broker.process)
        cluster = Cluster(broker.servers, kind="meshbroker")
        write(cluster, "measured", [b"v"] * 10)
        read(cluster, "measured")

        def get(path):
            return until(path, lambda: asked(port, path))

        assert '"status":"ok"' in get("/health").replace(" ", "")
        families = {family.name: family for family in text_string_to_metric_families(get("/metrics"))}
        value = lambda name, **labels: sum(s.value for s in families[name].samples if labels.items() <= s.labels.items() and not s.name.endswith(("_sum", "_bucket")))
        assert value("kafka_records_in") == 10 and value("kafka_bytes_out") > 0
        assert value("kafka_log_end_offset", topic="measured") == 10
        assert value("kafka_request_seconds", api="Produce") >= 1
        assert value("kafka_under_min_isr_partitions") == 0
    finally:
        broker.remove()
