"""Writes golden/variants/from-pytorch.onnx and its .data: a small network as PyTorch's exporter writes it.

    pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2
    python pytorch_variant.py

Then run variants.py, which computes the answers. It is a script of its own because the exporter needs a newer PyTorch than
Debian's, which trains the models here. The network has what photograph classifiers have: batch normalisation, a residual, a
depthwise convolution, adaptive pooling; the batch is dynamic, and the weights lie in a file beside the model, as by default.
"""

from pathlib import Path

import onnx
import torch
from torch import nn

ROWS, COLUMNS, CLASSES = 4, 5, 10
PATH = Path(__file__).parent.parent / "golden" / "variants" / "from-pytorch.onnx"


class Network(nn.Module):
    """Takes raw pixels, (N, 1, 4, 5), and gives logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.block = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, CLASSES))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.stem(pixels / 255)
        features = nn.functional.silu(features + self.block(features))
        return self.head(torch.flatten(self.pool(features), 1))


def main() -> None:
    torch.manual_seed(0)
    network = Network()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            # As after training, where they are not 0 and 1.
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
        if isinstance(module, nn.Linear):
            module.weight.data.mul_(8)
    pixels = torch.zeros(2, 1, ROWS, COLUMNS)
    torch.onnx.export(
        network.eval(), (pixels,), PATH, input_names=["images"], output_names=["answers"], dynamic_shapes=({0: "batch"},), verbose=False
    )
    # Traces of the stack, with paths of this machine.
    model = onnx.load(PATH, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
    onnx.save(model, PATH)


if __name__ == "__main__":
    main()
