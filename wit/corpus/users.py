"""What users sent and got a wrong answer to, as they sent it: the files in reported/."""

import json

from corpus import RAW, cases


def write() -> None:
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
