"""How long single images take through a worker over Kafka: from the moment a message is handed to the producer until its answer
is read.

    latency.py SERVERS INPUT OUTPUT RATE SECONDS

Sends RATE messages a second with one image each, evenly, whether or not answers come. Both topics have one partition, so that
answers come in the order of the messages. Prints a line of JSON with p50 and p99 in milliseconds.
"""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, Producer

import images

START = 60  # seconds at most until the worker answers

servers, source, sink, rate, seconds = sys.argv[1:]
count = int(float(rate) * float(seconds))
bodies = images.messages(1000, 1)
producer = Producer({"bootstrap.servers": servers, "linger.ms": 0})
consumer = Consumer(
    {"bootstrap.servers": servers, "group.id": f"latency-{source}", "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10}
)
consumer.subscribe([sink])


def read(answers: int, within: float) -> list[float]:
    """When each of so many answers was read."""
    times, end = [], time.monotonic() + within
    while len(times) < answers:
        if time.monotonic() > end:
            raise SystemExit(f"{len(times)} of {answers} answers came")
        message = consumer.poll(0.1)
        if message is not None and not message.error():
            times.append(time.monotonic())
    return times


def send() -> None:
    began = time.monotonic()
    for number in range(count):
        due = began + number / float(rate)
        time.sleep(max(0, due - time.monotonic()))
        # Late is late: what is due, and not what was managed, counts.
        sent.append(due)
        producer.produce(source, bodies[number % len(bodies)])
        producer.poll(0)
    producer.flush()


producer.produce(source, bodies[0])
producer.flush()
read(1, START)
sent = []
sender = threading.Thread(target=send)
sender.start()
answered = read(count, float(seconds) + START)
sender.join()
latencies = sorted(1000 * (end - begin) for begin, end in zip(sent, answered, strict=True))
print(json.dumps({"p50_ms": latencies[count // 2], "p99_ms": latencies[count * 99 // 100]}))
