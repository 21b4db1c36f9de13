"""Puts a scaling in front of a model, so that it takes raw pixels, 0 to 255.

    python scaling.py MODEL.onnx SCALED.onnx                              # it expects 0 to 1
    python scaling.py MODEL.onnx SCALED.onnx --mean 0.5 --std 0.5         # -1 to 1
    python scaling.py MODEL.onnx SCALED.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225     # ImageNet's, in colour
    python scaling.py MODEL.onnx SCALED.onnx --bgr --divide 1 --mean 103.939,116.779,123.68       # Caffe's, in colour
    python scaling.py MODEL.onnx SCALED.onnx --invert                     # 0 to 1, dark on light

The model is given (x / DIVIDE - MEAN) / STD, or with --invert the same of 255 - x: a Mul and an Add before its first
operator. A mean and a deviation for each channel go to the axis that has as many. With --bgr the channels are reversed before,
so that they come as blue, green and red, and so do the numbers.
"""

import argparse

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper


def numbers(text: str) -> np.ndarray:
    given = np.array([float(number) for number in text.split(",")])
    if not np.isfinite(given).all():
        raise argparse.ArgumentTypeError(f"{text!r} has what is no number")
    return given


def divisors(text: str) -> np.ndarray:
    given = numbers(text)
    if (given == 0).any():
        raise argparse.ArgumentTypeError(f"{text!r} has a 0, by which nothing can be divided")
    return given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("scaled")
    parser.add_argument("--divide", type=divisors, default=divisors("255"))
    parser.add_argument("--mean", type=numbers, default=numbers("0"))
    parser.add_argument("--std", type=divisors, default=divisors("1"))
    parser.add_argument("--invert", action="store_true")
    parser.add_argument("--bgr", action="store_true")
    arguments = parser.parse_args()

    try:
        model = onnx.load(arguments.model)
    except (OSError, ValueError, DecodeError) as error:
        raise SystemExit(f"{arguments.model} is no ONNX file that can be read: {error}") from None
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    images = next((value for value in graph.input if value.name not in weights), None)
    if images is None:
        raise SystemExit(f"{arguments.model} has no input")
    if f"{images.name}_scaled_factor" in weights:
        raise SystemExit(f"{arguments.model} has a scaling already")
    kind, lengths = images.type.tensor_type.elem_type, [axis.dim_value for axis in images.type.tensor_type.shape.dim]
    if kind != onnx.TensorProto.FLOAT:
        kind = onnx.TensorProto.DataType.Name(kind)
        raise SystemExit(f"'{images.name}' is of type {kind}, and only floats can be scaled: export the model with a float input")
    channels = next((axis for axis in (1, 3) if len(lengths) == 4 and lengths[axis] == 3), None)
    if arguments.bgr and channels is None:
        raise SystemExit(f"--bgr is of three channels, and '{images.name}' has the axes {lengths}")
    try:
        factor, mean, std = np.broadcast_arrays(1 / arguments.divide / arguments.std, arguments.mean, arguments.std)
    except ValueError:
        raise SystemExit("--divide, --mean and --std have different numbers of channels: give one, or one for each") from None
    offset = -mean / std
    if arguments.invert:
        offset, factor = offset + 255 * factor, -factor
    if factor.size > 1:
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
    first = f"{images.name}_bgr" if arguments.bgr else images.name
    nodes = [
        helper.make_node("Mul", [first, f"{scaled}_factor"], [f"{scaled}_product"]),
        helper.make_node("Add", [f"{scaled}_product", f"{scaled}_offset"], [scaled]),
    ]
    if arguments.bgr:
        graph.initializer.append(numpy_helper.from_array(np.array([2, 1, 0]), f"{first}_order"))
        nodes.insert(0, helper.make_node("Gather", [images.name, f"{first}_order"], [first], axis=channels))
    for node in reversed(nodes):
        graph.node.insert(0, node)
    onnx.checker.check_model(model)
    try:
        onnx.save(model, arguments.scaled)
    except OSError as error:
        raise SystemExit(f"{arguments.scaled} cannot be written: {error}") from None
    print(f"{arguments.scaled}: '{images.name}' takes raw pixels, 0 to 255")


if __name__ == "__main__":
    main()
