"""Writes NAME.h5 files of Keras with random weights, the same each time: how fast a network is does not depend on them.

    original.py FOLDER

`original` is the network of the Python program, `fashion-small` has the layers of ../../../../models/fashion-small.onnx.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"

import keras
from keras import layers

SEED = 0


def original() -> list:
    return [
        layers.Conv2D(8, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def small() -> list:
    convolutions = [
        layers.Conv2D(channels, 3, stride, padding="same", activation="relu")
        for channels, stride in ((8, 1), (32, 2), (48, 2), (60, 1))
    ]
    return [*convolutions, layers.Flatten(), layers.Dense(10, activation="softmax")]


for name, make in {"original": original, "fashion-small": small}.items():
    keras.utils.set_random_seed(SEED)
    # The Python program does not scale its pixels.
    model = keras.Sequential([keras.Input((28, 28, 1)), *make()])
    model.save(Path(sys.argv[1]) / f"{name}.h5")
