"""Pictures of every kind that cameras and programs write, of one grey image: for photographs.py, which has the others."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6  # colour types of PNG
PASSES = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]
# How a picture lies in the file that is turned upright by each orientation of Exif.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def png(samples: np.ndarray, kind: int, depth: int = 8, chunks: tuple = (), interlaced: bool = False) -> bytes:
    """A file of samples of shape (H, W, C), row by row as they are."""
    height, width = samples.shape[:2]
    passes = PASSES if interlaced else [(0, 1, 0, 1)]
    rows = [row for left, across, top, down in passes for row in samples[top::down, left::across] if row.size]
    data = b"".join(b"\0" + packed(row.ravel(), depth) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def packed(row: np.ndarray, depth: int) -> bytes:
    if depth >= 8:
        return row.astype(f">u{depth // 8}").tobytes()
    bits = row.astype(np.uint8)[:, None] >> np.arange(depth - 1, -1, -1, dtype=np.uint8) & 1
    return np.packbits(bits).tobytes()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def exif(orientation: int, order: str) -> bytes:
    """A block of Exif with nothing but the orientation; `order` of bytes is `<` or `>`."""
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(f"{order}HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def with_exif(jpeg: bytes, block: bytes) -> bytes:
    """Behind JFIF's segment, where that is."""
    at = 4 + struct.unpack(">H", jpeg[4:6])[0] if jpeg[2:4] == b"\xff\xe0" else 2
    block = b"Exif\0\0" + block
    return jpeg[:at] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[at:]


def jpeg(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def kinds(one: np.ndarray) -> Iterator[tuple[str, np.ndarray, bytes]]:
    """A name, the image (28, 28) that is to be seen, and a file."""
    grey = one[..., None].astype(np.uint32)
    colour = grey.repeat(3, 2)
    full = np.full_like(grey, 255)
    mask = (grey > 0) * full
    picture = Image.fromarray(one)
    large = picture.resize((84, 84), Image.Resampling.BICUBIC)

    for depth in (1, 2, 4):
        levels = 2**depth - 1
        coarse = (one.astype(int) * levels + 127) // 255 if depth > 1 else (one > 50).astype(int)
        seen = coarse * (255 // levels)
        yield f"png-{depth}-bit", seen, png(coarse[..., None], GREY, depth)
        palette = (b"PLTE", bytes(value for level in range(levels + 1) for value in [level * (255 // levels)] * 3))
        yield f"png-palette-{depth}-bit", seen, png(coarse[..., None], PALETTE, depth, (palette,))
    for name, kind, samples in [("grey", GREY, grey), ("colour", COLOUR, colour)]:
        yield f"png-16-bit-{name}", one, png(samples * 257, kind, 16)
        # Only the lower 8 are filled, as some programs do.
        yield f"png-16-bit-low-{name}", one, png(samples, kind, 16)
        yield f"png-interlaced-{name}", one, png(samples, kind, interlaced=True)
    low = png(colour.repeat(3, 0).repeat(3, 1), COLOUR, 16, ((b"sBIT", b"\x08\x08\x08"),))
    yield "png-16-bit-low-larger", one, low
    yield "png-16-bit-interlaced", one, png(grey * 257, GREY, 16, interlaced=True)

    # Transparency: over black, and where the picture is black all over, as ink.
    for name, kind, colours in [("grey", GREY_ALPHA, grey), ("colour", COLOUR_ALPHA, colour)]:
        black, white = colours * 0, colours * 0 + 255
        for what, samples, alpha in [
            ("opaque", colours, full),
            ("cut-out", np.where(grey > 0, colours, white), mask),
            ("ink", black, grey),
            ("chalk", white, grey),
        ]:
            both = np.concatenate([samples, alpha], 2)
            yield f"png-alpha-{what}-{name}", one, png(both, kind)
            yield f"png-alpha-{what}-{name}-16-bit", one, png(both * 257, kind, 16)
    ink = np.concatenate([colour * 0, grey], 2)
    yield "png-alpha-ink-interlaced", one, png(ink, COLOUR_ALPHA, interlaced=True)
    low = np.concatenate([colour, full * 257], 2)
    yield "png-alpha-opaque-16-bit-low-colours", one, png(low, COLOUR_ALPHA, 16)
    # Black is the transparent colour: grey, in colour, of a palette; and ink with a palette of black.
    yield "png-transparent-colour-grey", one, png(grey, GREY, chunks=((b"tRNS", b"\0\0"),))
    yield "png-transparent-colour", one, png(colour, COLOUR, chunks=((b"tRNS", bytes(6)),))
    greys = (b"PLTE", bytes(value for level in range(256) for value in [level] * 3))
    yield "png-palette-transparent-colour", one, png(grey, PALETTE, chunks=(greys, (b"tRNS", b"\0")))
    yield "png-palette-ink", one, png(grey, PALETTE, chunks=((b"PLTE", bytes(768)), (b"tRNS", bytes(range(256)))))

    for orientation, lies in STORED.items():
        order = "<>"[orientation % 2]
        stored = np.asarray(picture.transpose(lies))[..., None]
        block = exif(orientation, order)
        yield f"png-exif-{orientation}", one, png(stored, GREY, chunks=((b"eXIf", block),))
        yield f"jpeg-exif-{orientation}", one, with_exif(jpeg(large.transpose(lies)), block)
    upright = with_exif(jpeg(large), exif(1, "<"))
    yield "jpeg-exif-1", one, upright
    yield "jpeg-exif-no-such-orientation", one, with_exif(jpeg(large), exif(9, ">"))
    yield "jpeg-exif-cut-short", one, with_exif(jpeg(large), exif(6, ">")[:15])
    turned = np.asarray(picture.transpose(STORED[6]))[..., None].astype(np.uint32)
    block = ((b"eXIf", exif(6, "<")),)
    yield "png-exif-6-16-bit-low", one, png(turned, GREY, 16, block)

    yield "jpeg-progressive", one, jpeg(large, progressive=True)
    yield "jpeg-progressive-colour", one, jpeg(large.convert("RGB"), progressive=True)
    yield "jpeg-cmyk", one, jpeg(large.convert("RGB").convert("CMYK"))
    yield "jpeg-half-colours", one, jpeg(large.convert("RGB"), subsampling="4:2:0")


def photograph(one: np.ndarray, width: int) -> bytes:
    """Dark on the colour of paper, 56 pixels high."""
    dark = 255 - one.astype(int)
    paper = np.full((56, width, 3), [250, 246, 238])
    left = width // 2 - 28
    paper[:, left : left + 56] = dark.repeat(2, 0).repeat(2, 1)[..., None] * [0.98, 0.965, 0.933]
    return png(paper.astype(np.uint8), COLOUR)
