"""The Python program's way: TensorFlow, json, and the model loaded again for each message.

    as_before.py MODEL.h5 BATCH SECONDS

Prints a line of JSON with the images/s of one thread; a second is one of the processor's time, which other programs disturb less.
"""

import json
import os
import sys
import time
from itertools import cycle

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

import images

LEAST = 3  # messages in a round


def answer(path: str, body: bytes) -> bytes:
    pixels = np.array(json.loads(json.loads(body))["array"])
    model = tf.keras.models.load_model(path, compile=False)
    classes = model.predict(pixels, verbose=0).argmax(axis=1)
    return json.dumps(classes.tolist()).encode()


def main() -> None:
    path, batch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    bodies = images.messages(8, batch)
    answer(path, bodies[0])
    began = time.process_time()
    for done, body in enumerate(cycle(bodies), 1):
        answer(path, body)
        took = time.process_time() - began
        if took >= seconds and done >= LEAST:
            break
    print(json.dumps({"messages": done * batch / took}))


main()
