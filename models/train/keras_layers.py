"""What each Keras layer is in ONNX, at inference. The layers are loaded already; no Keras is needed here.

Keras lays images out as (N, H, W, C), ONNX's operators take (N, C, H, W), and so do all images in the graph. Values go
back into Keras' order only where a layer reads them one after another: Flatten and Reshape.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

REMEDY = (
    "where TensorFlow is installed, `python -m tf2onnx.convert --keras model.h5 --output NAME.onnx --opset 13` "
    "may know it"
)


@dataclass(frozen=True)
class Value:
    """What a layer gives: a tensor of the graph, and its shape in Keras' order, without N."""

    name: str
    shape: tuple[int, ...]


class Graph:
    """Operators and weights, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []

    def emit(self, op: str, *inputs: str | np.ndarray, **attributes) -> str:
        """Adds one operator, arrays becoming weights, and gives its output's name."""
        index, names = len(self.nodes), []
        for position, tensor in enumerate(inputs):
            if isinstance(tensor, np.ndarray):
                self.weights.append(numpy_helper.from_array(tensor, f"weight_{index}_{position}"))
                tensor = self.weights[-1].name
            names.append(tensor)
        self.nodes.append(helper.make_node(op, names, [f"{op.lower()}_{index}"], **attributes))
        return self.nodes[-1].output[0]


def refuse(layer, problem: str) -> None:
    raise SystemExit(f"layer {layer.name!r} ({type(layer).__name__}) {problem}; {REMEDY}")


def weight(tensor) -> np.ndarray:
    return np.asarray(tensor).astype(np.float32)  # in two steps, for Keras' variables


# Activations, by Keras' names.

