"""Stands where the original's classifying worker does, without its model: a class is the image's sum of pixels modulo 10."""

import json
import sys

from broker import connect


def deserialization(text):
    return json.loads(text)["array"]


def shape(array):
    return (len(array), *shape(array[0])) if isinstance(array, list) else ()


def classes(array):
    return [sum(pixel for row in image for (pixel,) in row) % 10 for image in array]


def answer(text):
    # The broker has taken off the outer of both layers.
    array = deserialization(text)
    producer.send("output-stream", classes(array))
    # Last: whoever has read ten lines may interrupt this, and ten answers are on their way.
    print(shape(array), flush=True)


broker, _ = connect(*sys.argv[1:])
producer = broker.producer()
try:
    broker.receive("input-stream", answer)
except KeyboardInterrupt:
    pass
finally:
    producer.close()
