"""Small networks of the operators that image classifiers are made of, as different exporters write them, for variants.py.

All take raw pixels of 4 rows and 5 columns. Sizes and padding differ by axis, so that nothing that is mixed up goes unseen.
"""

import numpy as np
from onnx import NodeProto, helper

CLASSES = 10

node = helper.make_node


def weights(seed: int, **shapes: tuple) -> dict[str, np.ndarray]:
    """Numbers as of a network that was trained: what adds up stays about as large as what went in."""
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 1 / np.sqrt(max(np.prod(shape[1:]), 4)), shape).astype(np.float32) for name, shape in shapes.items()}


def normalisation(seed: int, channels: int, prefix: str) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    ends = {"scale": (0.5, 1.5), "offset": (-0.3, 0.3), "mean": (-0.2, 0.2), "variance": (0.5, 1.5)}
    return {prefix + name: random.uniform(*end, channels).astype(np.float32) for name, end in ends.items()}


def channels_last() -> tuple[list[NodeProto], dict]:
    """As TensorFlow's exporters do it: transposes, zeros around the image as an operator, padding by its name."""
    nodes = [
        node("Transpose", ["images"], ["first"], perm=[0, 3, 1, 2]),
        node("Sub", ["first", "grey"], ["less"]),
        node("Div", ["less", "grey"], ["scaled"]),
        node("Pad", ["scaled", "around"], ["padded"]),
        node("Conv", ["padded", "stem"], ["a"], strides=[2, 1], kernel_shape=[3, 3]),
        node("BatchNormalization", ["a", "n_scale", "n_offset", "n_mean", "n_variance"], ["b"], epsilon=1e-3),
        node("Clip", ["b", "zero", "six"], ["c"]),
        node("Conv", ["c", "each"], ["d"], group=8, auto_pad="SAME_UPPER", kernel_shape=[2, 3]),
        node("Clip", ["d", "zero", "six"], ["e"]),
        node("Conv", ["e", "point", "bias"], ["f"], kernel_shape=[1, 1]),
        node("Add", ["c", "f"], ["g"]),
        node("MaxPool", ["g"], ["h"], kernel_shape=[2, 2], auto_pad="SAME_LOWER"),
        node("Transpose", ["h"], ["last"], perm=[0, 2, 3, 1]),
        node("ReduceMean", ["last"], ["mean"], axes=[1, 2], keepdims=0),
        node("MatMul", ["mean", "dense"], ["i"]),
        node("Add", ["i", "offset"], ["j"]),
        node("Softmax", ["j"], ["answers"], axis=-1),
    ]
    constants = weights(1, stem=(8, 1, 3, 3), each=(8, 1, 2, 3), point=(8, 8, 1, 1), bias=(8,), dense=(8, CLASSES), offset=(CLASSES,))
    constants["dense"] *= 4
    constants |= normalisation(2, 8, "n_")
    constants |= {"grey": np.float32(127.5), "around": np.array([0, 0, 0, 1, 0, 0, 1, 2]), "zero": np.float32(0), "six": np.float32(6)}
    return nodes, constants


