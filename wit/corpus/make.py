"""Writes cases.json and files/: the wire messages that every host and every guest is held against.

    pip install numpy onnx onnxruntime pillow
    python make.py [MODEL.onnx]

README.md says how a case is read. Answers are onnxruntime's for ../../models/fashion-small.onnx, so this runs again
whenever that model changes.
"""

import gzip
import hashlib
import io
import itertools
import json
import pickle
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import formats
import pictures

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "models"
MODEL = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "fashion-small.onnx"
FILES = HERE / "files"
LABELS = (MODELS / "labels.txt").read_text().splitlines()

JSON, NPY, RAW = "application/json", "application/x-npy", "application/octet-stream"
BYTES = f"{RAW};dtype=uint8"
PNG, JPEG = "image/png", "image/jpeg"
SCORES = "application/json;profile=scores"

session = onnxruntime.InferenceSession(MODEL)
cases: list[dict] = []
files: dict[bytes, str] = {}


def probabilities(images: np.ndarray) -> np.ndarray:
    """What the model gives for images of shape (N, 28, 28)."""
    (given,) = session.get_inputs()
    shape = [len(images)] + [length for length in given.shape[1:]]
    return session.run(None, {given.name: images.reshape(shape).astype(np.float32)})[0]


def classes(images: np.ndarray) -> list[int]:
    """The answers, refused when another engine or another JPEG decoder could differ."""
    scores = probabilities(images)
    first, second = np.sort(scores)[:, ::-1][:, :2].T
    assert (first - second > 0.2).all(), "too close: choose other images"
    return scores.argmax(1).tolist()


def scored(images: np.ndarray, top: int) -> dict:
    """The answer with scores."""

    def score(row: np.ndarray, label: int) -> dict:
        return {"class": int(label), "label": LABELS[label], "score": round(float(row[label]), 6)}

    predictions = []
    for row in probabilities(images):
        best = [score(row, label) for label in np.argsort(-row, kind="stable")[:top]]
        predictions.append({**best[0], "top": best})
    file = onnx.load(MODEL, load_external_data=False)
    metadata = {entry.key: entry.value for entry in file.metadata_props}
    model = {
        "name": metadata["name"],
        "version": metadata.get("version", str(file.model_version)),
        "sha256": hashlib.sha256(MODEL.read_bytes()).hexdigest(),
    }
    return {"model": model, "predictions": predictions}


def case(name: str, body, content_type=None, accept=None, prepare=None, *, repeat=1, **expected) -> None:
    """Adds a case; short text goes into cases.json itself, the rest into files/, each body once."""
    entry: dict = {"name": name}
    data = body.encode() if isinstance(body, str) else body
    if isinstance(body, str) and len(data) <= 200:
        entry["text"] = body
        if repeat != 1:
            entry["repeat"] = repeat
    else:
        entry["file"] = files.setdefault(data, f"files/{name}")
        (HERE / entry["file"]).write_bytes(data)
    wishes = {"content_type": content_type, "accept": accept, "prepare": prepare}
    cases.append({**entry, **{name: wish for name, wish in wishes.items() if wish is not None}, **expected})


def good(name: str, images: np.ndarray, body, content_type=None, accept=None, prepare=None, warnings=()) -> None:
    answer = json.dumps(classes(images))
    doubts = {"warnings": list(warnings)} if warnings else {}
    case(name, body, content_type, accept, prepare, images=len(images), answer=answer, **doubts)


def bad(name: str, code: str, body, content_type=None, accept=None, prepare=None, repeat=1) -> None:
    case(name, body, content_type, accept, prepare, repeat=repeat, error=f"reject.{code}")


def original(array) -> str:
    """What the original's producers send."""
    return json.dumps(json.dumps({"array": np.asarray(array).tolist()}))


