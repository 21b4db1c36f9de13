"""The best Python worker over Kafka: what `host run` does, at least once, with confluent-kafka. One process for each core.

    over_kafka.py SERVERS GROUP INPUT OUTPUT MODEL IDLE LINGER BEGIN checking|trusting

Joins the group at BEGIN, in seconds since 1970, so that all processes do that together. Takes whatever waits, at most BATCH
messages, and runs their images through the network at once. An offset is stored when its answer is confirmed, and committed in
the background. Ends IDLE seconds after the last message. LINGER is how many milliseconds the producer waits for more;
`trusting` is best.decode_trusting.

Prints a line of JSON: how many messages, and when the first and the last of them was through, in milliseconds.
"""

import json
import sys
import time

import numpy as np
from confluent_kafka import Consumer, KafkaException, Producer

import best

START = 60  # seconds at most until the first message comes
BATCH = 16  # from 1 to 64 makes no difference that the spread does not hide

servers, group, source, sink, path, idle, linger, begin, trust = sys.argv[1:]
decode = best.decode_trusting if trust == "trusting" else best.decode
model = best.Model(path)
consumer = Consumer(
    {
        "bootstrap.servers": servers,
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.offset.store": False,
        "auto.commit.interval.ms": 1000,
        # Without it librdkafka waits a second with the next fetch once its queue is full.
        "fetch.queue.backoff.ms": 10,
    }
)
producer = Producer({"bootstrap.servers": servers, "linger.ms": float(linger), "acks": "all"})
times = []


def confirmed(message):
    def report(error, _):
        if error:
            raise SystemExit(str(error))
        times.append(time.time())
        try:
            consumer.store_offsets(message)
        except KafkaException:
            pass  # another process has the partition now, and answers it again

    return report


time.sleep(max(0, float(begin) - time.time()))
consumer.subscribe([source], on_revoke=lambda *_: producer.flush())
end = time.monotonic() + START
while time.monotonic() < end:
    # The first one as soon as it is there, and with it what has come meanwhile.
    message = consumer.poll(0.1)
    producer.poll(0)
    if message is None:
        continue
    messages = [message, *consumer.consume(BATCH - 1, 0)]
    if error := next((message.error() for message in messages if message.error()), None):
        raise SystemExit(str(error))
    batches = [decode(message.value()) for message in messages]
    classes = model.classes(np.concatenate(batches))
    for message, batch in zip(messages, batches, strict=True):
        own, classes = classes[: len(batch)], classes[len(batch) :]
        producer.produce(sink, best.encode(own), on_delivery=confirmed(message))
    producer.poll(0)
    end = time.monotonic() + float(idle)
producer.flush()
consumer.close()
first, final = (int(1000 * times[0]), int(1000 * times[-1])) if times else (None, None)
print(json.dumps({"messages": len(times), "first_at_ms": first, "last_at_ms": final}))
