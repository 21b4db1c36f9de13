"""How many images a second one thread of Python answers, without a broker.

    one_thread.py MODEL BATCH SECONDS

Prints a line of JSON with the images/s of the network alone, on tensors that are ready; of messages as the Python program
sends them; and of the same without checking their brackets. A second is one of the processor's time, which other programs disturb
less.
"""

import json
import sys
import time
from itertools import cycle

import best
import images

MESSAGES = 64  # different ones, as `host bench` has


def rate(answer, inputs: list, batch: int, seconds: float) -> float:
    for one in inputs[:8]:
        answer(one)
    began = time.process_time()
    for done, one in enumerate(cycle(inputs), 1):
        answer(one)
        took = time.process_time() - began
        if took >= seconds:
            return done * batch / took


def main() -> None:
    path, batch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    model = best.Model(path)
    pixels = images.test_images()
    tensors = [model.tensor(pixels[batch * n : batch * (n + 1)]) for n in range(MESSAGES)]
    bodies = images.messages(MESSAGES, batch)
    print(
        json.dumps(
            {
                "network": rate(model.scores, tensors, batch, seconds),
                "messages": rate(lambda body: best.encode(model.classes(best.decode(body))), bodies, batch, seconds),
                "trusting": rate(lambda body: best.encode(model.classes(best.decode_trusting(body))), bodies, batch, seconds),
            }
        )
    )


main()
