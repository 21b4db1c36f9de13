"""Stands where the original's classifying worker does, without its model: a class is the image's sum of pixels modulo 10."""

import json

import broker


def deserialization(text):
    return json.loads(text)["array"]


def shape(array):
    return (len(array), *shape(array[0])) if isinstance(array, list) else ()


def classes(array):
    return [sum(pixel for row in image for (pixel,) in row) % 10 for image in array]


consumer = broker.consumer("input-stream")
producer = broker.producer()
try:
    for message in consumer:
        # The value deserializer has taken off the outer of both layers.
        array = deserialization(message.value)
        producer.send("output-stream", classes(array))
        # Last: whoever has read ten lines may interrupt this, and ten answers are on their way.
        print(shape(array), flush=True)
except KeyboardInterrupt:
    pass
finally:
    producer.close()
    consumer.close()
