"""PNG and JPEG, dark and light, whole and damaged; and how they are prepared."""

import struct
import zlib

import numpy as np
from PIL import Image

import pictures
from corpus import JPEG, PNG, bad, good, picture


def write(one: np.ndarray) -> None:
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
    good("png-photograph", one, pictures.photograph(one[0], 112), prepare="fit=crop;invert=auto")
    # The boot's margins go on with the paper, so that the same boot is seen, somewhat smaller.
    good("png-photograph-contain", one, pictures.photograph(one[0], 80), prepare="fit=contain;invert=auto")
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
