"""The original on Kafka: the address, the group, and when it stops."""

import json
import os

from kafka import KafkaConsumer, KafkaProducer

ADDRESS = os.environ.get("KAFKA_URI", "127.0.0.1:9092")


class Broker:
    def producer(self):
        return KafkaProducer(
            bootstrap_servers=ADDRESS,
            value_serializer=lambda value: json.dumps(value).encode("utf-8"),
        )

    def receive(self, topic, handle):
        """Ends after 90 s without a message."""
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=ADDRESS,
            group_id="my-group",
            auto_offset_reset="earliest",
            value_deserializer=lambda body: json.loads(body.decode("utf-8")),
            consumer_timeout_ms=90_000,
        )
        try:
            for message in consumer:
                handle(message.value)
        finally:
            consumer.close()
