"""Writes golden/centroids.bin: a second, quite different classifier, for showing that a component can be swapped.

    python centroids.py [FOLDER]

The file is 10 rows of 784 unsigned bytes: the mean training image of each class, rounded, pixels row-major. An image
belongs to the class whose row has the smallest squared Euclidean distance to it; of equal ones, the first.
"""

import sys
from pathlib import Path

import numpy as np

import data_options
import idx


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else data_options.FASHION
    images, classes = (idx.read(folder / f"train-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    centroids = np.stack([images[classes == c].mean(0) for c in range(10)]).round().astype(np.uint8).reshape(10, -1)
    path = Path(__file__).parent.parent / "golden" / "centroids.bin"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(centroids.tobytes())

    images, classes = (idx.read(folder / f"t10k-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    pixels, rows = images.reshape(len(images), -1).astype(np.int64), centroids.astype(np.int64)
    # |x - c|^2 without |x|^2, which is the same for every class.
    answers = ((rows**2).sum(1) - 2 * pixels @ rows.T).argmin(1)
    print(f"{path.name}: {int((answers == classes).sum())} of {len(classes)} test images right")


if __name__ == "__main__":
    main()