def npy(array: np.ndarray, version=None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def picture(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def json_cases(three: np.ndarray, one: np.ndarray) -> None:
    nhwc = three[..., None]
    good("original-nhwc", three, original(nhwc), JSON)
    good("original-recognised", three, original(nhwc))
    good("original-nhw", three, original(three))
    good("original-hw", one, original(one[0]))
    good("original-floats", one, original(one.astype(float)))
    good("original-charset", one, original(one), "Application/JSON; charset=UTF-8")
    good("original-spaces-around", one, "\r\n " + original(one) + " \n")
    escaped = original(one).replace("[", "\\u005b").replace("a", "\\u0061")
    good("original-unicode-escapes", one, escaped)
    array = {"array": nhwc.tolist()}
    good("object-python-separators", three, json.dumps(array))
    good("object-compact", three, json.dumps(array, separators=(",", ":")))
    good("object-indented", one, json.dumps({"array": one[0].tolist()}, indent=1))
    others = {"id": 7, "tags": [{"array": [1]}, "]}\"", None], "é": -1e-9, **array, "after": {}}
    good("object-other-members", three, json.dumps(others))
    good("list-nhwc", three, json.dumps(nhwc.tolist()))
    good("list-nhw", three, json.dumps(three.tolist()))
    good("list-hw", one, json.dumps(one[0].tolist()))
    good("list-hwc", one, json.dumps(one[0][..., None].tolist()))
    crlf = json.dumps(one[0].tolist(), separators=("\r\n,\t", ":"))
    good("list-every-white-space", one, " \t\r\n" + crlf + "\n")
    exponents = "[" + ",".join("[" + ",".join(f"{v / 10:.1f}e1" if v else "-0.0" for v in row) + "]" for row in one[0].tolist()) + "]"
    good("list-exponents", one, exponents, JSON)
    halves = np.clip(one[0] + 0.25, 0, 255)
    good("list-fractions", halves[None], json.dumps(halves.tolist()))

    once = json.dumps({"array": one.tolist()})
    bom = "\ufeff"
    good("json-byte-order-mark", one, bom + once)
    good("json-byte-order-mark-said-json", one, bom + once, JSON)
    good("json-byte-order-mark-before-a-string", one, bom + original(one))
    good("json-byte-order-mark-in-the-string", one, json.dumps(bom + once, ensure_ascii=False))
    bad("json-byte-order-mark-alone", "empty", bom, JSON)
    for name, other in {
        "nan": float("nan"),
        "infinities": {"losses": [float("inf"), [float("-inf")]]},
        "half-a-surrogate-pair": "\ud83d",
        "halves-the-wrong-way-round": "\ude00\ud83d",
    }.items():
        once = json.dumps({"other": other, "array": one.tolist()})
        good(f"json-other-member-of-{name}", one, once)
        good(f"json-other-member-of-{name}-twice", one, json.dumps(once))
        # As JavaScript's JSON.stringify leaves it: the half stands in the outer string itself.
        good(f"json-other-member-of-{name}-bare", one, json.dumps(once).replace("\\\\u", "\\u"))
    bad("json-nul-behind", "not-json", json.dumps({"array": one.tolist()}) + "\0")
    bad("json-nul-behind-twice", "not-json", original(one) + "\0")
    bad("json-nul-behind-in-the-string", "not-json", json.dumps(json.dumps({"array": one.tolist()}) + "\0"))
    bad("json-control-character-in-the-string", "not-json", original(one).replace(" ", "\n", 1))

    body = original(one)
    bad("json-truncated-string", "not-json", body[:-20], JSON)
    bad("json-truncated-inside", "not-json", json.dumps(json.dumps({"array": one.tolist()})[:-20]))
    bad("json-truncated-number", "not-json", json.dumps(one.tolist())[:-4])
    bad("json-trailing-garbage", "not-json", body + "x")
    bad("json-trailing-garbage-inside", "not-json", json.dumps(json.dumps({"array": one.tolist()}) + "]"))
    bad("json-encoded-three-times", "not-json", json.dumps(body))
    bad("json-word", "not-json", "hello", JSON)
    bad("json-number", "not-json", "42", JSON)
    bad("json-single-quotes", "not-json", "{'array': [[1]]}")
    bad("json-leading-zero", "not-json", "[[01]]")
    bad("json-trailing-comma", "not-json", "[[1,2],]")
    bad("json-bare-escape", "not-json", '"{\\"array\\": \\x5b]}"')
    bad("json-empty-body", "empty", "", JSON)
    bad("json-white-space", "empty", " \n\t", JSON)
    bad("json-empty-list", "empty", "[]")
    bad("json-empty-array", "empty", '{"array": []}')
    bad("json-empty-object", "bad-array", "{}")
    bad("json-no-array", "bad-array", '{"images": [[1]]}')
    bad("json-two-arrays", "bad-array", '{"array": [[1]], "array": [[1]]}')
    bad("json-array-of-strings", "bad-array", '{"array": [["1"]]}')
    bad("json-array-of-null", "bad-array", "[[null]]")
    bad("json-array-is-string", "bad-array", '{"array": "[[1]]"}')
    bad("json-wrong-shape", "bad-shape", original(np.zeros((1, 14, 28, 2), int)))
    bad("json-one-row", "bad-shape", "[1, 2, 3]")
    bad("json-ragged-rows", "bad-shape", "[[1, 2, 3], [1, 2]]")
    bad("json-mixed-depth", "bad-shape", "[[1, 2], 3]")
    bad("json-deeper-later", "bad-shape", "[1, [2]]")
    spoiled = one.astype(object)[0]
    for name, value, code in [
        ("json-nan", float("nan"), "not-finite"),
        ("json-infinity", float("inf"), "not-finite"),
        ("json-minus-infinity", float("-inf"), "not-finite"),
        ("json-256", 256, "out-of-range"),
        ("json-minus-one", -1, "out-of-range"),
        ("json-huge-exponent", 1e300, "not-finite"),
    ]:
        spoiled[27, 27] = value
        bad(name, code, original(spoiled))
    bad("json-five-deep", "too-deep", "[[[[[1]]]]]")
    bad("json-hundred-thousand-deep", "too-deep", "[", repeat=100_000)
    bad("json-hundred-thousand-objects", "bad-array", '{"array":', repeat=100_000)


def array_cases(three: np.ndarray, one: np.ndarray) -> None:
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


def undeclared_cases(three: np.ndarray, one: np.ndarray) -> None:
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


def scale_cases(three: np.ndarray, one: np.ndarray) -> None:
    """Numbers of 0 to 1: taken as they are and warned of, until somebody says where their scale ends."""
    small = (three / 255).astype("<f4")
    bodies = {
        "json": (json.dumps({"array": small.round(6).tolist()}), None, small.round(6)),
        "original": (original(small.round(6)), None, small.round(6)),
        "npy": (npy(small), NPY, small),
        "raw": (small.tobytes(), f"{RAW};dtype=float32", small),
    }
    for name, (body, content_type, values) in bodies.items():
        doubts = ["pixels-of-0-to-1"]
        good(f"scale-{name}-unsaid", values, body, content_type, warnings=doubts)
        good(f"scale-{name}-255", values, body, content_type, prepare="scale=255")
        good(f"scale-{name}-1", three, body, content_type, prepare="scale=1")
        good(f"scale-{name}-auto", three, body, content_type, prepare="scale=auto")
    whole = json.dumps(three.tolist())
    good("scale-auto-leaves-bytes-alone", three, whole, prepare="scale=auto")
    bad("scale-1-refuses-bytes", "out-of-range", whole, prepare="scale=1")
    # A message has one scale: an image that is black but for a speck does not change that of its neighbours.
    speck = np.concatenate([three[:1] * 1.0, np.zeros((1, 28, 28))])
    speck[1, 14, 14] = 0.5
    good("scale-auto-is-the-message-s", speck, json.dumps(speck.tolist()), prepare="scale=auto")
    black = np.zeros((1, 28, 28), int)
    good("scale-of-black", black, json.dumps(black.tolist()))
    drawn = (three[2:] > 127).astype(int)
    good("scale-of-zeros-and-ones", drawn, json.dumps(drawn.tolist()))
    good("scale-of-zeros-and-ones-auto", drawn, json.dumps(drawn.tolist()), prepare="scale=auto")
    good("scale-of-zeros-and-ones-1", drawn * 255, json.dumps(drawn.tolist()), prepare="scale=1")
    grey = Image.fromarray(one[0])
    for wish in ["scale=1", "scale=auto"]:
        good(f"scale-leaves-pictures-alone-{wish[6:]}", one, picture(grey, "PNG"), PNG, prepare=wish)


def picture_cases(one: np.ndarray) -> None:
    grey = Image.fromarray(one[0])
    large = grey.resize((84, 84), Image.Resampling.NEAREST)
    png = picture(grey, "PNG")
    good("png-grey", one, png, PNG)
    good("png-recognised", one, png)
    good("png-colour", one, picture(grey.convert("RGB"), "PNG"), PNG)
    good("png-palette", one, picture(grey.convert("P"), "PNG"), PNG)
    good("png-16-bit", one, picture(Image.fromarray(one[0].astype(np.uint16) * 257), "PNG"), PNG)
    white = Image.new("L", grey.size, 255)
    good("png-transparent-background", one, picture(Image.merge("LA", (white, grey)), "PNG"), PNG)
    good("png-larger", one, picture(large, "PNG"), PNG)
    good("jpeg-grey", one, picture(grey, "JPEG", quality=95), JPEG)
    good("jpeg-colour-larger", one, picture(large.convert("RGB"), "JPEG", quality=95), JPEG)
    good("jpeg-recognised", one, picture(grey, "JPEG", quality=95))
    good("jpeg-said-jpg", one, picture(grey, "JPEG", quality=95), "image/jpg")
    good("jpeg-said-pjpeg", one, picture(grey, "JPEG", quality=95), "image/pjpeg")
    good("png-said-x-png", one, png, "image/x-png")
    jpeg = picture(grey, "JPEG", quality=95)
    bad("jpeg-truncated", "bad-image", jpeg[: -len(jpeg) // 4], JPEG)
    bad("png-truncated", "bad-image", png[: len(png) // 2], PNG)
    at = png.index(b"IDAT") + 20
    bad("png-corrupt", "bad-image", png[:at] + bytes([png[at] ^ 0x55]) + png[at + 1 :], PNG)
    bad("png-signature-alone", "bad-image", png[:8])
    bad("png-claims-gigabytes", "too-large", huge_png(60_000, 60_000), PNG)
    bad("png-of-the-largest-sides", "too-large", huge_png(65_535, 65_535), PNG)
    bad("png-of-a-longer-side", "too-large", huge_png(65_536, 1), PNG)
    for name, seen, body in pictures.kinds(one[0]):
        good(name, seen[None], body, PNG if name.startswith("png") else JPEG)
    photograph = pictures.png(np.asarray(grey).repeat(143, 0).repeat(143, 1)[..., None], pictures.GREY)
    good("png-sixteen-megapixels", one, photograph, PNG)
    dark = picture(Image.fromarray(255 - one[0]), "PNG")
    good("png-dark-on-light", 255 - one, dark, PNG, warnings=["light-border"])
    good("png-dark-on-light-never", 255 - one, dark, PNG, prepare="invert=never")
    good("png-dark-on-light-always", one, dark, PNG, prepare="invert=always")
    good("png-dark-on-light-auto", one, dark, PNG, prepare="invert=auto")
    good("png-light-on-dark-auto", one, png, PNG, prepare="invert=auto")
    photograph = pictures.photograph(one[0])
    good("png-photograph", one, photograph, prepare="fit=crop;invert=auto")
    cut_out = np.stack([255 - one[0], (one[0] > 0) * 255], 2)
    good("png-dark-cut-out-always", one, pictures.png(cut_out, pictures.GREY_ALPHA), PNG, prepare="invert=always")
    bad("prepare-no-fit", "unsupported-preparation", png, PNG, prepare="fit=whole")
    bad("prepare-no-invert", "unsupported-preparation", png, PNG, prepare="invert=yes")
    bad("jpeg-start-alone", "bad-image", b"\xff\xd8\xff\xe0", JPEG)
    bad("text-said-png", "bad-image", "hello", PNG)


def huge_png(width: int, height: int) -> bytes:
    """One row of black in a file whose header says there is more."""
    header = struct.pack(">IIBBBBB", width, height, 8, pictures.GREY, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(width + 1))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(pictures.chunk(*part) for part in parts)


def negotiation_cases(three: np.ndarray, one: np.ndarray) -> None:
    raw = one.tobytes()
    for name, accept in [("json", JSON), ("anything", "*/*"), ("case-and-charset", "Application/JSON; Charset=utf-8")]:
        good(f"accept-{name}", one, raw, BYTES, accept)
    for name, images, accept, top in [
        ("default", one, SCORES, 3),
        ("top-1", three, f"{SCORES};top-k=1", 1),
        ("top-3", three, f"{SCORES};top-k=3", 3),
        ("all", one, f"{SCORES};top-k=1000", 10),
        ("quoted", one, 'application/json ; Profile="scores" ; TOP-K = 2', 2),
    ]:
        case(f"scores-{name}", images.tobytes(), BYTES, accept, images=len(images), scores=scored(images, top))
    for name, accept in [
        ("html", "text/html"),
        ("unknown-profile", "application/json;profile=logits"),
        ("top-k-alone", "application/json;top-k=3"),
        ("top-0", f"{SCORES};top-k=0"),
        ("top-words", f"{SCORES};top-k=three"),
        ("no-media-type", "json"),
        ("empty", ""),
    ]:
        bad(f"accept-{name}", "not-acceptable", raw, BYTES, accept)
    for name, content_type in [("html", "text/html"), ("no-media-type", "json"), ("empty", "")]:
        bad(f"content-type-{name}", "unsupported-content-type", "hello", content_type)
    bad("unknown-bytes", "unknown-format", b"\x00\x01\x02")
    bad("unknown-words", "unknown-format", "hello")
    bad("no-bytes", "empty", "")


def reported_cases() -> None:
    """What users sent and got a wrong answer to, as they sent it: test images 0 and 1, or no images at all."""

    def answered(name: str, answer: list[int], content_type=None, prepare=None, warnings=(), as_what="") -> None:
        doubts = {"warnings": list(warnings)} if warnings else {}
        reported(name, as_what, content_type, prepare, images=len(answer), answer=json.dumps(answer), **doubts)

    def refused(name: str, code: str, content_type=None, as_what="") -> None:
        reported(name, as_what, content_type, None, error=f"reject.{code}")

    def reported(name: str, as_what: str, content_type, prepare, **expected) -> None:
        wishes = {"content_type": content_type, "prepare": prepare}
        entry = {"name": f"reported-{name}{as_what}", "file": f"reported/{name}"}
        cases.append({**entry, **{name: wish for name, wish in wishes.items() if wish is not None}, **expected})

    refused("float32_one_image.raw", "unknown-format")
    refused("float32_one_image.raw", "unknown-format", RAW, as_what="-said-bytes")
    answered("float32_one_image.raw", [9], f"{RAW};dtype=float32", as_what="-said-floats")
    refused("gzip_784.bin", "bad-encoding")
    refused("html784.txt", "unknown-format")
    answered("png_784_octet-stream.png", [9], RAW)
    answered("normalised_one.json", [5], warnings=["pixels-of-0-to-1"])
    answered("normalised_one.json", [9], prepare="scale=1", as_what="-said-to-end-at-1")
    answered("normalised_one.json", [9], prepare="scale=auto", as_what="-found-to-end-at-1")
    for name in ("png_16_low.png", "png_alpha_item.png", "jpg_exif6.jpg"):
        answered(name, [9])
    answered("jpeg_ct_image_jpg.jpg", [9], "image/jpg")
    for name in ("nan_in_other_member.json", "lone_surrogate_double.json"):
        answered(name, [9])
    for name in ("bom.json", "surrogate.json"):
        answered(name, [9, 2])
    refused("nul_end.json", "not-json")
    for name in ("img.webp", "img.gif", "img.bmp", "base64_png.txt"):
        answered(name, [9])
    for name in ("base64_npy.txt", "cloudevent.json", "tfs_instances.json", "v2.json", "gzip_json.bin", "npz.npz", "npy_i8.npy", "npy_f.npy", "flat784.json", "nchw.json"):
        answered(name, [9, 2])


def format_cases(three: np.ndarray, one: np.ndarray) -> None:
    """What else is taken, and what is refused of the same kinds."""
    kinds = [formats.picture_kinds(one[0]), formats.array_kinds(three, one), formats.json_kinds(three, one), formats.packed_kinds(three, one)]
    for name, images, body, content_type, *warnings in itertools.chain(*kinds):
        good(name, images, body, content_type, warnings=warnings[0] if warnings else ())
    for name, code, body, content_type in formats.bad_kinds(three, one):
        bad(name, code, body, content_type)


def main() -> None:
    FILES.mkdir(exist_ok=True)
    for file in FILES.iterdir():
        file.unlink()
    with gzip.open(MODELS / "data" / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    three, one = images[:3], images[:1]
    json_cases(three, one)
    array_cases(three, one)
    picture_cases(one)
    undeclared_cases(three, one)
    scale_cases(three, one)
    negotiation_cases(three, one)
    format_cases(three, one)
    reported_cases()
    names = [entry["name"] for entry in cases]
    assert len(set(names)) == len(names), "two cases of one name"
    lines = ",\n".join(" " + json.dumps(entry, ensure_ascii=False) for entry in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")
    size = sum(file.stat().st_size for file in FILES.iterdir())
    print(f"{len(cases)} cases, {size} bytes of files")


if __name__ == "__main__":
    main()
