"""Writes golden/: what a classifier has to read and answer, made by Python's own json and by onnxruntime.

    python golden.py [MODEL.onnx]

../README.md says what each file is.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

import fashion_mnist

MODELS = Path(__file__).parent.parent
GOLDEN = MODELS / "golden"
REQUEST = 40  # images in one message of the original producer


def main() -> None:
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "fashion-cnn.onnx"
    images, classes = fashion_mnist.test_set(MODELS / "data")
    (probabilities,) = onnxruntime.InferenceSession(model).run(
        None, {"images": images[:, None].astype(np.float32)}
    )
    answers = probabilities.argmax(1).tolist()

    array = images[:REQUEST, :, :, None]
    body = json.dumps(json.dumps({"array": array.tolist()}))  # the original encodes twice
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / "images-40.json").write_text(body)
    (GOLDEN / "answer-40.json").write_text(json.dumps(answers[:REQUEST]))
    np.save(GOLDEN / "probabilities-40.npy", probabilities[:REQUEST])
    (GOLDEN / "answers-10000.json").write_text(json.dumps(answers))

    right = int((probabilities.argmax(1) == classes).sum())
    # Another engine gives the same classes as long as its probabilities differ by less than half of the margin.
    ordered = np.sort(probabilities, axis=1)
    print(f"{model.name}: {right} of {len(answers)} test images right")
    print(f"smallest margin of the first {REQUEST}: {(ordered[:REQUEST, -1] - ordered[:REQUEST, -2]).min():.4f}")
    print(f"smallest margin of all: {(ordered[:, -1] - ordered[:, -2]).min():.6f}")


if __name__ == "__main__":
    main()
