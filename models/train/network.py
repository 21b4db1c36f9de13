"""The candidate networks, what they cost, and their export to ONNX.

All are plain chains of 3x3 convolutions with ReLU and one dense layer: what every engine runs well. Strides shrink the
image, not pooling: on networks this small an engine spends its time moving data, most of it at full resolution.
Training sees pixels scaled to 0..1 and batch normalisation; the exported file has neither, because both are folded into
the convolutions' weights. There is no mean subtraction, so the zero padding at the borders stays exact.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

SIDE = 28
CLASSES = 10

# The 3x3 convolutions of each candidate: channels out, stride.
NETWORKS = {
    "wide": [(16, 2), (32, 2), (32, 1)],
    "long": [(16, 2), (24, 2), (24, 1), (24, 1)],
    "fine": [(12, 2), (20, 1), (32, 2)],
}


def build(name: str) -> nn.Sequential:
    """A freshly initialised candidate: (N, 1, 28, 28) pixels in 0..1 to (N, 10) logits."""
    layers, channels, side = [], 1, SIDE
    for out, stride in NETWORKS[name]:
        layers += [nn.Conv2d(channels, out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
        channels, side = out, side // stride
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, CLASSES))


def multiply_adds(model: onnx.ModelProto) -> int:
    """Multiply-adds of the exported file for one image: convolutions and dense layers."""
    weights = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.value_info}
    total = 0
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            positions = int(np.prod(shapes[node.output[0]][2:]))
            total += positions * int(np.prod(weights[node.input[1]]))
    return total


def parameters(model: onnx.ModelProto) -> int:
    """Weights and biases in the exported file."""
    return sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)


def to_onnx(network: nn.Sequential, name: str, labels: list[str]) -> onnx.ModelProto:
    """The trained network as a minimal ONNX graph: raw pixels 0..255 in, probabilities out.

    Input `images` (N, 1, 28, 28) f32, output `probabilities` (N, 10) f32, N symbolic. The metadata carries `name` and
    `labels`, one a line.
    """
    nodes, weights = [], []
    value, scale = "images", 1 / 255

    def emit(op: str, *tensors: np.ndarray, output: str | None = None, **attributes) -> None:
        nonlocal value
        index = len(nodes)
        output = output or f"{op.lower()}_{index}"
        inputs = [value]
        for role, tensor in zip(("weight", "bias"), tensors):
            inputs.append(f"{role}_{index}")
            weights.append(numpy_helper.from_array(tensor.astype(np.float32), inputs[-1]))
        nodes.append(helper.make_node(op, inputs, [output], **attributes))
        value = output

    layers = list(network)
    for layer, following in zip(layers, layers[1:] + [None]):
        match layer:
            case nn.Conv2d():
                weight, bias = fold(layer, following)
                emit("Conv", weight * scale, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=list(layer.stride))
                scale = 1
            case nn.ReLU():
                emit("Relu")
            case nn.Flatten():
                emit("Flatten", axis=1)
            case nn.Linear():
                emit("Gemm", layer.weight.detach().numpy(), layer.bias.detach().numpy(), transB=1)
    emit("Softmax", axis=1, output="probabilities")

    model = helper.make_model(
        helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", CLASSES])],
            weights,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    helper.set_model_props(model, {"name": name, "labels": "\n".join(labels)})
    onnx.checker.check_model(model, full_check=True)
    return model


def fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the one convolution that equals this one followed by its batch normalisation in evaluation."""
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight = convolution.weight * gain[:, None, None, None]
    bias = norm.bias - norm.running_mean * gain
    return weight.detach().numpy(), bias.detach().numpy()
