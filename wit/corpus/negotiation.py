"""Which answer is asked for, and content types that nobody takes."""

import numpy as np

from corpus import BYTES, JSON, SCORES, bad, case, good, scored


def write(three: np.ndarray, one: np.ndarray) -> None:
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
