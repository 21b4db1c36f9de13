"""IDX files: the format of MNIST and of Fashion-MNIST, gzipped or not.

Two zero bytes, a type byte, the number of dimensions, each dimension as a big-endian u32, then the values, row-major
(http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np


def find(folder: Path, stem: str) -> Path | None:
    """The file `stem` in `folder`, gzipped or not."""
    paths = (folder / stem, folder / f"{stem}.gz")
    return next((path for path in paths if path.is_file()), None)


def read(path: Path) -> np.ndarray:
    """An IDX file of unsigned bytes as an array of its own shape. Raises `ValueError` with a remedy."""
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path} is damaged ({error}): fetch it again") from None
    if raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes: fetch it again")
    start = 4 + 4 * raw[3]
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    if len(raw) - start != math.prod(shape):
        raise ValueError(f"{path} holds {len(raw) - start} values where its header says {shape}: fetch it again")
    # PyTorch wants arrays that can be written to.
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy()
