"""Writes golden/variants/ and golden/variants.json: small models as exporters and quantisers write them, and their answers.

    python variants.py

Most are one dense layer over grey images of 4 rows and 5 columns, or of 4 and 4 that are the first pixels of the same; they
differ in what stands behind it, in their types, in their axes and how these are written down, and in where the weights lie. The answers are onnxruntime's, made probabilities as the component does it: what is not
negative and sums to 1 is taken as it is, values from 0 to 1 that do not are divided by their sum, one value p of a sigmoid
is 1 - p and p, and of anything else the softmax is taken. One model is left as it is: pytorch_variant.py writes it.
"""

import copy
import json
from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import variant_integers
import variant_networks

GOLDEN = Path(__file__).parent.parent / "golden"
ROWS, COLUMNS, CLASSES = 4, 5, 10
IMAGES = 6

TAKEN = "probabilities, taken as they are"
DIVIDED = "values from 0 to 1 that do not sum to 1, such as sigmoids: each divided by their sum"
SOFTMAX = "logits, through a softmax"
ONE = "one probability p, as of a sigmoid: 1 - p and p, for two classes"
ONE_LOGIT = "one logit, p by a sigmoid: 1 - p and p, for two classes"

# PyTorch's own, made by another script.
FROM_PYTORCH = "from-pytorch"
# The model whose weights lie beside it.
BESIDE = "weights-beside"

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (IMAGES, ROWS, COLUMNS), np.uint8)
WEIGHT = RNG.normal(0, 0.006, (ROWS * COLUMNS, CLASSES)).astype(np.float32)
BIAS = RNG.normal(0, 0.3, CLASSES).astype(np.float32)

node = helper.make_node


def rule(scores: str, rows: np.ndarray) -> np.ndarray:
    """Probabilities of a model's own numbers, (N, numbers)."""
    rows = rows.astype(np.float64)
    if scores == ONE_LOGIT:
        scores, rows = ONE, 1 / (1 + np.exp(-rows))
    if scores == ONE:
        return np.concatenate([1 - rows, rows], 1)
    if scores == SOFTMAX:
        rows = np.exp(rows - rows.max(1, keepdims=True))
    return rows / rows.sum(1, keepdims=True)


def model(
    name: str, behind: list, batch: object = "N", image: tuple = (1, ROWS, COLUMNS), kind: int = TensorProto.FLOAT, **constants
) -> onnx.ModelProto:
    """`behind` takes `logits` and gives `answers`; `batch` is how the first axis is written down, `image` has the others."""
    constants = {key: np.asarray(value) for key, value in constants.items()}
    one = {"weight": WEIGHT[: prod(image)], "bias": BIAS} | constants
    images = helper.make_tensor_value_info("images", kind, [1, *image])
    first = images.type.tensor_type.shape.dim[0]
    first.Clear()
    if isinstance(batch, int):
        first.dim_value = batch
    elif batch is not None:
        first.dim_param = batch
    cast = [] if kind == TensorProto.FLOAT else [node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT)]
    flatten = node("Flatten", ["floats" if cast else "images"], ["values"], axis=1)
    dense = [*cast, flatten, node("Gemm", ["values", "weight", "bias"], ["logits"])]
    # Those that give the layer otherwise have written it down themselves.
    nodes = behind if any("images" in one.input for one in behind) else dense + behind
    used = {given for one in nodes for given in one.input}
    graph = helper.make_graph(
        nodes,
        name,
        [images],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, key) for key, value in one.items() if key in used],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def softmax(given: str = "logits", to: str = "answers") -> onnx.NodeProto:
    return node("Softmax", [given], [to], axis=1)


def quantised(given: str, to: str, scale: str, zero: str) -> list:
    return [
        node("QuantizeLinear", [given, scale, zero], [f"{to}_8bit"]),
        node("DequantizeLinear", [f"{to}_8bit", scale, zero], [to]),
    ]


def first_of(to: str) -> list:
    return [node("Slice", ["logits", "zero", "one", "one"], [to])]


