"""What else is taken than Python's messages: other pictures and arrays, what servers of models are sent, and what those are packed in.

Each generator gives a name, the images (N, 28, 28) that are to be seen, a body and its content type or None; at the end of some
stand the warnings that it is to have.
"""

import base64
import gzip
import io
import itertools
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

import pictures
from corpus import JSON, bad, good, npy, picture

FIRST = ["first-frame-only"]
WRONG = ["content-type-mismatch"]


def write(three: np.ndarray, one: np.ndarray) -> None:
    kinds = [picture_kinds(one[0]), array_kinds(three, one), json_kinds(three, one), packed_kinds(three, one)]
    for name, images, body, content_type, *warnings in itertools.chain(*kinds):
        good(name, images, body, content_type, warnings=warnings[0] if warnings else ())
    for name, code, body, content_type in bad_kinds(three, one):
        bad(name, code, body, content_type)


def npz(compressed: bool = False, **arrays) -> bytes:
    file = io.BytesIO()
    # Not by numpy.savez, which writes the time into it.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy(array), archive.compression)
    return file.getvalue()


def text64(body: bytes, url_safe: bool = False) -> str:
    return (base64.urlsafe_b64encode if url_safe else base64.b64encode)(body).decode()


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def picture_kinds(one: np.ndarray) -> Iterator[tuple]:
    grey = Image.fromarray(one)
    white = Image.new("L", grey.size, 255)
    ink = Image.merge("RGBA", (Image.new("L", grey.size, 0),) * 3 + (grey,))
    chalk = Image.merge("RGBA", (white,) * 3 + (grey,))
    other = Image.fromarray(np.flipud(one))
    large = grey.resize((84, 84), Image.Resampling.BICUBIC)
    images = one[None]

    yield "webp-lossless", images, picture(grey, "WEBP", lossless=True), "image/webp"
    yield "webp-lossy", images, picture(large, "WEBP", quality=95), None
    yield "webp-ink", images, picture(ink, "WEBP", lossless=True, exact=True), None
    yield "webp-lossy-with-alpha", images, picture(chalk.resize((84, 84)), "WEBP", quality=95), None
    yield "webp-animated", images, picture(grey, "WEBP", lossless=True, save_all=True, append_images=[other]), None, FIRST
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = grey.transpose(pictures.STORED[6])
    yield "webp-exif-6", images, picture(stored, "WEBP", lossless=True, exif=exif), None

    yield "gif-grey", images, picture(grey, "GIF"), "image/gif"
    yield "gif-palette", images, picture(grey.convert("RGB").quantize(64), "GIF"), None
    yield "gif-interlaced", images, picture(grey, "GIF", interlace=1), None
    yield "gif-transparent", images, picture(grey, "GIF", transparency=0), None
    yield "gif-animated", images, picture(grey, "GIF", save_all=True, append_images=[other]), None, FIRST

    yield "bmp-grey", images, picture(grey, "BMP"), "image/bmp"
    yield "bmp-colour", images, picture(grey.convert("RGB"), "BMP"), "image/x-ms-bmp"
    yield "bmp-32-bit", images, picture(grey.convert("RGBA"), "BMP"), None
    bit = grey.point(lambda value: 255 * (value > 50)).convert("1", dither=Image.Dither.NONE)
    black = np.asarray(bit).astype(np.uint8)[None] * 255
    yield "bmp-1-bit", black, picture(bit, "BMP"), None

    wide = Image.fromarray(one.astype(np.uint16) * 257)
    yield "tiff-grey", images, picture(grey, "TIFF"), "image/tiff"
    yield "tiff-colour-lzw", images, picture(grey.convert("RGB"), "TIFF", compression="tiff_lzw"), "image/tif"
    yield "tiff-deflate", images, picture(grey, "TIFF", compression="tiff_adobe_deflate"), None
    yield "tiff-jpeg", images, picture(large.convert("RGB"), "TIFF", compression="jpeg", quality=95), None
    yield "tiff-16-bit", images, picture(wide, "TIFF"), None
    yield "tiff-16-bit-low", images, picture(Image.fromarray(one.astype(np.uint16)), "TIFF"), None
    yield "tiff-palette", images, picture(grey.convert("RGB").quantize(256), "TIFF"), None
    yield "tiff-1-bit", black, picture(bit, "TIFF"), None
    yield "tiff-fax", black, picture(bit, "TIFF", compression="group4"), None
    yield "tiff-ink", images, picture(ink, "TIFF"), None
    yield "tiff-grey-with-alpha", images, picture(Image.merge("LA", (white, grey)), "TIFF"), None
    yield "tiff-cmyk", images, picture(grey.convert("RGB").convert("CMYK"), "TIFF"), None
    yield "tiff-pages", images, picture(grey, "TIFF", save_all=True, append_images=[other]), None, FIRST
    yield "tiff-orientation-6", images, picture(stored, "TIFF", tiffinfo={274: 6}), None
    yield "tiff-large-file", images, picture(grey, "TIFF", big_tiff=True), None
    yield "png-animated", images, picture(grey, "PNG", save_all=True, append_images=[other]), None, FIRST


