"""SASL PLAIN and access control, on the listener that has both."""
import asyncio
import os
import subprocess

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, NewTopic, ResourcePatternType, ResourceType)

from support.cluster import Cluster
from support.records import READERS, WRITERS, Record, read, write
from support.waiting import until
from support.wire import Connection, advertised

TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED, TRANSACTION_DENIED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
LITERAL, PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED


def credentials(name, default):
    user, _, password = os.environ.get(name, default).partition(":")
    return user, password


@pytest.fixture(scope="session")
def secure(addresses):
    """As the administrator."""
    if not addresses["secure"]:
        pytest.skip("KAFKA_SASL_BOOTSTRAP_SERVERS is not set, so there is no listener with SASL")
    return Cluster(addresses["secure"], *credentials("KAFKA_SASL_ADMIN", "admin:admin-secret"), kind=addresses["kind"])


@pytest.fixture(scope="session")
def user(secure):
    """As an ordinary user, who may do nothing without an ACL."""
    return secure.as_user(*credentials("KAFKA_SASL_USER", "alice:alice-secret"))


@pytest.fixture(scope="session")
def admin(secure):
    return secure.admin()


@pytest.fixture
def allow(admin, user):
    """`allow(type, name, operation)` for the ordinary user; taken back after the test."""
    made = []

    def make(kind, name, *operations, pattern=LITERAL, permission=ALLOW, host="*"):
        bindings = [AclBinding(kind, name, pattern, f"User:{user.user}", host, operation, permission) for operation in operations]
        for future in admin.create_acls(bindings, request_timeout=60).values():
            future.result(70)
        made.extend(bindings)

    yield make
    # The client refuses a request with the same filter twice.
    filters = list({AclBindingFilter(b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation, b.permission_type) for b in made})
    for future in (admin.delete_acls(filters, request_timeout=60) if filters else {}).values():
        future.result(70)


def refused(action):
    with pytest.raises(KafkaException) as caught:
        action()
    return caught.value.args[0].code()


def writing(cluster, topic, **properties):
    return refused(lambda: write(cluster, topic, [b"v"], **({"message_timeout_ms": 60_000} | properties), timeout=70))


# Who it is

@pytest.mark.parametrize("client", WRITERS, ids=lambda client: client.name)
def test_every_client_writes_and_reads_with_the_right_password(secure, topic, client):
    made = topic()
    client.write(secure, made, [Record(b"k", b"v")], "gzip")
    assert [r.value for reader in READERS for r in reader.read(secure, made, 1)] == [b"v"] * len(READERS)


@pytest.mark.parametrize("who", ["wrong password", "unknown user", "no password"])
def test_librdkafka_is_told_that_authentication_failed(secure, who):
    errors = []
    wrong = {"wrong password": (secure.user, "wrong"), "unknown user": ("nobody-here", secure.password), "no password": (secure.user, "x")}[who]
    producer = secure.as_user(*wrong).producer(error_cb=lambda error: errors.append(error.code()))
    until("the error", lambda: producer.poll(0.1) >= 0 and KafkaError._AUTHENTICATION in errors)


def test_the_python_clients_are_told_that_authentication_failed(secure):
    import aiokafka.errors
    import kafka.errors

    wrong = secure.as_user(secure.user, "wrong")
    # kafka-python 3 tries again whatever the broker says, and in the end tells of the time that is over; the reason is in its log alone.
    with pytest.raises((kafka.errors.SaslAuthenticationFailedError, kafka.errors.KafkaTimeoutError)):
        producer = wrong.python_producer(max_block_ms=8000, bootstrap_timeout_ms=8000)
        producer.send("t", b"v").get(10)

    async def run():
        producer = wrong.aio_producer()
        try:
            await producer.start()
        finally:
            await producer.stop()

    with pytest.raises(aiokafka.errors.KafkaError):
        asyncio.run(run())


