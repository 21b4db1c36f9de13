"""What was done to pixels before they came to a Keras model, outside of its file, and how it gets into the ONNX file."""

import argparse
from dataclasses import dataclass

import numpy as np

from keras_layers import Graph, Value, affine

NONE = "none: raw pixels, 0 to 255"


@dataclass(frozen=True)
class Pixels:
    """(pixel - subtract) / divide, each one number, or one a channel; before that `reversed` channels: blue, green, red."""

    subtract: np.ndarray
    divide: np.ndarray
    reversed: bool = False

    def of(self, images: np.ndarray) -> np.ndarray:
        """Raw images (N, height, width, channels) as the model was given them."""
        images = images[..., ::-1] if self.reversed else images
        return (images - self.subtract.astype(np.float32)) / self.divide.astype(np.float32)

    def add(self, graph: Graph, raw: Value) -> Value:
        """The same in the graph."""
        name = graph.emit("Gather", raw.name, np.array([2, 1, 0], np.int64), axis=1) if self.reversed else raw.name
        return Value(affine(graph, Value(name, raw.shape), 1 / self.divide, -self.subtract / self.divide), raw.shape)

    def words(self) -> str:
        if not self.reversed and not self.subtract.any() and (self.divide == 1).all():
            return NONE
        numbers = [",".join(f"{number:g}" for number in given) for given in (self.subtract, self.divide)]
        channels = "blue, green, red; " if self.reversed else ""
        return f"inside: {channels}(pixel - {numbers[0]}) / {numbers[1]}"


def pixels(subtract: str, divide: str, reversed: bool = False) -> Pixels:
    return Pixels(numbers(subtract), numbers(divide), reversed)


def numbers(text: str) -> np.ndarray:
    parsed = np.array([float(number) for number in text.split(",")])
    if not np.isfinite(parsed).all():
        raise argparse.ArgumentTypeError(f"{text!r} has what is no number")
    return parsed


# The three ways of `preprocess_input` in keras.applications, by the names that Keras has for them.
MODES = {
    "tf": pixels("127.5", "127.5"),
    "torch": pixels("123.675,116.28,103.53", "58.395,57.12,57.375"),
    "caffe": pixels("103.939,116.779,123.68", "1", reversed=True),
}
