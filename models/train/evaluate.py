"""Measures NAME.onnx on the 10,000 test images with onnxruntime and writes the figures into NAME.json.

    python evaluate.py NAME [FOLDER]

For a model that has already been chosen by its validation accuracy. FOLDER is by default the one in this repository.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

import fashion_mnist


def main() -> None:
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    name = sys.argv[1]
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent.parent / "data"
    images, classes = fashion_mnist.test_set(folder)
    session = onnxruntime.InferenceSession(f"{name}.onnx")
    (answers,) = session.run(None, {"images": images[:, None].astype(np.float32)})
    right = answers.argmax(1) == classes

    path = Path(f"{name}.json")
    report = json.loads(path.read_text())
    report["accuracy"]["test"] = round(float(right.mean()), 4)
    report["test_accuracy_by_class"] = {
        label: round(float(right[classes == c].mean()), 4) for c, label in enumerate(fashion_mnist.LABELS)
    }
    text = json.dumps(report, indent=2)
    path.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
