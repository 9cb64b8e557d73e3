#!/usr/bin/env python3
"""The relay of the benchmark as one would write it in Python: relay.py BROKERS IN OUT COUNT GROUP LINGER WARM AHEAD.

Reads each envelope with orjson, writes a new one with the same payload, and the headers that the mesh writes. It does nothing that this does not need: ids come
from a counter behind a random beginning, the time is taken once for each batch, and only failures are reported back. The settings are those of
the bare C loop, AHEAD too. The producer gets WARM milliseconds to connect before the first record is asked for."""

import json
import sys
import time
import uuid
from datetime import datetime, timezone

import orjson
from confluent_kafka import Consumer, Producer

PATIENCE = 60.0
UNLIMITED = {"queued.min.messages": 10_000_000, "queued.max.messages.kbytes": 1_000_000}


def connect(brokers, source_topic, topic, group, linger, warm, ahead):
    consumer = Consumer({
        "bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.wait.max.ms": 10,
        **(UNLIMITED if ahead else {}),
    })
    producer = Producer({
        "bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": linger, "partitioner": "murmur2_random",
        "delivery.report.only.error": True,
    })
    if warm:
        producer.list_topics(topic, PATIENCE)
        time.sleep(warm / 1000)
    consumer.subscribe([source_topic])
    return consumer, producer


def relay(brokers, source_topic, topic, count, group, linger, warm, ahead):
    consumer, producer = connect(brokers, source_topic, topic, group, linger, warm, ahead)
    failures = []

    def failed(error, _message):
        failures.append(error)

    beginning = str(uuid.uuid4())[:24]
    ce_type, ce_source = topic.encode(), b"/bots/" + group.encode()
    loads, dumps, produce, poll = orjson.loads, orjson.dumps, producer.produce, producer.poll
    taken, start, news = 0, 0.0, time.monotonic()
    while taken < count:
        messages = consumer.consume(min(1000, count - taken), 0.1)
        if not messages:
            poll(0)
            if time.monotonic() - news > PATIENCE:
                sys.exit("relay.py: nothing came for a minute")
            continue
        news = time.monotonic()
        start = start or news
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        for message in messages:
            if message.error():
                continue
            request = loads(message.value())
            taken += 1
            identity = f"{beginning}{taken:012x}"
            cause = request["id"]
            value = dumps({
                "id": identity, "timestamp": now, "source": group, "type": topic, "version": 1,
                "priority": request.get("priority", "medium"), "correlation_id": request.get("correlation_id", cause),
                "causation_id": cause, "payload": request["payload"],
            })
            headers = [
                ("ce_specversion", b"1.0"), ("ce_id", identity), ("ce_type", ce_type), ("ce_source", ce_source),
                ("content-type", b"application/json"),
            ]
            while True:
                try:
                    produce(topic, value, message.key(), headers=headers, on_delivery=failed)
                    break
                except BufferError:
                    poll(0.01)
        poll(0)
    left = producer.flush(PATIENCE)
    seconds = time.monotonic() - start
    consumer.commit(asynchronous=False)
    consumer.close()
    lost = len(failures) + left
    print(json.dumps({
        "messages": taken, "acked": taken - lost, "failed": lost, "seconds": round(seconds, 3), "rate": round(taken / max(seconds, 1e-9)),
    }))
    return 1 if lost else 0


if __name__ == "__main__":
    if len(sys.argv) != 9:
        sys.exit("usage: relay.py BROKERS IN OUT COUNT GROUP LINGER WARM AHEAD")
    brokers, source_topic, topic, count, group, linger, warm, ahead = sys.argv[1:]
    sys.exit(relay(brokers, source_topic, topic, int(count), group, linger, int(warm), ahead == "1"))
