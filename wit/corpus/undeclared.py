"""Bytes without a content type, or with a wrong one: they are pixels only where somebody calls them so."""

import gzip
import json
import pickle

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from corpus import BYTES, JSON, RAW, bad, good, npy, picture


def write(three: np.ndarray, one: np.ndarray) -> None:
    """Bytes that have the length of whole images, and are pixels only where somebody calls them so."""
    wide = one.astype("<f4").tobytes()
    png = picture(Image.fromarray(one[0]), "PNG")
    foreign = {
        "uint8": one.tobytes(),
        "float32": wide,
        "int64": one.astype("<i8").tobytes(),
        "line": "2026-01-01T00:00:00Z INFO request served in 12 ms ".ljust(784, "."),
        "html": ("<html>Bad gateway</html>" * 40)[:784],
        "pickle": sized(pickle.dumps(one[0], 4)[:-1], b"."),
        "pdf": sized(b"%PDF-1.7\n"),
        "heic": sized(b"\0\0\0\x18ftypheic\0\0\0\0"),
    }
    # Of formats that are taken, and damaged.
    damaged = {
        "gzip": ("bad-encoding", sized(gzip.compress(one.tobytes(), mtime=0))),
        "webp": ("bad-image", sized(b"RIFF\x08\x03\0\0WEBPVP8 ")),
        "gif": ("bad-image", sized(b"GIF89a\x1c\0\x1c\0")),
        "bmp": ("too-large", sized(b"BM\x10\x03\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0")),
        "zip": ("bad-npy", sized(b"PK\x03\x04")),
    }
    for name, (code, body) in damaged.items():
        bad(f"undeclared-{name}", code, body)
        bad(f"undeclared-{name}-said-pixels", code, body, BYTES)
        bad(f"undeclared-{name}-asked-for-as-raw", code, body, prepare="raw=uint8")
        bad(f"undeclared-{name}-said-json", code, body, JSON)
    for name, body in foreign.items():
        bad(f"undeclared-{name}", "unknown-format", body)
        bad(f"undeclared-{name}-as-octet-stream", "unknown-format", body, RAW)
    # What no array of pixels begins like stays what it is, whatever it is called.
    for name in ["html", "pickle", "pdf", "heic"]:
        bad(f"foreign-{name}-said-pixels", "unknown-format", foreign[name], BYTES)
        bad(f"foreign-{name}-asked-for-as-raw", "unknown-format", foreign[name], prepare="raw=uint8")
        bad(f"foreign-{name}-said-json", "content-type-mismatch", foreign[name], JSON)
    for name, body in {"png": sized_png(one[0]), "jpeg": picture(Image.fromarray(one[0]), "JPEG", quality=95), "npy": npy(one)}.items():
        for suffix, content_type, prepare in [("", RAW, None), ("-dtype", BYTES, None), ("-raw", None, "raw=uint8")]:
            good(f"signature-{name}-wins{suffix}", one, body, content_type, prepare=prepare)
    text = json.dumps(one[0].tolist(), separators=(",", ":"))
    text += " " * (-len(text) % 784)
    for suffix, content_type, prepare in [("", RAW, None), ("-dtype", BYTES, None), ("-raw", None, "raw=uint8")]:
        good(f"json-of-whole-images-wins{suffix}", one, text, content_type, prepare=prepare)
    # The first pixel is a bracket, and nothing else is JSON.
    bracket = one.copy()
    bracket[0, 0, 0] = ord("[")
    good("raw-first-pixel-is-a-bracket", bracket, bracket.tobytes(), BYTES)
    good("raw-asked-for", three, three.tobytes(), prepare="raw=uint8")
    good("raw-asked-for-as-octet-stream", three, three.tobytes(), RAW, prepare="raw=uint8")
    good("raw-asked-for-as-floats", one, wide, prepare="raw=float32")
    good("raw-said-otherwise-than-asked-for", one, wide, f"{RAW};dtype=float32", prepare="raw=uint8")
    bad("raw-asked-for-wrong-length", "bad-shape", one.tobytes()[:-1], prepare="raw=uint8")
    good("raw-and-a-png", one, png, prepare="raw=uint8")
    good("raw-and-json", one, json.dumps(one[0].tolist()), prepare="raw=uint8")
    for name, wish in [("unknown", "colour=blue"), ("unknown-dtype", "raw=complex64"), ("no-scale", "scale=2"), ("no-list", "raw")]:
        bad(f"prepare-{name}", "unsupported-preparation", json.dumps(one[0].tolist()), prepare=wish)


def sized(start: bytes, end: bytes = b"") -> bytes:
    """As long as an image, whatever it begins with."""
    return start[: 784 - len(end)].ljust(784 - len(end), b"\x07") + end


def sized_png(grey: np.ndarray) -> bytes:
    """A picture in a file that is as long as whole images: a comment fills it."""
    info = PngInfo()
    info.add_text("Comment", "")
    room = -len(picture(Image.fromarray(grey), "PNG", pnginfo=info)) % 784
    info = PngInfo()
    info.add_text("Comment", "-" * room)
    file = picture(Image.fromarray(grey), "PNG", pnginfo=info)
    assert len(file) % 784 == 0
    return file