def groups() -> tuple[list[NodeProto], dict]:
    """What is rare: uneven padding, groups, dilation, means with padding and without, factors of a dense layer."""
    nodes = [
        node("Mul", ["images", "unit"], ["scaled"]),
        node("Conv", ["scaled", "wide", "bias"], ["a"], kernel_shape=[4, 2], pads=[2, 0, 1, 2]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "grouped"], ["c"], kernel_shape=[2, 2], group=2, dilations=[2, 1], pads=[1, 0, 1, 1]),
        node("Add", ["c", "by_channel"], ["d"]),
        node("AveragePool", ["d"], ["e"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
        node("AveragePool", ["e"], ["f"], kernel_shape=[2, 3], pads=[1, 1, 0, 1], strides=[1, 2]),
        node("Flatten", ["f"], ["g"]),
        node("Gemm", ["g", "dense", "offset"], ["h"], transB=1, alpha=3.0, beta=0.5),
        node("Softmax", ["h"], ["answers"], axis=1),
    ]
    constants = weights(3, wide=(6, 1, 4, 2), bias=(6,), grouped=(6, 3, 2, 2), dense=(CLASSES, 72), offset=(CLASSES,))
    constants |= {"by_channel": weights(4, it=(6, 1, 1))["it"], "unit": np.array([1 / 255], np.float32)}
    return nodes, constants


def three_by_three() -> tuple[list[NodeProto], dict]:
    """As PyTorch's exporter does it, without a softmax: a residual block, a convolution that takes sides off, a view."""
    nodes = [
        node("Div", ["images", "all"], ["scaled"]),
        node("Conv", ["scaled", "stem", "bias"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "one"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["d"]),
        node("Conv", ["d", "two"], ["e"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Add", ["e", "b"], ["f"]),
        node("Relu", ["f"], ["g"]),
        node("Conv", ["g", "three"], ["h"], kernel_shape=[3, 3]),
        node("Shape", ["h"], ["shape"]),
        node("Gather", ["shape", "first"], ["images_of"], axis=0),
        node("Unsqueeze", ["images_of", "first_axis"], ["batch"]),
        node("Concat", ["batch", "rest"], ["flat"], axis=0),
        node("Reshape", ["h", "flat"], ["i"]),
        node("Gemm", ["i", "dense", "offset"], ["answers"]),
    ]
    constants = weights(5, stem=(16, 1, 3, 3), bias=(16,), one=(24, 16, 3, 3), two=(16, 24, 3, 3), three=(12, 16, 3, 3))
    constants |= weights(6, dense=(72, CLASSES), offset=(CLASSES,)) | {"all": np.float32(255)}
    constants |= {"first": np.array(0), "first_axis": np.array([0]), "rest": np.array([-1])}
    return nodes, constants


def gates() -> tuple[list[NodeProto], dict]:
    """What later networks have: weighted channels, activations that are curves, channels side by side."""
    nodes = [
        node("Mul", ["images", "unit"], ["scaled"]),
        node("Conv", ["scaled", "stem"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Sigmoid", ["a"], ["b"]),
        node("Mul", ["a", "b"], ["c"]),
        node("GlobalAveragePool", ["c"], ["d"]),
        node("Conv", ["d", "down"], ["e"], kernel_shape=[1, 1]),
        node("LeakyRelu", ["e"], ["f"], alpha=0.2),
        node("Conv", ["f", "up"], ["g"], kernel_shape=[1, 1]),
        node("HardSigmoid", ["g"], ["h"], alpha=0.17, beta=0.5),
        node("Mul", ["h", "c"], ["i"]),
        node("Conv", ["i", "beside"], ["j"], kernel_shape=[1, 1]),
        node("Tanh", ["j"], ["k"]),
        node("Concat", ["i", "k", "scaled"], ["l"], axis=1),
        node("Conv", ["l", "last"], ["m"], kernel_shape=[3, 3]),
        node("HardSigmoid", ["m"], ["q"], alpha=1 / 6, beta=0.5),
        node("Mul", ["m", "q"], ["n"]),
        node("GlobalMaxPool", ["n"], ["o"]),
        node("Squeeze", ["o", "sides"], ["p"]),
        node("Gemm", ["p", "dense", "offset"], ["answers"]),
    ]
    constants = weights(7, stem=(8, 1, 3, 3), down=(3, 8, 1, 1), up=(8, 3, 1, 1), beside=(5, 8, 1, 1), last=(12, 14, 3, 3))
    constants |= weights(8, dense=(12, CLASSES), offset=(CLASSES,))
    constants["dense"] *= 4
    constants |= {"unit": np.float32(1 / 32), "sides": np.array([2, 3])}
    return nodes, constants
