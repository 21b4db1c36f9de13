"""Prints what the classifier answers, as the original's consumer does: one list of classes a line."""

import broker

consumer = broker.consumer("output-stream")
try:
    for message in consumer:
        print(message.value, flush=True)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
