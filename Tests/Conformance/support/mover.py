"""Moves records from one topic to another in transactions of ten, as a process that can be killed.

python3 -m support.mover SERVERS GROUP SOURCE TARGET TRANSACTIONAL_ID
"""
import sys
import time

from support.cluster import Cluster

servers, group, source, target, name = sys.argv[1:]
cluster = Cluster(servers)
consumer = cluster.consumer(group, isolation_level="read_committed", group_instance_id="mover", session_timeout_ms=45000)
producer = cluster.producer(transactional_id=name)
producer.init_transactions(60)
consumer.subscribe([source])
while True:
    messages = [message for message in consumer.consume(10, 0.5) if not message.error()]
    if not messages:
        continue
    producer.begin_transaction()
    for message in messages:
        producer.produce(target, message.value(), partition=0)
    time.sleep(0.005)  # Wide enough that some kills hit the middle.
    producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 60)
    producer.commit_transaction(60)