def array_kinds(three: np.ndarray, one: np.ndarray) -> Iterator[tuple]:
    yield "npy-flat", three, npy(three.reshape(3, 784)), None
    yield "npy-one-flat", one, npy(one.reshape(784)), None
    yield "npy-channels-first", three, npy(three[:, None]), None
    yield "npy-one-channel-first", one, npy(one), "application/numpy"
    yield "npy-fortran-order-of-three", three, npy(np.asfortranarray(three)), None
    yield "npy-int8", one // 2, npy((one // 2).astype("<i1")), None
    yield "npy-uint64-big-endian", one, npy(one.astype(">u8")), None
    yield "npz-one", three, npz(arr_0=three), None
    yield "npz-one-of-any-name", three, npz(pullovers=three), "application/x-npz"
    yield "npz-compressed", three, npz(True, arr_0=three), "application/zip"
    yield "npz-with-labels", three, npz(x_test=three, y_test=np.array([9, 2, 1])), None
    yield "npz-labels-first", three, npz(arr_0=np.array([9, 2, 1]), arr_1=three), None
    yield "npz-the-one-that-fits", three, npz(pictures=three, classes=np.array([9, 2, 1])), None
    yield "npz-of-floats", one, npz(True, images=one.astype("<f8")), None


def json_kinds(three: np.ndarray, one: np.ndarray) -> Iterator[tuple]:
    """What servers of models are sent, and CloudEvents."""
    nested, flat = three[..., None].tolist(), three.reshape(3, 784).tolist()
    png, jpeg = pictures.png(one[0][..., None], pictures.GREY), pictures.jpeg(Image.fromarray(one[0]))
    array = npy(three)
    yield "json-flat", three, json.dumps({"array": flat}), None
    yield "json-one-flat", one, json.dumps(one[0].reshape(784).tolist()), None
    yield "json-channels-first", three, json.dumps(three[:, None].tolist()), None

    yield "instances", three, json.dumps({"signature_name": "serving_default", "instances": nested}), None
    yield "instances-flat", three, json.dumps({"instances": flat}), "text/json"
    yield "instances-by-name", three, json.dumps({"instances": [{"input": image} for image in nested]}), None
    yield "instances-encoded", one, json.dumps({"instances": [{"b64": text64(png)}]}), None
    named = [{"key": str(at), "image_bytes": {"b64": text64(body)}} for at, body in enumerate([png, jpeg])]
    yield "instances-encoded-by-name", one.repeat(2, 0), json.dumps({"instances": named}), None
    yield "inputs", three, json.dumps({"inputs": nested}), None
    yield "inputs-by-name", three, json.dumps({"inputs": {"input": nested}}), None

    def tensor(shape, datatype, data) -> str:
        return json.dumps({"id": "7", "inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}]})

    yield "tensor-flat", three, tensor([3, 28, 28, 1], "UINT8", three.reshape(-1).tolist()), None
    yield "tensor-nested", three, tensor([3, 28, 28, 1], "INT64", nested), JSON
    yield "tensor-channels-first", one, tensor([1, 1, 28, 28], "FP32", one.astype(float).reshape(-1).tolist()), None
    yield "tensor-of-bools", (one > 50) * 255, tensor([1, 784], "BOOL", (one > 50).reshape(1, 784).tolist()), None
    yield "tensor-of-strings", one.repeat(2, 0), tensor([2], "BYTES", [text64(png), text64(jpeg)]), None

    def event(**members) -> str:
        return json.dumps({"specversion": "1.0", "type": "image", "source": "/camera", "id": "1", **members})

    yield "event", three, event(datacontenttype=JSON, data={"array": nested}), "application/cloudevents+json"
    yield "event-recognised", three, event(data=nested), None
    yield "event-of-the-message", three, event(data=json.dumps({"array": nested})), None
    yield "event-of-a-picture", one, event(datacontenttype="image/png", data_base64=text64(png)), None
    yield "event-of-pixels", one, event(datacontenttype="application/octet-stream;dtype=uint8", data_base64=text64(one.tobytes())), None
    yield "event-of-what-is-packed", three, event(data_base64=text64(packed(array))), None

    for name, body, seen in [("png", png, one), ("jpeg", jpeg, one), ("npy", array, three)]:
        text = text64(body)
        yield f"base64-{name}", seen, text, None
        yield f"base64-{name}-string", seen, json.dumps(text), JSON
        yield f"base64-{name}-array", seen, json.dumps(json.dumps({"array": text})), None
        yield f"base64-{name}-list", seen, json.dumps([text]), None
    lines = "\r\n".join(text64(png)[at : at + 76] for at in range(0, len(text64(png)), 76)) + "\r\n"
    yield "base64-lines", one, lines, "text/plain; charset=us-ascii"
    yield "base64-url-safe", one, text64(jpeg, True).rstrip("="), None
    yield "base64-of-json", three, text64(json.dumps({"array": nested}).encode()), None
    yield "base64-of-what-is-packed", three, text64(packed(array)), None
    yield "data-url", one, f"data:image/png;base64,{text64(png)}", None
    yield "data-url-string", one, json.dumps(f"data:image/jpeg;base64,{text64(jpeg)}"), None
    yield "data-url-of-pixels", one, f"data:application/octet-stream;dtype=uint8;base64,{text64(one.tobytes())}", None


def packed_kinds(three: np.ndarray, one: np.ndarray) -> Iterator[tuple]:
    message = json.dumps({"array": three.tolist()})
    png = pictures.png(one[0][..., None], pictures.GREY)
    yield "gzip-json", three, packed(message.encode()), None
    yield "gzip-said-json", three, packed(message.encode()), JSON
    yield "gzip-said-gzip", three, packed(message.encode()), "application/gzip"
    yield "gzip-npy", three, packed(npy(three)), None
    yield "gzip-pixels", one, packed(one.tobytes()), "application/octet-stream;dtype=uint8"
    yield "gzip-twice", three, packed(packed(message.encode())), None
    yield "zlib-json", three, zlib.compress(message.encode()), None
    yield "utf-16", three, message.encode("utf-16"), None
    yield "utf-16-said-json", three, b"\xfe\xff" + message.encode("utf-16-be"), JSON
    yield "png-said-jpeg", one, png, "image/jpeg", WRONG
    yield "png-said-json", one, png, JSON, WRONG
    yield "png-said-html", one, png, "text/html", WRONG
    yield "png-said-png-alone", one, png, "png", WRONG
    yield "png-said-some-picture", one, png, "image/*"
    yield "json-said-png", three, message, "image/png", WRONG
    yield "json-said-form", three, message, "application/x-www-form-urlencoded", WRONG
    yield "json-said-text", three, message, "text/plain"
    yield "json-said-problem", three, message, "application/vnd.example+json"


def bad_kinds(three: np.ndarray, one: np.ndarray) -> Iterator[tuple[str, str, bytes | str, str | None]]:
    """A name, the code of the refusal, a body and its content type."""
    png = pictures.png(one[0][..., None], pictures.GREY)
    webp, gif = picture(Image.fromarray(one[0]), "WEBP", lossless=True), picture(Image.fromarray(one[0]), "GIF")
    bmp, tiff = picture(Image.fromarray(one[0]), "BMP"), picture(Image.fromarray(one[0]), "TIFF")
    for name, file in [("webp", webp), ("gif", gif), ("bmp", bmp), ("tiff", tiff)]:
        yield f"{name}-truncated", "bad-image", file[: len(file) // 2], None
    yield "gif-claims-gigabytes", "too-large", gif[:6] + b"\xff" * 4 + gif[10:], None
    yield "bmp-claims-gigabytes", "too-large", bmp[:18] + struct.pack("<II", 60_000, 60_000) + bmp[26:], None
    floats = picture(Image.fromarray(one[0].astype("<f4")), "TIFF")
    yield "tiff-of-floats", "bad-image", floats, None

    yield "npy-of-complex-numbers", "bad-npy", npy(one.astype("<c8")), None
    yield "npz-of-two", "bad-npy", npz(x=one, images=one), None
    yield "npz-of-two-that-fit", "bad-npy", npz(left=one, right=one), None
    yield "npz-of-none-that-fits", "bad-npy", npz(a=np.zeros(3), b=np.zeros(4)), None
    yield "npz-truncated", "bad-npy", npz(arr_0=one)[:-30], None
    whole = npz(arr_0=one)
    at = whole.index(b"NUMPY") + 500
    yield "npz-damaged", "bad-npy", whole[:at] + b"\x01" + whole[at + 1 :], None
    yield "npz-bomb", "too-large", npz(True, arr_0=np.zeros((70_000, 1000), np.uint8)), None
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr(zipfile.ZipInfo("notes.txt"), "hello")
    yield "zip-of-text", "unknown-format", other.getvalue(), None

    yield "gzip-truncated", "bad-encoding", packed(npy(three))[:-9], None
    yield "gzip-of-nothing", "empty", packed(b""), None
    yield "gzip-of-pixels-that-nobody-calls-so", "unknown-format", packed(one.tobytes()), None
    yield "gzip-bomb", "too-large", packed(bytes(70_000_000)), None
    yield "gzip-bomb-in-a-bomb", "too-large", packed(packed(bytes(70_000_000))), None
    deep = png
    for _ in range(7):
        deep = packed(deep)
    yield "gzip-without-end", "too-deep", deep, None

    text = text64(png)
    yield "base64-damaged", "bad-encoding", text[:-7], None
    yield "base64-of-pixels", "unknown-format", text64(one.tobytes()), None
    yield "base64-of-heic", "unknown-format", text64(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)), None
    yield "base64-array-of-pixels", "bad-array", json.dumps({"array": text64(one.tobytes())}), None
    yield "data-url-without-base64", "bad-encoding", "data:image/png,hello", None

    yield "instances-empty", "empty", '{"instances": []}', None
    yield "instances-of-words", "bad-array", '{"instances": ["hello"]}', None
    yield "instances-of-two-inputs", "bad-array", '{"instances": [{"a": [[1]], "b": [[1]]}]}', None
    yield "instances-and-inputs", "bad-array", '{"instances": [[1]], "inputs": [[1]]}', None
    yield "instances-of-pictures-and-numbers", "bad-array", json.dumps({"instances": [{"b64": text}, {"x": one[0].tolist()}]}), None
    yield "tensor-of-two", "bad-array", '{"inputs": [{"name": "a", "datatype": "FP32"}, {"name": "b", "datatype": "FP32"}]}', None
    yield "tensor-of-fewer", "bad-shape", '{"inputs": [{"shape": [1, 784], "datatype": "UINT8", "data": [1, 2]}]}', None
    yield "tensor-without-shape", "bad-array", '{"inputs": [{"datatype": "UINT8", "data": [1, 2]}]}', None
    yield "tensor-of-a-huge-shape", "bad-shape", '{"inputs": [{"shape": [4294967296, 4294967296], "datatype": "UINT8", "data": [1]}]}', None
    yield "tensor-out-of-range", "out-of-range", json.dumps({"inputs": [{"shape": [1, 784], "datatype": "INT32", "data": [256] * 784}]}), None
    yield "event-without-data", "bad-array", '{"specversion": "1.0", "id": "1"}', None
    yield "event-in-a-batch", "bad-array", '[{"specversion": "1.0", "data": [[1]]}]', "application/cloudevents-batch+json"
    yield "event-of-damaged-data", "bad-encoding", '{"specversion": "1.0", "data_base64": "????"}', None

    # Formats that are named rather than read.
    for name, start in {
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0",
        "avif": b"\0\0\0\x1cftypavif\0\0\0\0",
        "mp4": b"\0\0\0\x18ftypisom\0\0\2\0",
        "jpeg-xl": b"\0\0\0\x0cJXL \r\n\x87\n",
        "jpeg-2000": b"\0\0\0\x0cjP  \r\n\x87\n",
        "pdf": b"%PDF-1.7\n",
        "hdf5": b"\x89HDF\r\n\x1a\n",
        "parquet": b"PAR1\x15\4",
        "onnx": b"\x08\x08\x12\x07pytorch",
        "zstandard": b"\x28\xb5\x2f\xfd\4",
        "idx": b"\0\0\x08\x03\0\0\0\1\0\0\0\x1c\0\0\0\x1c",
        "confluent": b'\0\0\0\0\7{"array": []}',
    }.items():
        yield f"named-{name}", "unknown-format", start + bytes(40), None
    yield "named-svg", "unknown-format", '<svg xmlns="http://www.w3.org/2000/svg"></svg>', None
    yield "named-heic-said-png", "content-type-mismatch", b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(40), "image/png"
    yield "named-heic-said-so", "unsupported-content-type", b"\0\0\0\x18ftypheic\0\0\0\0" + bytes(40), "image/heic"