def test_without_credentials_nothing_but_the_versions_is_answered(secure):
    from kafka.protocol.metadata import MetadataRequest

    with Connection(secure) as connection:
        assert 17 in advertised(connection) and 36 in advertised(connection)
        connection.send_request(MetadataRequest(topics=[], allow_auto_topic_creation=False), 9)
        assert connection.is_closed()


def handshake(connection, mechanism, version=1):
    from kafka.protocol.sasl import SaslHandshakeRequest

    return connection.ask(SaslHandshakeRequest(mechanism=mechanism), version)


def authenticate(connection, octets, version=2):
    from kafka.protocol.sasl import SaslAuthenticateRequest

    return connection.ask(SaslAuthenticateRequest(auth_bytes=octets), version)


def test_an_unknown_mechanism_is_refused_with_those_that_exist(secure):
    with Connection(secure) as connection:
        answer = handshake(connection, "ROT13")
    assert answer.error_code == KafkaError.UNSUPPORTED_SASL_MECHANISM and "PLAIN" in answer.mechanisms


def test_the_older_handshake_is_followed_by_bare_tokens(secure):
    from kafka.protocol.metadata import MetadataRequest

    with Connection(secure) as connection:
        assert handshake(connection, "PLAIN", 0).error_code == 0
        connection.send_frame(f"\0{secure.user}\0{secure.password}".encode())
        assert connection.receive_frame() == b""
        assert connection.ask(MetadataRequest(topics=[], allow_auto_topic_creation=False), 9).brokers


@pytest.mark.parametrize("token", [b"", b"no separators", b"\0only one", b"\0\0\0\0", b"\xff\xfe\0x\0y", b"x" * 100_000, b"someone\0{user}\0{password}"])
def test_a_malformed_token_is_authentication_failed(secure, token):
    token = token.replace(b"{user}", secure.user.encode()).replace(b"{password}", secure.password.encode())
    with Connection(secure) as connection:
        assert handshake(connection, "PLAIN").error_code == 0
        connection.send_request(__import__("kafka.protocol.sasl", fromlist=["x"]).SaslAuthenticateRequest(auth_bytes=token), 2)
        payload = connection.receive_frame()
        # SASL_AUTHENTICATION_FAILED, after the correlation id and the empty tags of the header.
        assert payload is None or payload[5:7] == b"\x00\x3a"
        assert connection.is_closed()


def test_authentication_before_the_handshake_is_refused(secure):
    with Connection(secure) as connection:
        try:
            assert authenticate(connection, f"\0{secure.user}\0{secure.password}".encode()).error_code == 34  # ILLEGAL_SASL_STATE
        except AssertionError as error:
            assert "connection closed" in str(error)


def test_kcat_lists_with_credentials_and_not_without(secure):
    assert subprocess.run(["kcat", "-L", *secure.kcat_options()], capture_output=True, timeout=90).returncode == 0
    wrong = secure.as_user(secure.user, "wrong")
    done = subprocess.run(["kcat", "-L", *wrong.kcat_options(), "-m", "15"], capture_output=True, timeout=90)
    assert done.returncode != 0 and b"uthentication" in done.stderr


# What it may

def test_nothing_is_allowed_without_an_acl(user, topic, group, name):
    made = topic()
    assert writing(user, made) == TOPIC_DENIED
    # librdkafka looks for the group's coordinator as well, and tells first of what is refused first.
    assert refused(lambda: read(user, made)) in (GROUP_DENIED, TOPIC_DENIED)
    # So long a commit waits for a coordinator.
    consumer = user.consumer(group(), session_timeout_ms=6000)
    try:
        assert refused(lambda: consumer.commit(offsets=[TopicPartition(made, 0, 1)], asynchronous=False)) in (
            GROUP_DENIED, TOPIC_DENIED, KafkaError._WAIT_COORD)  # It waits in vain for a coordinator whose name it is refused.
    finally:
        consumer.close()
    assert made not in user.admin().list_topics(timeout=60).topics
    assert refused(lambda: user.admin().create_topics([NewTopic(f"{name}-new", 1)])[f"{name}-new"].result(70)) in (TOPIC_DENIED, CLUSTER_DENIED)
    assert refused(lambda: user.admin().delete_topics([made])[made].result(70)) in (TOPIC_DENIED, KafkaError.UNKNOWN_TOPIC_OR_PART)


