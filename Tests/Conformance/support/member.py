"""A group member as a process of its own, so that it can be killed or frozen: joins, says what it was assigned, and reads on for ever.

python3 -m support.member CLIENT 'JSON of Cluster' GROUP TOPIC SESSION [INSTANCE]

SESSION is in milliseconds.
"""
import asyncio
import json
import sys

import kafka

from support.cluster import Cluster


def say(partitions):
    print("assigned", *sorted(partitions), flush=True)


def librdkafka(cluster, group, topic, settings):
    consumer = cluster.consumer(group, **settings)
    consumer.subscribe([topic], on_assign=lambda _, partitions: say(p.partition for p in partitions))
    while True:
        consumer.poll(0.2)


class SaysWhatItGets(kafka.ConsumerRebalanceListener):
    def __init__(self):
        self.known = None

    def on_partitions_revoked(self, revoked):
        pass

    def on_partitions_assigned(self, assigned):
        now = sorted(part.partition for part in assigned)
        if now != self.known and now:
            say(now)
        self.known = now


def kafka_python(cluster, group, topic, settings):
    consumer = cluster.python_consumer(topic, group_id=group, listener=SaysWhatItGets(), **settings)
    while True:
        # One whose poll runs out while it joins takes itself for a member, and sends no heartbeat ever after (3.0.12): none ends within a test.
        consumer.poll(3_600_000)


def aiokafka(cluster, group, topic, settings):
    async def run():
        consumer = cluster.aio_consumer(topic, group_id=group, **settings)
        await consumer.start()
        known = None
        while True:
            await consumer.getmany(timeout_ms=200)
            now = sorted(p.partition for p in consumer.assignment())
            if now != known and now:
                say(now)
            known = now

    asyncio.run(run())


CLIENTS = {"librdkafka": librdkafka, "kafka-python": kafka_python, "aiokafka": aiokafka}

if __name__ == "__main__":
    client, cluster, group, topic, session, *instance = sys.argv[1:]
    settings = {"session_timeout_ms": int(session)} | ({"group_instance_id": instance[0]} if instance else {})
    CLIENTS[client](Cluster(**json.loads(cluster)), group, topic, settings)
