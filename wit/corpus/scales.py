"""Numbers of 0 to 1."""

import json

import numpy as np
from PIL import Image

from corpus import NPY, PNG, RAW, bad, good, npy, original, picture


def write(three: np.ndarray, one: np.ndarray) -> None:
    """Numbers of 0 to 1: taken as they are and warned of, until somebody says where their scale ends."""
    small = (three / 255).astype("<f4")
    bodies = {
        "json": (json.dumps({"array": small.round(6).tolist()}), None, small.round(6)),
        "original": (original(small.round(6)), None, small.round(6)),
        "npy": (npy(small), NPY, small),
        "raw": (small.tobytes(), f"{RAW};dtype=float32", small),
    }
    for name, (body, content_type, values) in bodies.items():
        doubts = ["pixels-of-0-to-1"]
        good(f"scale-{name}-unsaid", values, body, content_type, warnings=doubts)
        good(f"scale-{name}-255", values, body, content_type, prepare="scale=255")
        good(f"scale-{name}-1", three, body, content_type, prepare="scale=1")
        good(f"scale-{name}-auto", three, body, content_type, prepare="scale=auto")
    whole = json.dumps(three.tolist())
    good("scale-auto-leaves-bytes-alone", three, whole, prepare="scale=auto")
    bad("scale-1-refuses-bytes", "out-of-range", whole, prepare="scale=1")
    # A message has one scale: an image that is black but for a speck does not change that of its neighbours.
    speck = np.concatenate([three[:1] * 1.0, np.zeros((1, 28, 28))])
    speck[1, 14, 14] = 0.5
    good("scale-auto-is-the-message-s", speck, json.dumps(speck.tolist()), prepare="scale=auto")
    black = np.zeros((1, 28, 28), int)
    good("scale-of-black", black, json.dumps(black.tolist()))
    drawn = (three[2:] > 127).astype(int)
    good("scale-of-zeros-and-ones", drawn, json.dumps(drawn.tolist()))
    good("scale-of-zeros-and-ones-auto", drawn, json.dumps(drawn.tolist()), prepare="scale=auto")
    good("scale-of-zeros-and-ones-1", drawn * 255, json.dumps(drawn.tolist()), prepare="scale=1")
    grey = Image.fromarray(one[0])
    for wish in ["scale=1", "scale=auto"]:
        good(f"scale-leaves-pictures-alone-{wish[6:]}", one, picture(grey, "PNG"), PNG, prepare=wish)
