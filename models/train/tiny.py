"""Writes golden/tiny.onnx and golden/tiny-nhwc.onnx: models whose answers are computed by hand, for replacing a model.

    python tiny.py

Both take images of 6 rows and 8 columns (another height, width and number of classes than the real model's) and give 3
probabilities, softmax(m / 51), where m are three mean pixel values:

- tiny.onnx, (N, 1, 6, 8): the means of rows 0-1, 2-3 and 4-5: top, middle, bottom;
- tiny-nhwc.onnx, (N, 6, 8, 3): the means of the three channels: red, green, blue.

So an image that is 255 in one of the three and 0 elsewhere gives e^5 / (e^5 + 2) = 0.9867 there and 0.0066 in the
others, and an even image gives a third each.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROWS, COLUMNS = 6, 8


def linear(name: str, labels: list[str], shape: list[int], belongs: np.ndarray) -> onnx.ModelProto:
    """A model of the means over three equal sets of input values; `belongs` gives each value's set, in `shape`."""
    mask = belongs.reshape(1, -1) == np.arange(3)[:, None]
    weight = (mask / mask.sum(1, keepdims=True) / 51).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["values"], axis=1),
            helper.make_node("Gemm", ["values", "weight", "bias"], ["logits"], transB=1),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        name,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.zeros(3, np.float32), "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"name": name, "labels": "\n".join(labels)})
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    bands = np.broadcast_to(np.arange(ROWS)[:, None] // 2, (ROWS, COLUMNS))
    channels = np.broadcast_to(np.arange(3), (ROWS, COLUMNS, 3))
    by_hand = np.full((3, 3), 1 / (np.exp(5) + 2)) + np.eye(3) * (np.exp(5) - 1) / (np.exp(5) + 2)
    for model, belongs in (
        (linear("tiny", ["top", "middle", "bottom"], [1, ROWS, COLUMNS], bands), bands[None]),
        (linear("tiny-nhwc", ["red", "green", "blue"], [ROWS, COLUMNS, 3], channels), channels),
    ):
        path = Path(__file__).parent.parent / "golden" / f"{model.graph.name}.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
        images = np.stack([(belongs == k) * np.float32(255) for k in range(3)])
        (answers,) = onnxruntime.InferenceSession(path).run(None, {"images": images})
        if np.abs(answers - by_hand).max() > 1e-5:
            raise SystemExit(f"{path} gives {answers}, by hand it is {by_hand}")
        print(f"{path.name}: {path.stat().st_size} bytes, as computed by hand")


if __name__ == "__main__":
    main()