def test_a_bots_boundary_holds_it_writes_its_topic_and_is_refused_the_other(user, secure, topic, group, allow):
    own, other = topic(suffix=".build.completed"), topic(suffix=".deploy.requested")
    allow(ResourceType.TOPIC, own, AclOperation.WRITE, AclOperation.DESCRIBE)
    assert write(user, own, [b"built"])[0].offset() == 0
    assert writing(user, other) == TOPIC_DENIED
    assert read(secure, other) == []
    # What it may write it may not read, whatever its group.
    reader = group()
    allow(ResourceType.GROUP, reader, AclOperation.READ)
    assert refused(lambda: read(user, own, group_id=reader)) == TOPIC_DENIED


def test_writing_implies_describing(user, topic, allow):
    made = topic()
    allow(ResourceType.TOPIC, made, AclOperation.WRITE)
    assert made in user.admin().list_topics(made, timeout=60).topics
    assert write(user, made, [b"v"])


def test_reading_in_a_group_needs_the_topic_and_the_group(user, secure, topic, group, allow):
    made, name = topic(), group()
    write(secure, made, [b"v"])
    allow(ResourceType.TOPIC, made, AclOperation.READ)

    def joins():
        consumer = user.consumer(name)
        try:
            consumer.subscribe([made])
            message = until("an answer", lambda: consumer.poll(0.2))
            if message.error():
                raise KafkaException(message.error())
            return message.value()
        finally:
            consumer.close()

    assert refused(joins) == GROUP_DENIED
    allow(ResourceType.GROUP, name, AclOperation.READ)
    assert joins() == b"v"


def test_a_prefix_allows_all_that_begin_with_it_and_nothing_else(user, topic, name, allow):
    inside, outside = topic(suffix=".a.one"), topic(suffix=".b.one")
    allow(ResourceType.TOPIC, f"{name}.a.", AclOperation.WRITE, pattern=PREFIXED)
    assert write(user, inside, [b"v"])
    assert writing(user, outside) == TOPIC_DENIED


def test_denial_is_stronger_than_leave(user, topic, name, allow):
    made, other = topic(suffix=".x"), topic(suffix=".y")
    allow(ResourceType.TOPIC, name, AclOperation.ALL, pattern=PREFIXED)
    allow(ResourceType.TOPIC, made, AclOperation.WRITE, permission=DENY)
    assert writing(user, made) == TOPIC_DENIED
    assert write(user, other, [b"v"])


def test_leave_that_was_taken_back_ends_at_once(user, admin, topic, allow):
    made = topic()
    allow(ResourceType.TOPIC, made, AclOperation.WRITE)
    producer = user.producer(message_timeout_ms=60_000)
    write(user, made, [b"v"], producer=producer)
    filter = AclBindingFilter(ResourceType.TOPIC, made, LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY)
    assert len(list(admin.delete_acls([filter], request_timeout=60)[filter].result(70))) == 1
    assert refused(lambda: write(user, made, [b"v"], producer=producer, timeout=70)) == TOPIC_DENIED


def test_transactions_need_their_id(user, topic, name, allow):
    made = topic()
    allow(ResourceType.TOPIC, made, AclOperation.WRITE)

    def begin():
        producer = user.producer(transactional_id=name, error_cb=lambda error: None)
        producer.init_transactions(60)
        return producer

    assert refused(begin) == TRANSACTION_DENIED
    allow(ResourceType.TRANSACTIONAL_ID, name, AclOperation.WRITE)
    producer = begin()
    producer.begin_transaction()
    producer.produce(made, b"v", partition=0)
    producer.commit_transaction(60)


