"""Arrays in NumPy's format, and raw pixels."""

import struct

import numpy as np

from corpus import BYTES, NPY, RAW, bad, good, npy


def write(three: np.ndarray, one: np.ndarray) -> None:
    saved(three, one)
    raw(three, one)


def saved(three: np.ndarray, one: np.ndarray) -> None:
    good("npy-u8-nhwc", three, npy(three[..., None]), NPY)
    good("npy-u8-recognised", three, npy(three))
    good("npy-u8-as-octet-stream", three, npy(three), RAW)
    good("npy-f32-hw", one, npy(one[0].astype("<f4")), NPY)
    good("npy-version-2", one, npy(one, (2, 0)), NPY)
    good("npy-version-3", one, npy(one, (3, 0)), NPY)
    whole = npy(one)
    bad("npy-truncated-header", "bad-npy", whole[:40], NPY)
    bad("npy-truncated-values", "bad-npy", whole[:-1], NPY)
    bad("npy-trailing-garbage", "bad-npy", whole + b"\0", NPY)
    good("npy-fortran-order", one, npy(np.asfortranarray(one[0])), NPY)
    for dtype in ["<i2", "<u4", "<i8", ">f4", "<f8", "<f2"]:
        good(f"npy-{np.dtype(dtype).name}{'-big-endian' * (dtype[0] == '>')}", one, npy(one[0].astype(dtype)), NPY)
    bits = (one > 50) * 255
    good("npy-bool", bits, npy(one[0] > 50), NPY)
    good("npy-bool-auto", bits, npy(one[0] > 50), NPY, prepare="scale=auto")
    bad("npy-of-objects", "bad-npy", npy(np.array([{}])), NPY)
    bad("npy-hostile-header-length", "bad-npy", b"\x93NUMPY\x02\0" + struct.pack("<I", 2**32 - 1) + b"{", NPY)
    bad("npy-hostile-shape", "too-many-images", whole.replace(b"(1, 28, 28)", b"(4611686018427387904, 28, 28)"), NPY)
    bad("npy-wrong-shape", "bad-shape", npy(np.zeros((2, 2), np.uint8)), NPY)
    bad("npy-no-images", "empty", npy(np.zeros((0, 28, 28), np.uint8)), NPY)
    bad("npy-nan", "not-finite", npy(np.where(np.eye(28), np.nan, one[0]).astype("<f4")), NPY)
    bad("npy-out-of-range", "out-of-range", npy((one[0] * 2.0).astype("<f4")), NPY)


def raw(three: np.ndarray, one: np.ndarray) -> None:
    good("raw-shape", three, three.tobytes(), f"{RAW}; shape=3,28,28,1")
    good("raw-quoted-shape", one, one.tobytes(), f'{RAW};SHAPE="28,28"')
    good("raw-dtype", three, three.tobytes(), BYTES)
    good("raw-of-s3", one, one.tobytes(), "binary/octet-stream; dtype=uint8")
    for dtype in ["uint16", "int64", "float16", "float32", "float64", ">f4", "<i4"]:
        name = f"raw-{dtype.strip('<>')}{'-big-endian' * (dtype[0] == '>')}"
        good(name, three, three.astype(dtype).tobytes(), f"{RAW};dtype={dtype}")
    good("raw-float32-shape", one, one.astype("<f4").tobytes(), f"{RAW};dtype=float32;shape=28,28,1")
    bad("raw-float32-not-normalised", "out-of-range", (one * 2.0 - 1).astype("<f4").tobytes(), f"{RAW};dtype=float32")
    bad("raw-float32-nan", "not-finite", np.where(np.eye(28), np.nan, one[0]).astype("<f4").tobytes(), f"{RAW};dtype=float32")
    bad("raw-float32-called-bytes", "bad-shape", one.astype("<f4").tobytes(), f"{RAW};shape=28,28,1")
    bad("raw-complex", "unsupported-content-type", one.astype("<c8").tobytes(), f"{RAW};dtype=complex64")
    bad("raw-wrong-length", "bad-shape", one.tobytes()[:-1], BYTES)
    bad("raw-wrong-shape", "bad-shape", one.tobytes(), f"{RAW};shape=2,28,28,1")
    bad("raw-malformed-shape", "bad-shape", one.tobytes(), f"{RAW};shape=28x28")
    bad("raw-too-many", "too-many-images", "        ", f"{RAW};shape=4097,28,28,1")
    bad("raw-empty", "empty", "", RAW)
