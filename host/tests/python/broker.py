"""What the original's three scripts share: the address, the group, and JSON around every value, strings too."""

import json
import os
import signal

from kafka import KafkaConsumer, KafkaProducer

# Ctrl-C ends each script, also one that a shell has started in the background, where it would be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

ADDRESS = os.environ.get("KAFKA_URI", "127.0.0.1:9092")


def producer():
    return KafkaProducer(
        bootstrap_servers=ADDRESS,
        value_serializer=lambda value: json.dumps(value).encode("utf-8"),
    )


def consumer(topic):
    """Ends after 90 s without a message."""
    return KafkaConsumer(
        topic,
        bootstrap_servers=ADDRESS,
        group_id="my-group",
        auto_offset_reset="earliest",
        value_deserializer=lambda body: json.loads(body.decode("utf-8")),
        consumer_timeout_ms=90_000,
    )