def test_an_idempotent_producer_needs_no_more_than_a_topic_to_write(user, topic, allow):
    made = topic()
    allow(ResourceType.TOPIC, made, AclOperation.WRITE)
    assert write(user, made, [b"v"], enable_idempotence=True)


def test_only_who_may_alter_the_cluster_administers_acls(user, topic):
    from kafka.protocol.admin import DescribeAclsRequest

    binding = AclBinding(ResourceType.TOPIC, topic(), LITERAL, f"User:{user.user}", "*", AclOperation.WRITE, ALLOW)
    assert refused(lambda: user.admin().create_acls([binding], request_timeout=60)[binding].result(70)) == CLUSTER_DENIED
    # librdkafka takes this answer's error for an empty list.
    with Connection(user) as connection:
        assert handshake(connection, "PLAIN").error_code == 0
        assert authenticate(connection, f"\0{user.user}\0{user.password}".encode()).error_code == 0
        everything = DescribeAclsRequest(
            resource_type_filter=1, resource_name_filter=None, pattern_type_filter=1, principal_filter=None, host_filter=None, operation=1,
            permission_type=1)
        assert connection.ask(everything, 2).error_code == CLUSTER_DENIED


def described(admin, *filter):
    return admin.describe_acls(AclBindingFilter(*filter), request_timeout=60).result(70)


def test_acls_are_described_by_exact_pattern_and_by_what_matches(admin, user, name, allow):
    allow(ResourceType.TOPIC, f"{name}.one", AclOperation.READ)
    allow(ResourceType.TOPIC, name, AclOperation.WRITE, pattern=PREFIXED)
    any_of = (None, None, AclOperation.ANY, AclPermissionType.ANY)
    assert {b.operation for b in described(admin, ResourceType.TOPIC, f"{name}.one", LITERAL, *any_of)} == {AclOperation.READ}
    matching = described(admin, ResourceType.TOPIC, f"{name}.one", ResourcePatternType.MATCH, *any_of)
    assert {b.operation for b in matching if b.name.startswith(name)} == {AclOperation.READ, AclOperation.WRITE}
    (prefixed,) = described(admin, ResourceType.TOPIC, name, PREFIXED, *any_of)
    assert (prefixed.principal, prefixed.host, prefixed.permission_type, prefixed.resource_pattern_type) == (f"User:{user.user}", "*", ALLOW, PREFIXED)


def test_the_same_acl_twice_is_one(admin, name, allow):
    for _ in range(2):
        allow(ResourceType.TOPIC, name, AclOperation.READ)
    assert len(described(admin, ResourceType.TOPIC, name, LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY)) == 1


def test_a_topic_is_created_by_who_may_create_it(user, admin, name, allow):
    allow(ResourceType.TOPIC, name, AclOperation.CREATE)
    user.admin().create_topics([NewTopic(name, 1)], operation_timeout=10)[name].result(70)
    admin.delete_topics([name], operation_timeout=10)[name].result(70)


def test_a_denied_topic_does_not_spoil_the_others_of_a_request(user, secure, topic, allow):
    mine, other = topic(), topic()
    allow(ResourceType.TOPIC, mine, AclOperation.READ)
    # Of a topic that Metadata already refuses librdkafka tells nothing for half a minute.
    allow(ResourceType.TOPIC, other, AclOperation.DESCRIBE)
    write(secure, mine, [b"v"])
    consumer = user.consumer()
    try:
        consumer.assign([TopicPartition(other, 0, 0), TopicPartition(mine, 0, 0)])
        found = []
        until("record and error", lambda: (lambda m: m is not None and found.append(m.error().code() if m.error() else m.value()))(consumer.poll(0.2))
              or {b"v", TOPIC_DENIED} <= set(found))
    finally:
        consumer.close()


def test_describing_a_cluster_needs_no_more_than_to_be_somebody(user):
    assert user.admin().describe_cluster(request_timeout=60).result(70).nodes
