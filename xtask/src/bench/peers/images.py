"""The test images, and messages of them as the Python program sends them."""

import gzip
import json
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[4] / "models" / "data"


def test_images() -> np.ndarray:
    """(10000, 28, 28, 1) of u8."""
    return idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)


def test_classes() -> np.ndarray:
    """(10000,) of u8."""
    return idx("t10k-labels-idx1-ubyte.gz", 8)


def idx(name: str, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((DATA / name).read_bytes()), np.uint8, offset=header)


def messages(count: int, batch: int) -> list[bytes]:
    """The first images, `batch` in a message: JSON within a JSON string."""
    images = test_images()
    batches = (images[batch * n : batch * (n + 1)] for n in range(count))
    return [json.dumps(json.dumps({"array": images.tolist()})).encode() for images in batches]