def variants() -> list[tuple[str, str, float, onnx.ModelProto]]:
    """Name, what the numbers are, by how much a probability may differ, and the model."""
    half = {"half": np.float32(0.5)}
    ends = {"zero": np.array([0]), "one": np.array([1])}
    u8 = {"s": np.float32(0.05), "z": np.uint8(128), "s2": np.float32(1 / 255), "z2": np.uint8(0)}
    i8 = {"s": np.float32(0.05), "z": np.int8(3), "s2": np.float32(1 / 256), "z2": np.int8(-128)}
    scales = np.abs(WEIGHT).max(0) / 127
    weights = {"w8": np.round(WEIGHT / scales).astype(np.int8), "ws": scales, "wz": np.zeros(CLASSES, np.int8)}
    by_channel = [
        node("Flatten", ["images"], ["values"], axis=1),
        *quantised("values", "v", "vs", "vz"),
        node("DequantizeLinear", ["w8", "ws", "wz"], ["w"], axis=1),
        node("Gemm", ["v", "w", "bias"], ["logits"]),
        *quantised("logits", "l", "s", "z"),
        softmax("l", "p"),
        *quantised("p", "answers", "s2", "z2"),
    ]
    floats16 = [
        node("Cast", ["images"], ["images16"], to=TensorProto.FLOAT16),
        node("Flatten", ["images16"], ["values"], axis=1),
        node("Gemm", ["values", "weight16", "bias16"], ["logits"]),
        softmax(to="p"),
        node("Cast", ["p"], ["answers"], to=TensorProto.FLOAT),
    ]
    sixteen = {"weight16": WEIGHT.astype(np.float16), "bias16": BIAS.astype(np.float16)}
    pixels8 = {"vs": np.float32(1), "vz": np.uint8(0)}
    made = [
        ("softmax-clip", TAKEN, 1e-5, [softmax(to="p"), node("Clip", ["p", "low", "high"], ["answers"])],
         {"low": np.float32(1e-6), "high": np.float32(1)}),
        ("softmax-mul", TAKEN, 1e-5, [softmax(to="p"), node("Mul", ["p", "same"], ["answers"])], {"same": np.float32(1)}),
        ("logsoftmax-exp", TAKEN, 1e-5, [node("LogSoftmax", ["logits"], ["l"], axis=1), node("Exp", ["l"], ["answers"])], {}),
        ("mean-of-two", TAKEN, 1e-5, [softmax(to="p"), node("Mul", ["logits", "half"], ["l"]), softmax("l", "q"),
         node("Mean", ["p", "q"], ["answers"])], half),
        ("one-minus-p", TAKEN, 1e-5, [*first_of("l"), node("Sigmoid", ["l"], ["p"]), node("Sub", ["all", "p"], ["q"]),
         node("Concat", ["q", "p"], ["answers"], axis=1)], ends | {"all": np.float32(1)}),
        ("logsoftmax", SOFTMAX, 1e-5, [node("LogSoftmax", ["logits"], ["answers"], axis=1)], {}),
        ("logits-of-a-convolution", SOFTMAX, 1e-5, [node("Unsqueeze", ["logits", "axes"], ["answers"])],
         {"axes": np.array([2, 3])}),
        ("ten-sigmoids", DIVIDED, 1e-5, [node("Sigmoid", ["logits"], ["answers"])], {}),
        ("one-sigmoid", ONE, 1e-5, [*first_of("l"), node("Sigmoid", ["l"], ["answers"])], ends),
        ("one-sigmoid-squeezed", ONE, 1e-5, [*first_of("l"), node("Sigmoid", ["l"], ["p"]),
         node("Squeeze", ["p", "one"], ["answers"])], ends),
        ("one-logit", ONE_LOGIT, 1e-5, [*first_of("answers")], ends),
        ("softmax-u8", TAKEN, 1e-2, [*quantised("logits", "l", "s", "z"), softmax("l", "p"),
         *quantised("p", "answers", "s2", "z2")], u8),
        ("softmax-i8", TAKEN, 1e-2, [*quantised("logits", "l", "s", "z"), softmax("l", "p"),
         *quantised("p", "answers", "s2", "z2")], i8),
        ("weights-i8-by-channel", TAKEN, 1e-2, by_channel, u8 | weights | pixels8),
        ("float16-inside", TAKEN, 5e-3, floats16, sixteen),
    ]
    named = [(name, scores, off, model(name, behind, **constants)) for name, scores, off, behind, constants in made]
    for name, batch in (("axis-minus-1", -1), ("axis-0", 0), ("axis-unnamed", None), ("axis-none", "None")):
        named.append((name, TAKEN, 1e-5, model(name, [softmax()], batch=batch)))
    inputs = {
        "axes-n-h-w": {"image": (ROWS, COLUMNS)},
        "axes-n-values": {"image": (ROWS * ROWS,)},
        "pixels-u8": {"kind": TensorProto.UINT8, "image": (ROWS, COLUMNS, 1)},
        "pixels-u8-n-h-w": {"kind": TensorProto.UINT8, "image": (ROWS, COLUMNS)},
        "pixels-i32": {"kind": TensorProto.INT32},
        "pixels-i64": {"kind": TensorProto.INT64},
    }
    named += [(name, TAKEN, 1e-5, model(name, [softmax()], **options)) for name, options in inputs.items()]
    networks = {
        "network-channels-last": (TAKEN, {"image": (ROWS, COLUMNS, 1)}, variant_networks.channels_last()),
        "network-groups": (TAKEN, {}, variant_networks.groups()),
        "network-3-by-3": (SOFTMAX, {}, variant_networks.three_by_three()),
        "network-gates": (SOFTMAX, {}, variant_networks.gates()),
    }
    for name, (scores, options, (nodes, constants)) in networks.items():
        made = model(name, nodes, **options, **constants)
        named.append((name, scores, 1e-5, made))
        images = PIXELS.reshape(IMAGES, *options.get("image", (1, ROWS, COLUMNS)))
        for form in variant_integers.FORMS:
            named.append((f"{name}-{form}", scores, 3e-2, variant_integers.integers(made, form, images)))
    # Not the engine's, and needed by the output alone that is not chosen.
    two = model("two-outputs", [softmax(), node("Unique", ["logits"], ["others"])])
    two.graph.output.insert(0, helper.make_tensor_value_info("others", TensorProto.FLOAT, ["M"]))
    named += [("two-outputs", TAKEN, 1e-5, two), (BESIDE, TAKEN, 1e-5, model(BESIDE, [softmax()]))]
    return [*named, (FROM_PYTORCH, SOFTMAX, 1e-5, onnx.load(GOLDEN / "variants" / f"{FROM_PYTORCH}.onnx"))]


