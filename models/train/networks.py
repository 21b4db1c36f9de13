"""The networks, for any image size and number of classes.

All are convolutions with batch normalisation and ReLU: what every engine runs well, and what folds into plain convolutions
when a network is exported. Pixels come in as 0 to 1, with no mean taken off, so that the zero padding at
the borders is black.
"""

import torch
from torch import nn


def convolution(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """A convolution with its normalisation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class Residual(nn.Module):
    """Two convolutions beside a shortcut, which is a 1x1 convolution where the shape changes.

    He et al., Deep Residual Learning for Image Recognition, 2015, arXiv:1512.03385.
    """

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(convolution(inputs, outputs, stride), nn.ReLU(), convolution(outputs, outputs))
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, stride, kernel=1)
        # The block begins as its shortcut: deep networks start to learn sooner.
        nn.init.zeros_(self.body[2][1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def small(channels: int, height: int, width: int, classes: int) -> nn.Sequential:
    """Cheap enough to be built into a component: a chain of four convolutions.

    Strides shrink the image, not pooling, and a dense layer over all places, not their mean, gives the classes: on networks
    this small both cost less than what they find.
    """
    layers, inputs = [], channels
    for outputs, stride in ((8, 1), (32, 2), (48, 2), (60, 1)):
        layers += [convolution(inputs, outputs, stride), nn.ReLU()]
        inputs, height, width = outputs, -(-height // stride), -(-width // stride)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * height * width, classes))


def large(channels: int, height: int, width: int, classes: int) -> nn.Sequential:
    """A residual network of 14 layers: what can be had for 60 million multiply-adds an image of 28x28."""
    stages = ((24, 1), (56, 2), (120, 2))
    layers, inputs = [convolution(channels, stages[0][0]), nn.ReLU()], stages[0][0]
    for outputs, stride in stages:
        layers += [Residual(inputs, outputs, stride), Residual(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


BY_NAME = {"small": small, "large": large}
