"""Puts a scaling in front of a model, so that it takes raw pixels, 0 to 255.

    python scaling.py MODEL.onnx SCALED.onnx                              # it expects 0 to 1
    python scaling.py MODEL.onnx SCALED.onnx --mean 0.5 --std 0.5         # -1 to 1
    python scaling.py MODEL.onnx SCALED.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225     # ImageNet's, in colour
    python scaling.py MODEL.onnx SCALED.onnx --invert                     # 0 to 1, dark on light

The model is given (x / DIVIDE - MEAN) / STD, or with --invert the same of 255 - x: a Mul and an Add before its first
operator. A mean and a deviation for each channel go to the axis that has as many.
"""

import argparse

import numpy as np
import onnx
from onnx import helper, numpy_helper


def numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in text.split(",")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("scaled")
    parser.add_argument("--divide", type=float, default=255)
    parser.add_argument("--mean", type=numbers, default=numbers("0"))
    parser.add_argument("--std", type=numbers, default=numbers("1"))
    parser.add_argument("--invert", action="store_true")
    arguments = parser.parse_args()

    model = onnx.load(arguments.model)
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    images = next(value for value in graph.input if value.name not in weights)
    factor = np.broadcast_arrays(1 / arguments.divide / arguments.std, arguments.mean)[0]
    offset = np.broadcast_to(-arguments.mean / arguments.std, factor.shape)
    if arguments.invert:
        offset, factor = offset + 255 * factor, -factor
    if factor.size > 1:
        lengths = [axis.dim_value for axis in images.type.tensor_type.shape.dim]
        if len(lengths) != 4 or factor.size not in (lengths[1], lengths[3]):
            raise SystemExit(f"{factor.size} channels are given, and '{images.name}' has the axes {lengths}")
        axes = [1, -1, 1, 1] if lengths[1] == factor.size else [1, 1, 1, -1]
        factor, offset = factor.reshape(axes), offset.reshape(axes)

    scaled = f"{images.name}_scaled"
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == images.name:
                node.input[index] = scaled
    graph.initializer.extend(
        numpy_helper.from_array(value.astype(np.float32), f"{scaled}_{name}")
        for name, value in (("factor", factor), ("offset", offset))
    )
    for node in (
        helper.make_node("Add", [f"{scaled}_product", f"{scaled}_offset"], [scaled]),
        helper.make_node("Mul", [images.name, f"{scaled}_factor"], [f"{scaled}_product"]),
    ):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    onnx.save(model, arguments.scaled)
    print(f"{arguments.scaled}: '{images.name}' takes raw pixels, 0 to 255")


if __name__ == "__main__":
    main()