OPERATORS = {
    "elu": ("Elu", {}),
    "exponential": ("Exp", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "relu": ("Relu", {}),
    "selu": ("Selu", {}),
    "sigmoid": ("Sigmoid", {}),
    "softmax": ("Softmax", {"axis": 1}),  # over the channels, or over a vector
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "tanh": ("Tanh", {}),
}
ACTIVATIONS = {*OPERATORS, "linear", "relu6", "gelu", "silu", "swish"}


def activation(graph: Graph, layer, name: str) -> str:
    """`name` through the layer's activation function."""
    function = layer.activation.__name__ if layer.activation else "linear"
    match function:
        case "linear":
            return name
        case "relu6":
            return graph.emit("Clip", name, weight(0), weight(6))
        case "silu":
            return graph.emit("Mul", name, graph.emit("Sigmoid", name))
        case "gelu":
            erf = graph.emit("Erf", graph.emit("Mul", name, weight(0.5**0.5)))
            return graph.emit("Mul", graph.emit("Mul", name, weight(0.5)), graph.emit("Add", erf, weight(1)))
        case _ if function in OPERATORS:
            op, attributes = OPERATORS[function]
            return graph.emit(op, name, **attributes)
    refuse(layer, f"has the activation {function!r}")


def relu(graph: Graph, layer, value: Value) -> str:
    if layer.threshold or (layer.max_value is not None and layer.negative_slope):
        refuse(layer, "has a threshold, or both a maximum and a slope")
    if layer.negative_slope:
        return leaky_relu(graph, layer, value)
    if layer.max_value is not None:
        return graph.emit("Clip", value.name, weight(0), weight(layer.max_value))
    return graph.emit("Relu", value.name)


def leaky_relu(graph: Graph, layer, value: Value) -> str:
    return graph.emit("LeakyRelu", value.name, alpha=float(layer.negative_slope))


def prelu(graph: Graph, layer, value: Value) -> str:
    slope = weight(layer.alpha)
    return graph.emit("PRelu", value.name, slope.transpose(2, 0, 1) if slope.ndim == 3 else slope)


def softmax(graph: Graph, layer, value: Value) -> str:
    if layer.axis not in (-1, len(value.shape)):
        refuse(layer, f"is over axis {layer.axis}: it must be over the last one")
    return graph.emit("Softmax", value.name, axis=1)


# Windows.


def window(layer, value: Value, size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> dict:
    """Attributes of a convolution or pooling. Keras' "same" puts the odd pixel of padding at right and bottom."""
    before, behind = [], []
    for length, kernel, stride, step in zip(value.shape, size, layer.strides, dilation):
        reach = (kernel - 1) * step + 1
        missing = max((-(-length // stride) - 1) * stride + reach - length, 0) if layer.padding == "same" else 0
        before.append(missing // 2)
        behind.append(missing - missing // 2)
    attributes = {"kernel_shape": list(size), "strides": list(layer.strides), "pads": before + behind}
    return attributes if tuple(dilation) == (1, 1) else attributes | {"dilations": list(dilation)}


def convolve(graph: Graph, layer, value: Value, kernel: np.ndarray, groups: int, bias: bool) -> str:
    """`kernel` in ONNX's order: (out, in a group, height, width)."""
    inputs = [value.name, kernel] + [weight(layer.bias)] * bias
    attributes = window(layer, value, kernel.shape[2:], layer.dilation_rate)
    return graph.emit("Conv", *inputs, group=groups, **attributes)


def convolution(graph: Graph, layer, value: Value) -> str:
    kernel = weight(layer.kernel).transpose(3, 2, 0, 1)
    return activation(graph, layer, convolve(graph, layer, value, kernel, layer.groups, layer.use_bias))


def per_channel(kernel) -> np.ndarray:
    """A kernel of (height, width, channels, multiplier) as one of as many groups as channels."""
    kernel = weight(kernel).transpose(2, 3, 0, 1)
    return kernel.reshape(-1, 1, *kernel.shape[2:])


def depthwise(graph: Graph, layer, value: Value) -> str:
    kernel = per_channel(layer.kernel)
    return activation(graph, layer, convolve(graph, layer, value, kernel, value.shape[2], layer.use_bias))


def separable(graph: Graph, layer, value: Value) -> str:
    name = convolve(graph, layer, value, per_channel(layer.depthwise_kernel), value.shape[2], False)
    inputs = [name, weight(layer.pointwise_kernel).transpose(3, 2, 0, 1)] + [weight(layer.bias)] * layer.use_bias
    return activation(graph, layer, graph.emit("Conv", *inputs, kernel_shape=[1, 1]))


def pool(op: str):
    return lambda graph, layer, value: graph.emit(op, value.name, **window(layer, value, layer.pool_size))


def global_pool(op: str):
    def add(graph: Graph, layer, value: Value) -> str:
        name = graph.emit(op, value.name)
        return name if layer.keepdims else graph.emit("Flatten", name, axis=1)

    return add


def zero_padding(graph: Graph, layer, value: Value) -> str:
    (top, bottom), (left, right) = layer.padding
    return graph.emit("Pad", value.name, np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))


# One multiplication and one addition a channel.


def affine(graph: Graph, value: Value, gain, offset) -> str:
    """`value` * gain + offset, each one number, or one a channel. A gain of 1 and an offset of 0 add nothing."""
    name = value.name
    for op, operand, neutral in (("Mul", gain, 1), ("Add", offset, 0)):
        operand = weight(operand).reshape(-1)
        if (operand != neutral).any():
            name = graph.emit(op, name, operand.reshape(-1, 1, 1) if len(value.shape) == 3 else operand)
    return name


def rescaling(graph: Graph, layer, value: Value) -> str:
    if any(np.size(number) not in (1, value.shape[-1]) for number in (layer.scale, layer.offset)):
        refuse(layer, "scales every pixel differently: it must be one number, or one a channel")
    return affine(graph, value, layer.scale, layer.offset)


def batch_normalization(graph: Graph, layer, value: Value) -> str:
    last_axis(layer, value, layer.axis)
    gamma, beta = weight(layer.gamma if layer.scale else 1), weight(layer.beta if layer.center else 0)
    gain = gamma / np.sqrt(weight(layer.moving_variance).astype(np.float64) + layer.epsilon)
    return affine(graph, value, gain, beta - weight(layer.moving_mean) * gain)


def normalization(graph: Graph, layer, value: Value) -> str:
    for axis in layer.axis:
        last_axis(layer, value, axis)
    mean, deviation = weight(layer.mean), np.maximum(np.sqrt(weight(layer.variance)), 1e-7)
    return (
        affine(graph, value, deviation, mean)
        if layer.invert
        else affine(graph, value, 1 / deviation, -mean / deviation)
    )


def last_axis(layer, value: Value, axis: int) -> None:
    if axis not in (-1, len(value.shape)):
        refuse(layer, f"normalises axis {axis}: it must be the last one")


# Dense layers and shapes.


def dense(graph: Graph, layer, value: Value) -> str:
    if len(value.shape) != 1:
        refuse(layer, f"takes {value.shape}: put a Flatten layer before it")
    inputs = [value.name, weight(layer.kernel)] + [weight(layer.bias)] * layer.use_bias
    return activation(graph, layer, graph.emit("Gemm", *inputs))


def in_order(graph: Graph, value: Value) -> str:
    """`value` with its numbers one after another as in Keras; of which shape does not matter."""
    if len(value.shape) < 3 or value.shape[2] == 1 or value.shape[:2] == (1, 1):
        return value.name
    return graph.emit("Transpose", value.name, perm=[0, 2, 3, 1])


def flatten(graph: Graph, layer, value: Value) -> str:
    return value.name if len(value.shape) == 1 else graph.emit("Flatten", in_order(graph, value), axis=1)


def reshape(graph: Graph, layer, value: Value) -> str:
    shape = layer.compute_output_shape((1, *value.shape))[1:]
    name = graph.emit("Reshape", in_order(graph, value), np.array([0, *shape], np.int64))
    return graph.emit("Transpose", name, perm=[0, 3, 1, 2]) if len(shape) == 3 else name


# Branches that come together.


def merge(op: str):
    def add(graph: Graph, layer, *values: Value) -> str:
        same_rank(layer, values)
        return reduce(lambda left, right: graph.emit(op, left, right), [value.name for value in values])

    return add


def concatenate(graph: Graph, layer, *values: Value) -> str:
    same_rank(layer, values)
    rank = len(values[0].shape)
    axis = layer.axis % (rank + 1)
    if axis == 0:
        refuse(layer, "joins different images")
    onnx_axis = {1: 2, 2: 3, 3: 1}[axis] if rank == 3 else axis
    return graph.emit("Concat", *[value.name for value in values], axis=onnx_axis)


def same_rank(layer, values: tuple[Value, ...]) -> None:
    if len({len(value.shape) for value in values}) > 1:
        refuse(layer, f"joins {' and '.join(str(value.shape) for value in values)}")


def channels(graph: Graph, layer, value: Value) -> str:
    return graph.emit("Gather", value.name, np.array(layer.order, np.int64), axis=1)


def unchanged(graph: Graph, layer, value: Value) -> str:
    return value.name


LAYERS = {
    "Activation": lambda graph, layer, value: activation(graph, layer, value.name),
    "Add": merge("Add"),
    "AveragePooling2D": pool("AveragePool"),
    "BatchNormalization": batch_normalization,
    "Channels": channels,
    "Concatenate": concatenate,
    "Conv2D": convolution,
    "Dense": dense,
    "DepthwiseConv2D": depthwise,
    "ELU": lambda graph, layer, value: graph.emit("Elu", value.name, alpha=float(layer.alpha)),
    "Flatten": flatten,
    "GlobalAveragePooling2D": global_pool("GlobalAveragePool"),
    "GlobalMaxPooling2D": global_pool("GlobalMaxPool"),
    "LeakyReLU": leaky_relu,
    "MaxPooling2D": pool("MaxPool"),
    "Multiply": merge("Mul"),
    "Normalization": normalization,
    "PReLU": prelu,
    "ReLU": relu,
    "Rescaling": rescaling,
    "Reshape": reshape,
    "SeparableConv2D": separable,
    "Softmax": softmax,
    "Subtract": merge("Sub"),
    "ZeroPadding2D": zero_padding,
}
# What does something in training only.
LAYERS |= dict.fromkeys(
    ["ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "InputLayer"]
    + ["RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"]
    + ["SpatialDropout2D"],
    unchanged,
)
MODELS = ("Functional", "Model", "Sequential")
# What may come to grey images without an axis of channels, (height, width), before a Flatten or Reshape.
OF_ROWS = (normalization, rescaling, unchanged)
