"""From a trained network to a complete ONNX file.

Raw pixels 0 to 255 in, probabilities out; labels, normalisation and accuracy in the metadata. Scaling the pixels and
batch normalisation are folded into the convolutions.
"""

import copy
import inspect
import io
import math

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

OPSET = 13
TOLERANCE = 1e-4  # between what was trained and what was exported


class Deployed(nn.Module):
    """The network for inference: from raw pixels to probabilities."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float()
        # No mean is subtracted, so the padding stays black and the scale can be folded into the first convolution.
        first = next(m for m in self.network.modules() if isinstance(m, nn.Conv2d))
        with torch.no_grad():
            first.weight /= 255
        self.eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network(pixels).softmax(1)


def to_onnx(network: nn.Module, shape: tuple[int, int, int], metadata: dict[str, str]) -> onnx.ModelProto:
    """Input `images` f32 (N, C, H, W), output `probabilities` f32 (N, labels), N free. `shape` is height, width, channels."""
    height, width, channels = shape
    written = io.BytesIO()
    # Later versions of PyTorch have a second exporter, which needs further packages.
    first_one = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    torch.onnx.export(
        Deployed(network),
        (torch.zeros(1, channels, height, width),),
        written,
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_axes={"images": {0: "N"}, "probabilities": {0: "N"}},
        opset_version=OPSET,
        **first_one,
    )
    model = onnx.load_from_string(written.getvalue())
    model.graph.name = metadata["name"]
    model.doc_string, model.producer_version = "", ""
    for node in model.graph.node:
        node.doc_string = ""
    return with_metadata(model, metadata)


def with_metadata(model: onnx.ModelProto, metadata: dict[str, str]) -> onnx.ModelProto:
    """The same model with `metadata` and no other."""
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


def bytes_of(model: onnx.ModelProto) -> bytes:
    """The file; the same for the same model."""
    return model.SerializeToString(deterministic=True)


def run(model: bytes, images: np.ndarray, batch: int = 500) -> np.ndarray:
    """The probabilities of onnxruntime for (N, H, W, C) u8: (N, labels) f32."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    answers = [
        session.run(None, {name: part.transpose(0, 3, 1, 2).astype(np.float32)})[0]
        for part in np.array_split(images, max(1, math.ceil(len(images) / batch)))
    ]
    return np.concatenate(answers)


def difference(network: nn.Module, model: bytes, images: np.ndarray) -> float:
    """The largest one between the probabilities of network and file over `images`, (N, H, W, C) u8."""
    deployed = Deployed(network)
    with torch.inference_mode():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        expected = torch.cat([deployed(part) for part in pixels.split(500)]).numpy()
    return float(np.abs(run(model, images) - expected).max())


def multiply_adds(model: onnx.ModelProto) -> int:
    """Of convolutions and dense layers, for one image."""
    weights = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in inferred.value_info}
    total = 0
    for node in model.graph.node:
        # Quantised ones have scale and zero point between input and weights.
        place = {"Conv": 1, "Gemm": 1, "MatMul": 1, "QLinearConv": 3, "QLinearMatMul": 3, "MatMulInteger": 1}.get(node.op_type)
        if place is not None:
            total += math.prod(weights[node.input[place]]) * math.prod(shapes.get(node.output[0], [])[2:])
    return total


def parameters(model: onnx.ModelProto) -> int:
    """Weights and biases in the file."""
    return sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
