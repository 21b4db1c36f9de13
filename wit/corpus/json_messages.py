"""JSON as the original's producers send it, and as others do."""

import json

import numpy as np

from corpus import JSON, bad, good, original


def write(three: np.ndarray, one: np.ndarray) -> None:
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
