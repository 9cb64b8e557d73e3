"""Fixtures: the broker under test, names that no other test uses, and what may differ on other brokers."""
import os
import re
import socket
import tomllib
import uuid
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import NewTopic

from support.cluster import Cluster
from support.processes import Broker

HERE = Path(__file__).parent
SECURE_CONFIGURATION = HERE / "support" / "secure.conf"
SECURE_USERS = {"KAFKA_SASL_ADMIN": "admin:admin-secret", "KAFKA_SASL_USER": "alice:alice-secret"}


def pytest_addoption(parser):
    parser.addoption("--kind", default=os.environ.get("KAFKA_KIND", ""), help="the row of differences.toml that holds, e.g. noida-db")


# Only the first process starts brokers; pytest-xdist's workers are told where they are.
def pytest_configure(config):
    if hasattr(config, "workerinput"):
        config.addresses = config.workerinput["addresses"]
        return
    config.brokers = []
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    config.addresses = {"servers": servers, "secure": os.environ.get("KAFKA_SASL_BOOTSTRAP_SERVERS", ""), "program": "" if servers else program()}
    config.addresses["kind"] = config.getoption("--kind") or ("kafka" if servers else "meshbroker")
    if config.getoption("collectonly") or servers:
        return
    if not config.addresses["program"]:
        raise pytest.UsageError("no broker: set KAFKA_BOOTSTRAP_SERVERS, or MESHBROKER to the program, or build it: swift build --product meshbroker")
    plain = Broker(config.addresses["program"])
    config.brokers.append(plain)
    config.addresses["servers"] = plain.servers
    if not config.addresses["secure"]:
        users = [os.environ.get(name, default) for name, default in SECURE_USERS.items()]
        secure = Broker(config.addresses["program"], ["--config", str(SECURE_CONFIGURATION)], users)
        config.brokers.append(secure)
        config.addresses["secure"] = secure.servers


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["addresses"] = node.config.addresses


def pytest_unconfigure(config):
    for broker in getattr(config, "brokers", []):
        if broker.process.poll() is not None:
            print(f"\nthe broker ended by itself with {broker.process.returncode}; the last lines of its log:\n{broker.last_lines()}")
        broker.remove()


def program():
    built = HERE.parents[1] / ".build" / "debug" / "meshbroker"
    return os.environ.get("MESHBROKER") or (str(built) if built.exists() else "")


# The slow ones first, so that their waits overlap with the others' work.
def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    known = tomllib.loads((HERE / "differences.toml").read_text()).get(config.addresses["kind"], {})
    for item in items:
        for pattern, reason in known.items():
            if re.search(pattern, item.nodeid):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=False, run=not reason.startswith("ends the broker")))


def pytest_runtest_setup(item):
    """Fails at once when the broker is gone, instead of waiting in every test."""
    host, port = Cluster(item.config.addresses["servers"]).address
    try:
        socket.create_connection((host, port), 60).close()
    except OSError as error:
        pytest.fail(f"the broker at {host}:{port} is gone: {error}", pytrace=False)


@pytest.fixture(scope="session")
def addresses(request):
    return request.config.addresses


@pytest.fixture(scope="session")
def cluster(addresses):
    return Cluster(addresses["servers"], kind=addresses["kind"])


@pytest.fixture(scope="session")
def admin(cluster):
    return cluster.admin()


@pytest.fixture
def name(request):
    """A name that no other test and no other run uses."""
    return f"conf-{re.sub('[^A-Za-z0-9]+', '-', request.node.name)[:60].strip('-')}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def topic(admin, name):
    """Makes topics: `topic(partitions=1, **configuration)` gives a name; all are deleted after the test."""
    made = []

    def make(partitions=1, suffix="", **configuration):
        made.append(f"{name}{suffix or len(made)}")
        settings = {key.replace("_", "."): str(value) for key, value in configuration.items()}
        admin.create_topics([NewTopic(made[-1], partitions, config=settings)], operation_timeout=10)[made[-1]].result(70)
        return made[-1]

    yield make
    for future in (admin.delete_topics(made, operation_timeout=10) if made else {}).values():
        try:
            future.result(70)
        except KafkaException:
            pass  # The test deleted it.


@pytest.fixture
def group(admin, name):
    """Names of groups: `group()`; those that exist after the test are deleted."""
    used = []

    def make():
        used.append(f"{name}-group{len(used)}")
        return used[-1]

    yield make
    for future in (admin.delete_consumer_groups(used) if used else {}).values():
        try:
            future.result(70)
        except KafkaException:
            pass  # It was deleted by the test, never joined, or has a member that the test killed.


@pytest.fixture
def closing():
    """Closes consumers after the test, whatever happened: `closing(consumer)` gives it back."""
    opened = []

    def keep(client):
        opened.append(client)
        return client

    yield keep
    for client in reversed(opened):
        client.close()