def answers(made: onnx.ModelProto) -> np.ndarray:
    """What onnxruntime gives for the images, one by one: it takes an axis of 0 at its word."""
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    kind = made.graph.input[0].type.tensor_type
    axes = [axis.dim_value for axis in kind.shape.dim]
    images = PIXELS.reshape(IMAGES, -1)[:, : prod(axes)].astype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
    return np.stack([session.run(["answers"], {"images": image.reshape(axes)})[0].reshape(-1) for image in images])


def save(made: onnx.ModelProto, path: Path) -> None:
    """As PyTorch does it, all weights lie in a file beside the one model that is there for that."""
    if made.graph.name == BESIDE:
        beside = copy.deepcopy(made)
        onnx.external_data_helper.convert_model_to_external_data(beside, location=f"{path.name}.data", size_threshold=0)
        onnx.save(beside, path)
    else:
        path.write_bytes(made.SerializeToString(deterministic=True))


def main() -> None:
    (GOLDEN / "variants").mkdir(exist_ok=True)
    models = []
    for name, scores, off, made in variants():
        if name != FROM_PYTORCH:
            save(made, GOLDEN / "variants" / f"{name}.onnx")
        probabilities = rule(scores, answers(made))
        one = {"name": name, "scores": scores, "within": off, "probabilities": np.round(probabilities, 7).tolist()}
        # What is not as with all others.
        one |= {"output": "answers"} if len(made.graph.output) > 1 else {}
        one |= {"height": ROWS, "width": ROWS} if name == "axes-n-values" else {}
        models.append(one)
        print(f"{name}: {made.ByteSize()} bytes, highest {probabilities.max():.3f}, lowest {probabilities.min():.6f}")
    written = {"images": PIXELS.reshape(IMAGES, -1).tolist(), "models": models}
    (GOLDEN / "variants.json").write_text(json.dumps(written))


if __name__ == "__main__":
    main()
