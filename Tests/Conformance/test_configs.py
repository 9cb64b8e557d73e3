"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs: names, defaults, errors."""
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource, NewTopic, ResourceType

from support.records import write

DEFAULTS = {
    "retention.ms": "604800000", "retention.bytes": "-1", "segment.bytes": "1073741824", "segment.ms": "604800000", "cleanup.policy": "delete",
    "max.message.bytes": "1048588", "message.timestamp.type": "CreateTime", "min.cleanable.dirty.ratio": "0.5", "delete.retention.ms": "86400000",
}


def error_of(future):
    with pytest.raises(KafkaException) as caught:
        future.result(70)
    return caught.value.args[0].code()


def configuration(admin, topic):
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return admin.describe_configs([resource], request_timeout=60)[resource].result(70)


def change(admin, topic, *entries, **options):
    incremental = [ConfigEntry(name, value, incremental_operation=operation) for name, operation, value in entries]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=incremental)
    return admin.incremental_alter_configs([resource], request_timeout=60, **options)[resource]


@pytest.mark.parametrize("key", sorted(DEFAULTS))
def test_a_topic_that_sets_nothing_has_kafkas_default(admin, topic, key):
    entry = configuration(admin, topic())[key]
    assert entry.value == DEFAULTS[key]
    assert entry.is_default and entry.source in (ConfigSource.DEFAULT_CONFIG.value, ConfigSource.STATIC_BROKER_CONFIG.value)
    assert not entry.is_read_only and not entry.is_sensitive


def test_values_set_at_creation_are_described_as_the_topics_own(admin, topic):
    found = configuration(admin, topic(retention_ms=60000, cleanup_policy="compact", max_message_bytes=2000, message_timestamp_type="LogAppendTime"))
    for key, value in {"retention.ms": "60000", "cleanup.policy": "compact", "max.message.bytes": "2000", "message.timestamp.type": "LogAppendTime"}.items():
        assert found[key].value == value
        assert found[key].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value and not found[key].is_default


def test_only_the_asked_keys_are_described(cluster, topic):
    from kafka.protocol.admin import DescribeConfigsRequest

    from support.wire import Connection

    kind = DescribeConfigsRequest.DescribeConfigsResource
    asked = kind(resource_type=2, resource_name=topic(), configuration_keys=["retention.ms", "no.such.key"])
    with Connection(cluster) as connection:
        answer = connection.ask(DescribeConfigsRequest(resources=[asked], include_synonyms=True, include_documentation=False), 3).results[0]
    assert answer.error_code == 0 and [config.name for config in answer.configs] == ["retention.ms"]


@pytest.mark.parametrize("key,value", [
    ("no.such.key", "1"), ("retention.ms", "soon"), ("retention.ms", "-2"), ("cleanup.policy", "burn"), ("message.timestamp.type", "Never"),
    ("min.cleanable.dirty.ratio", "1.5"), ("segment.bytes", "0"), ("max.message.bytes", "-1"), ("segment.ms", "0"), ("delete.retention.ms", "-1"),
])
def test_a_topic_with_a_wrong_configuration_is_invalid_config_and_is_not_made(admin, name, key, value):
    future = admin.create_topics([NewTopic(name, 1, config={key: value})], operation_timeout=10)[name]
    assert error_of(future) == KafkaError.INVALID_CONFIG
    assert name not in admin.list_topics(timeout=60).topics


def test_an_incremental_change_touches_only_its_keys_and_takes_effect(cluster, admin, topic):
    made = topic(retention_ms=60000)
    change(admin, made, ("max.message.bytes", AlterConfigOpType.SET, "500")).result(70)
    found = configuration(admin, made)
    assert (found["max.message.bytes"].value, found["retention.ms"].value) == ("500", "60000")
    with pytest.raises(KafkaException) as caught:
        write(cluster, made, [b"x" * 1000])
    assert caught.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_an_incremental_delete_gives_the_default_back(admin, topic):
    made = topic(retention_ms=60000)
    change(admin, made, ("retention.ms", AlterConfigOpType.DELETE, None)).result(70)
    assert configuration(admin, made)["retention.ms"].value == DEFAULTS["retention.ms"]


def test_append_and_subtract_change_a_list(admin, topic):
    made = topic(cleanup_policy="delete")
    change(admin, made, ("cleanup.policy", AlterConfigOpType.APPEND, "compact")).result(70)
    assert set(configuration(admin, made)["cleanup.policy"].value.split(",")) == {"delete", "compact"}
    change(admin, made, ("cleanup.policy", AlterConfigOpType.SUBTRACT, "delete")).result(70)
    assert configuration(admin, made)["cleanup.policy"].value == "compact"


def test_append_to_what_is_no_list_is_refused(admin, topic):
    error = error_of(change(admin, topic(), ("retention.ms", AlterConfigOpType.APPEND, "1")))
    assert error in (KafkaError.INVALID_CONFIG, KafkaError.INVALID_REQUEST)


@pytest.mark.parametrize("key,value", [("no.such.key", "1"), ("retention.ms", "soon"), ("cleanup.policy", "burn")])
def test_a_wrong_change_is_invalid_config_and_changes_nothing(admin, topic, key, value):
    made = topic(retention_ms=60000)
    future = change(admin, made, (key, AlterConfigOpType.SET, value), ("max.message.bytes", AlterConfigOpType.SET, "777"))
    assert error_of(future) == KafkaError.INVALID_CONFIG
    found = configuration(admin, made)
    assert (found["retention.ms"].value, found["max.message.bytes"].value) == ("60000", DEFAULTS["max.message.bytes"])


def test_validation_only_changes_nothing(admin, topic):
    made = topic()
    change(admin, made, ("retention.ms", AlterConfigOpType.SET, "1234"), validate_only=True).result(70)
    assert configuration(admin, made)["retention.ms"].value == DEFAULTS["retention.ms"]


def test_the_older_alter_configs_resets_every_key_that_it_does_not_name(cluster, topic):
    from kafka.admin import ConfigResource as Resource

    made = topic(retention_ms=60000, max_message_bytes=5000)
    from kafka.protocol.admin import AlterConfigsRequest

    from support.wire import Connection

    kind = AlterConfigsRequest.AlterConfigsResource
    resource = kind(resource_type=2, resource_name=made, configs=[kind.AlterableConfig(name="segment.ms", value="7200000")])
    with Connection(cluster) as connection:
        assert connection.ask(AlterConfigsRequest(resources=[resource], validate_only=False), 1).responses[0].error_code == 0
    python = cluster.python_admin()
    try:
        found = python.describe_configs([Resource("topic", made)])["topic"][made]
    finally:
        python.close()
    assert list(found) == ["segment.ms"]


def test_configuration_of_an_unknown_topic_is_unknown_topic(admin, name):
    resource = ConfigResource(ResourceType.TOPIC, name)
    assert error_of(admin.describe_configs([resource], request_timeout=60)[resource]) == KafkaError.UNKNOWN_TOPIC_OR_PART
    assert error_of(change(admin, name, ("retention.ms", AlterConfigOpType.SET, "1"))) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_the_brokers_configuration_names_what_clients_look_for(admin):
    broker = next(iter(admin.list_topics(timeout=60).brokers))
    resource = ConfigResource(ResourceType.BROKER, str(broker))
    found = admin.describe_configs([resource], request_timeout=60)[resource].result(70)
    for key in ("auto.create.topics.enable", "num.partitions", "message.max.bytes"):
        assert key in found, f"{key} is not described"
