"""Sends the test images as the original's producer does: `producer.py BROKER... IDX.GZ [SECONDS [MESSAGES]]`.

40 images go into a message, and 5 seconds lie between two. The images are read without NumPy; the nested lists are those
of its `tolist` all the same.
"""

import gzip
import json
import sys
import time

from broker import connect

IMAGES = 40
SIDE = 28
HEADER = 16


def serialization(array):
    return json.dumps({"array": array})


def image(pixels):
    """A list of shape (28, 28, 1)."""
    rows = (pixels[row * SIDE : (row + 1) * SIDE] for row in range(SIDE))
    return [[[pixel] for pixel in row] for row in rows]


def main(broker, path, seconds="5", messages="250"):
    with gzip.open(path) as file:
        pixels = file.read()[HEADER:]
    images = [pixels[at : at + SIDE * SIDE] for at in range(0, len(pixels), SIDE * SIDE)]
    producer = broker.producer()
    try:
        for number in range(int(messages)):
            batch = images[number * IMAGES : (number + 1) * IMAGES]
            # A string already, which the broker encodes once more.
            producer.send("input-stream", serialization([image(pixels) for pixels in batch]))
            time.sleep(float(seconds))
    except KeyboardInterrupt:
        pass
    finally:
        producer.close()


if __name__ == "__main__":
    broker, arguments = connect(*sys.argv[1:])
    main(broker, *arguments)
