"""Google's Python client, doing what `host run` does with a guest that sends back what it gets.

    echo.py PROJECT SUBSCRIPTION TOPIC MESSAGES

A message is acknowledged when its answer is confirmed. Everything is at its default. Prints a line of JSON at the end: how
many, and when the first and the last of them was through, in milliseconds.
"""

import json
import sys
import threading
import time

from google.cloud import pubsub_v1

project, subscription, topic, messages = sys.argv[1:]
publisher = pubsub_v1.PublisherClient()
subscriber = pubsub_v1.SubscriberClient()
output = publisher.topic_path(project, topic)
lock = threading.Lock()
done = threading.Event()
times = []


def answer(message):
    def confirmed(future):
        future.result()
        message.ack()
        with lock:
            times.append(time.time())
            if len(times) == int(messages):
                done.set()

    payload = message.data[len(b"echo:") :]
    publisher.publish(output, payload, **message.attributes).add_done_callback(confirmed)


stream = subscriber.subscribe(subscriber.subscription_path(project, subscription), answer)
done.wait()
stream.cancel()
stream.result()
print(json.dumps({"messages": len(times), "first_at_ms": int(1000 * times[0]), "last_at_ms": int(1000 * times[-1])}))
