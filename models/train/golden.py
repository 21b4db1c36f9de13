"""Writes golden/: what a classifier has to read and answer, made by Python's own json and by onnxruntime.

    python golden.py

../README.md says what each file is.
"""

import json
from pathlib import Path

import numpy as np

import export
import idx

MODELS = Path(__file__).parent.parent
GOLDEN = MODELS / "golden"
REQUEST = 40  # images in one message of the original producer
VECTORS = 100  # images whose probabilities are kept


def main() -> None:
    images = idx.read(MODELS / "data" / "t10k-images-idx3-ubyte.gz")[..., None]
    classes = idx.read(MODELS / "data" / "t10k-labels-idx1-ubyte.gz")
    # The original encodes twice.
    body = json.dumps(json.dumps({"array": images[:REQUEST].tolist()}))
    (GOLDEN / "images-40.json").write_text(body)
    for name in ("fashion-small", "fashion-small-int8", "fashion-large"):
        probabilities = export.run((MODELS / f"{name}.onnx").read_bytes(), images)
        np.save(GOLDEN / f"{name}-100.npy", probabilities[:VECTORS])
        report(name, probabilities, classes)
        if name == "fashion-small":
            answers = probabilities.argmax(1).tolist()
            (GOLDEN / "answer-40.json").write_text(json.dumps(answers[:REQUEST]))
            (GOLDEN / "answers-10000.json").write_text(json.dumps(answers))


def report(name: str, probabilities: np.ndarray, classes: np.ndarray) -> None:
    """Prints the accuracy and by how much classes win."""
    right = int((probabilities.argmax(1) == classes).sum())
    # Another engine gives the same classes as long as its probabilities differ by less than half of the margin.
    best = np.sort(probabilities, axis=1)
    margin = best[:, -1] - best[:, -2]
    print(f"{name}: {right} of {len(classes)} test images right")
    print(f"smallest margin of the first {VECTORS}: {margin[:VECTORS].min():.4f}, of all: {margin.min():.6f}")


if __name__ == "__main__":
    main()
