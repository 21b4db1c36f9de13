"""Writes cases.json and files/: the wire messages that every host and every guest is held against.

    pip install numpy onnx onnxruntime pillow
    python make.py [MODEL.onnx]

README.md says how a case is read. Answers are onnxruntime's for ../../models/fashion-small.onnx, so this runs again
whenever that model changes.
"""

import gzip

import numpy as np

import arrays
import corpus
import formats
import json_messages
import negotiation
import photographs
import scales
import undeclared
import users


def main() -> None:
    with gzip.open(corpus.MODELS / "data" / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    three, one = images[:3], images[:1]
    corpus.begin()
    json_messages.write(three, one)
    arrays.write(three, one)
    photographs.write(one)
    undeclared.write(three, one)
    scales.write(three, one)
    negotiation.write(three, one)
    formats.write(three, one)
    users.write()
    corpus.end()


if __name__ == "__main__":
    main()
