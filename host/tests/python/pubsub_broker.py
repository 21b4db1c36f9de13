"""The original on Google Pub/Sub: the subscription's name, when a message is acknowledged, and when it stops.

Where PUBSUB_EMULATOR_HOST is set, Google's clients go there by themselves and leave the credentials alone.
"""

import json
import os
from queue import Empty, SimpleQueue

from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient


class Broker:
    def __init__(self, credentials, project):
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = credentials
        self.project = project

    def producer(self):
        return Producer(self.project)

    def receive(self, topic, handle):
        """Ends after 90 s without a message. One is acknowledged before anything is done, as the original has it."""
        came = SimpleQueue()

        def callback(message):
            came.put(json.loads(message.data.decode("utf-8")))
            message.ack()

        with SubscriberClient() as subscriber:
            path = subscriber.subscription_path(self.project, f"{topic}-sub")
            stream = subscriber.subscribe(path, callback)
            try:
                while True:
                    handle(came.get(timeout=90))
            except Empty:
                pass
            finally:
                stream.cancel()
                # Until the acknowledgements are sent.
                stream.result()


class Producer:
    def __init__(self, project):
        self.client = PublisherClient()
        self.project = project
        self.sent = []

    def send(self, topic, value):
        path = self.client.topic_path(self.project, topic)
        self.sent.append(self.client.publish(path, json.dumps(value).encode("utf-8")))

    def close(self):
        for confirmed in self.sent:
            confirmed.result()
