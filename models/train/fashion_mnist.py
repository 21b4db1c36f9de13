"""Fashion-MNIST from its four IDX files, and the split that keeps the test images for the end.

IDX format: http://yann.lecun.com/exdb/mnist/ (two zero bytes, a type byte, the number of dimensions, each dimension as
a big-endian u32, then the values, row-major).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
LABELS = (Path(__file__).parent.parent / "labels.txt").read_text().splitlines()
HELD_OUT = 5_000


def read_idx(path: Path) -> np.ndarray:
    """A gzipped IDX file of unsigned bytes as an array of its own shape. Exits with a remedy where it is unusable."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise SystemExit(
            f"no {path}: run `apt install dataset-fashion-mnist`, or give --data a folder with the four files of "
            "https://github.com/zalandoresearch/fashion-mnist"
        ) from None
    except (EOFError, OSError, zlib.error) as error:
        raise SystemExit(f"{path} cannot be read ({error}): fetch it again") from None
    if raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise SystemExit(f"{path} is not an IDX file of unsigned bytes: fetch it again")
    start = 4 + 4 * raw[3]
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    if len(raw) - start != math.prod(shape):
        raise SystemExit(f"{path} holds {len(raw) - start} values where its header says {shape}: fetch it again")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def training_set(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """All 60,000 training images, (60000, 28, 28) u8, and their classes, (60000,) u8."""
    return read_idx(folder / "train-images-idx3-ubyte.gz"), read_idx(folder / "train-labels-idx1-ubyte.gz")


def test_set(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 test images, (10000, 28, 28) u8, and their classes, (10000,) u8: for a final figure only."""
    return read_idx(folder / "t10k-images-idx3-ubyte.gz"), read_idx(folder / "t10k-labels-idx1-ubyte.gz")


def held_out_split(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices to train on and indices held out for choosing: the same for every seed, so that runs compare."""
    order = np.random.default_rng(0).permutation(count)
    return order[HELD_OUT:], order[:HELD_OUT]
