"""Tests of convert_keras.py, on models that Keras itself builds here, with random weights.

    python -m unittest tests.keras_conversion

In an environment of its own, and so not among those that `discover` finds.
"""

import contextlib
import io
import json
import logging
import sys
import tempfile
import unittest
from pathlib import Path

import convert_keras  # before Keras, whose backend it chooses

import h5py
import keras
import numpy as np
import onnx
import onnxruntime
from keras import layers

logging.getLogger("absl").setLevel(logging.ERROR)  # Keras' advice to save in its newer format


def randomise(model: keras.Model) -> keras.Model:
    """Weights that no two layers, channels or rows share; Keras' own biases and means are all 0."""
    random = np.random.default_rng(1)
    for variable in model.weights:
        fan_in = max(1, np.prod(variable.shape[:-1]))
        spread = random.normal(0, 1 / np.sqrt(fan_in), variable.shape)
        variance = "variance" in variable.path or "gamma" in variable.path
        if "count" not in variable.path:
            variable.assign(np.abs(spread) + 0.5 if variance else spread)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return model


def original() -> keras.Model:
    """The architecture of the original project's model."""
    convolution = {"kernel_size": 3, "padding": "same", "activation": "relu"}
    return sequential(
        (28, 28, 1),
        layers.Conv2D(8, **convolution),
        layers.MaxPooling2D(),
        layers.Conv2D(16, **convolution),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    )


def sequential(shape: tuple, *parts) -> keras.Model:
    return randomise(keras.Sequential([keras.Input(shape), *parts]))


def head(labels: int = 3, activation: str | None = "softmax") -> list:
    return [layers.Flatten(), layers.Dense(labels, activation=activation)]


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file, self.onnx = self.folder / "model.h5", self.folder / "shoes.onnx"

    def convert(self, *options: str) -> onnx.ModelProto:
        """What the command makes of self.file, loaded and checked."""
        with contextlib.redirect_stdout(io.StringIO()):
            convert_keras.convert(convert_keras.arguments([str(self.file), str(self.folder / "shoes"), *options]))
        return onnx.load(self.onnx)

    def answers(self, images: np.ndarray) -> np.ndarray:
        return onnxruntime.InferenceSession(self.onnx).run(None, {"images": images.astype(np.float32)})[0]

    def refused(self, *words: str, options: tuple[str, ...] = ()) -> None:
        """The command exits with code 1 and a message that has all `words`, and writes nothing."""
        before = sorted(self.folder.iterdir())
        with self.assertRaises(SystemExit) as caught:
            self.convert(*options)
        for word in words:
            self.assertIn(word, caught.exception.code)
        self.assertEqual(sorted(self.folder.iterdir()), before)

    def legacy(self, model: keras.Model, version: str, config: dict) -> None:
        """Writes self.file as Keras 2 lays it out, with h5py alone."""
        with h5py.File(self.file, "w") as file:
            file.attrs.update({"keras_version": version, "backend": "tensorflow", "model_config": json.dumps(config)})
            group = file.create_group("model_weights")
            group.attrs.update({"keras_version": version, "backend": "tensorflow"})
            group.attrs["layer_names"] = np.array([layer.name for layer in model.layers], "S")
            for layer in model.layers:
                names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
                part = group.create_group(layer.name)
                part.attrs["weight_names"] = np.array(names, "S")
                for name, weight in zip(names, layer.weights):
                    part[name] = np.asarray(weight)

    def edit(self, change) -> None:
        """Changes the configuration in self.file."""
        with h5py.File(self.file, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            file.attrs["model_config"] = json.dumps(change(config) or config)


class Converts(Folder):
    def same(self, model: keras.Model, contrast: float = 1) -> onnx.ModelProto:
        """Saves and converts `model`, and compares with it, on other images than the command does."""
        model.save(self.file)
        converted = self.convert()
        images = np.random.default_rng(2).uniform(0, 255 * contrast, (5, *model.input_shape[1:])).astype(np.float32)
        expected = np.asarray(model.predict(images, verbose=0))
        np.testing.assert_allclose(self.answers(images), expected, atol=1e-4 * max(1, np.abs(expected).max()))
        return converted

    def test_the_original_with_its_metadata(self) -> None:
        model = original()
        self.assertEqual(model.count_params(), 53_898)
        converted = self.same(model, 0.02)
        properties = {entry.key: entry.value for entry in converted.metadata_props}
        self.assertEqual(properties["name"], "shoes")
        self.assertIn(f"model.h5, Keras {keras.__version__}, SHA-256 ", properties["source"])
        self.assertIn("raw pixels", properties["normalisation"])
        self.assertNotIn("labels", properties)
        self.assertEqual((converted.opset_import[0].version, converted.ir_version), (13, 8))
        (taken,), (given,) = converted.graph.input, converted.graph.output
        dimensions = [d.dim_param or d.dim_value for d in taken.type.tensor_type.shape.dim]
        self.assertEqual((taken.name, dimensions), ("images", ["N", 28, 28, 1]))
        self.assertEqual(given.name, "probabilities")
        self.assertEqual(converted.graph.node[-1].op_type, "Softmax")

    def test_the_same_bytes_twice(self) -> None:
        original().save(self.file)
        self.convert()
        first = self.onnx.read_bytes()
        self.convert()
        self.assertEqual(self.onnx.read_bytes(), first)

    def test_same_padding_of_odd_and_even_sizes_under_strides(self) -> None:
        for height, width, kernel, stride in [(7, 10, 3, 2), (8, 9, 2, 2), (11, 6, 5, 3), (9, 9, (2, 3), (3, 2))]:
            with self.subTest(height=height, width=width, kernel=kernel, stride=stride):
                window = {"strides": stride, "padding": "same"}
                model = sequential(
                    (height, width, 3),
                    layers.Conv2D(4, kernel, **window),
                    layers.MaxPooling2D(2, 1, padding="same"),
                    layers.AveragePooling2D(kernel, **window),
                    *head(activation=None),
                )
                self.same(model)

    def test_valid_padding_dilation_groups_and_no_bias(self) -> None:
        model = sequential(
            (13, 12, 1),
            layers.Conv2D(4, 3, dilation_rate=(2, 1), padding="same"),
            layers.Conv2D(6, (3, 2), groups=2, use_bias=False),
            layers.ZeroPadding2D(((1, 2), (0, 3))),
            layers.AveragePooling2D((2, 3), (2, 1)),
            layers.MaxPooling2D(2, padding="valid"),
            *head(activation=None),
        )
        self.same(model)

    def test_depthwise_and_separable(self) -> None:
        model = sequential(
            (10, 9, 3),
            layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2, activation="relu6"),
            layers.SeparableConv2D(5, 3, padding="same", depth_multiplier=2, activation="tanh"),
            layers.GlobalMaxPooling2D(keepdims=True),
            *head(activation=None),
        )
        self.same(model)

    def test_normalisation_layers(self) -> None:
        model = sequential(
            (8, 6, 3),
            layers.Rescaling(1 / 127.5, -1),
            layers.Normalization(),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.BatchNormalization(scale=False, center=False),
            layers.Dense(4),
        )
        self.same(model)

    def test_layers_of_training_only_are_dropped(self) -> None:
        model = sequential(
            (6, 6, 1),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
            layers.RandomContrast(0.1),
            layers.GaussianNoise(0.1),
            layers.SpatialDropout2D(0.5),
            layers.Dropout(0.5),
            *head(activation=None),
        )
        converted = self.same(model)
        self.assertEqual([node.op_type for node in converted.graph.node], ["Transpose", "Flatten", "Gemm"])

    def test_activations(self) -> None:
        names = ["relu", "relu6", "elu", "selu", "sigmoid", "tanh", "softmax", "softplus", "softsign", "exponential"]
        after = [layers.Activation(name) for name in [*names, "leaky_relu", "gelu", "silu", "linear"]]
        after += [layers.ReLU(6), layers.ReLU(negative_slope=0.1), layers.LeakyReLU(0.2), layers.ELU(0.7)]
        after += [layers.PReLU(), layers.PReLU(shared_axes=[1, 2]), layers.Softmax()]
        for layer in after:
            with self.subTest(layer=layer.name):
                start = [layers.Rescaling(1 / 255), layers.Conv2D(2, 2)]
                self.same(sequential((4, 5, 1), *start, layer, *head(activation=None)))

    def test_branches_and_inner_models(self) -> None:
        inner = keras.Sequential([keras.Input((8, 7, 3)), layers.Normalization(), layers.Conv2D(3, 3, padding="same")])
        inner.add(layers.BatchNormalization())
        images = keras.Input((8, 7, 3))
        left, right = inner(images, training=False), layers.Conv2D(3, 1)(images)
        joined = layers.Concatenate()([layers.Add()([left, right, images]), layers.Subtract()([left, right])])
        joined = layers.Concatenate(axis=1)([joined, joined])
        gate = layers.Reshape((1, 1, 6))(layers.GlobalAveragePooling2D()(joined))
        joined = layers.Multiply()([joined, gate])
        joined = layers.Reshape((4, -1, 7))(joined)
        answer = layers.Dense(3)(layers.Flatten()(joined))
        self.same(randomise(keras.Model(images, answer)))

    def test_pixels_scaled_outside_of_the_model(self) -> None:
        model = sequential((5, 4, 3), layers.Conv2D(2, 3, padding="same"), *head(activation=None))
        model.save(self.file)
        images = np.random.default_rng(2).uniform(0, 255, (5, 5, 4, 3)).astype(np.float32)
        for options, scaled, words in [
            (["--divide", "255"], images / 255, "inside: (pixel - 0) / 255"),
            (["--subtract", "127.5", "--divide", "127.5"], images / 127.5 - 1, "inside: (pixel - 127.5) / 127.5"),
            (["--subtract", "1,2,3", "--divide", "4,5,6"], (images - [1, 2, 3]) / [4, 5, 6], "(pixel - 1,2,3) / 4,5,6"),
        ]:
            with self.subTest(options=options):
                properties = {entry.key: entry.value for entry in self.convert(*options).metadata_props}
                self.assertIn(words, properties["normalisation"])
                expected = model.predict(np.float32(scaled), verbose=0)
                np.testing.assert_allclose(self.answers(images), expected, atol=1e-4)

    def test_a_sigmoid_of_one_value_becomes_two_labels(self) -> None:
        model = sequential((5, 4, 1), layers.Rescaling(1 / 255), *head(1, "sigmoid"))
        model.save(self.file)
        (self.folder / "labels.txt").write_text("cat\ndog\n")
        converted = self.convert("--labels", str(self.folder / "labels.txt"))
        self.assertEqual({entry.key: entry.value for entry in converted.metadata_props}["labels"], "cat\ndog")
        self.assertEqual(converted.graph.node[-1].op_type, "Softmax")
        images = np.random.default_rng(2).uniform(0, 255, (5, 5, 4, 1)).astype(np.float32)
        dog = model.predict(images, verbose=0)
        np.testing.assert_allclose(self.answers(images), np.concatenate([1 - dog, dog], 1), atol=1e-6)

    def test_a_file_of_keras_2(self) -> None:
        model = original()
        self.legacy(model, "2.11.0", keras_2_config())
        self.convert()
        properties = {entry.key: entry.value for entry in onnx.load(self.onnx).metadata_props}
        self.assertIn("Keras 2.11.0", properties["source"])
        images = np.random.default_rng(2).uniform(0, 5, (5, 28, 28, 1)).astype(np.float32)
        np.testing.assert_allclose(self.answers(images), model.predict(images, verbose=0), atol=1e-4)

    def test_a_file_from_before_input_layers(self) -> None:
        model, config = original(), keras_2_config()
        del config["config"]["layers"][0]
        self.legacy(model, "2.1.6", {"class_name": "Sequential", "config": config["config"]["layers"]})
        self.convert()
        images = np.random.default_rng(2).uniform(0, 5, (5, 28, 28, 1)).astype(np.float32)
        np.testing.assert_allclose(self.answers(images), model.predict(images, verbose=0), atol=1e-4)

    def test_a_functional_file_of_keras_2_with_its_oddities(self) -> None:
        images = keras.Input((6, 6, 3))
        depthwise = layers.DepthwiseConv2D(3, use_bias=False)(images)
        model = keras.Model(images, layers.Dense(3)(layers.Flatten()(layers.BatchNormalization()(depthwise))))
        randomise(model)
        policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
        entries, before = [], None
        for kind, config in [
            (
                "InputLayer",
                {"batch_input_shape": [None, 6, 6, 3], "dtype": "float32", "sparse": False, "ragged": False},
            ),
            (
                "DepthwiseConv2D",
                {"kernel_size": [3, 3], "strides": [1, 1], "padding": "valid", "groups": 1}
                | {
                    "data_format": "channels_last",
                    "dilation_rate": [1, 1],
                    "depth_multiplier": 1,
                    "activation": "linear",
                }
                | {"use_bias": False, "depthwise_regularizer": {"class_name": "Mine", "config": {}}},
            ),
            ("BatchNormalization", {"axis": [3], "momentum": 0.99, "epsilon": 0.001, "center": True, "scale": True}),
            ("Flatten", {"data_format": "channels_last"}),
            ("Dense", {"units": 3, "activation": "linear", "use_bias": True}),
        ]:
            config = {"name": kind.lower(), "trainable": True, "dtype": policy} | config
            inbound = [[[before, 0, 0, {}]]] if before else []
            entries.append({"class_name": kind, "config": config, "name": kind.lower(), "inbound_nodes": inbound})
            before = kind.lower()
        ends = {"input_layers": [["inputlayer", 0, 0]], "output_layers": [["dense", 0, 0]]}
        config = {"name": "model", "layers": entries, **ends}
        self.legacy(model, "2.9.0", {"class_name": "Functional", "config": config})
        self.convert()
        images = np.random.default_rng(2).uniform(0, 255, (5, 6, 6, 3)).astype(np.float32)
        np.testing.assert_allclose(self.answers(images), model.predict(images, verbose=0), rtol=1e-3, atol=1e-2)


def keras_2_config() -> dict:
    """What TensorFlow 2.11 writes of the original's model."""

    def weighted(kind: str, name: str, activation: str, **config) -> dict:
        zeros, glorot = {"class_name": "Zeros", "config": {}}, {"class_name": "GlorotUniform", "config": {"seed": None}}
        config |= {"name": name, "trainable": True, "dtype": "float32", "activation": activation, "use_bias": True}
        config |= {"kernel_initializer": glorot, "bias_initializer": zeros, "kernel_regularizer": None}
        config |= {"bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None}
        return {"class_name": kind, "config": config | {"bias_constraint": None}}

    def convolution(name: str, filters: int, **config) -> dict:
        config |= {"filters": filters, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "groups": 1}
        config |= {"data_format": "channels_last", "dilation_rate": [1, 1]}
        return weighted("Conv2D", name, "relu", **config)

    def pooling(name: str) -> dict:
        config = {"name": name, "trainable": True, "dtype": "float32", "pool_size": [2, 2], "padding": "valid"}
        return {"class_name": "MaxPooling2D", "config": config | {"strides": [2, 2], "data_format": "channels_last"}}

    shape = [None, 28, 28, 1]
    start = {"batch_input_shape": shape, "dtype": "float32", "sparse": False, "ragged": False, "name": "conv2d_input"}
    flatten = {"name": "flatten", "trainable": True, "dtype": "float32", "data_format": "channels_last"}
    entries = [
        {"class_name": "InputLayer", "config": start},
        convolution("conv2d", 8, batch_input_shape=shape),
        pooling("max_pooling2d"),
        convolution("conv2d_1", 16),
        pooling("max_pooling2d_1"),
        {"class_name": "Flatten", "config": flatten},
        weighted("Dense", "dense", "relu", units=64),
        weighted("Dense", "dense_1", "relu", units=32),
        weighted("Dense", "dense_2", "softmax", units=10),
    ]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": entries}}


class Refuses(Folder):
    def save(self, shape: tuple, *parts) -> None:
        sequential(shape, *parts).save(self.file)

    def test_files_that_are_none(self) -> None:
        self.refused("model.h5", "give the .h5 file")
        self.file.write_text("shirt")
        self.refused("neither an HDF5 file", "nor a zip archive", "model.save(")

    def test_weights_alone(self) -> None:
        model = sequential((4, 4, 1), *head())
        model.save(self.file)
        with h5py.File(self.file, "r+") as file:
            del file.attrs["model_config"]
        self.refused("holds weights only", "model.save(")
        weights = self.folder / "model.weights.h5"
        model.save_weights(weights)
        weights.rename(self.file)
        self.refused("holds weights only")

    def test_a_configuration_that_cannot_be_read(self) -> None:
        self.save((4, 4, 1), *head())
        self.edit(lambda config: {"class_name": "Sequential", "config": {}})
        self.refused("model_config that cannot be read", "KeyError")
        self.edit(lambda config: {"class_name": "Wardrobe", "config": {}})
        self.refused("subclassed model (Wardrobe)")

    def test_weights_that_do_not_fit(self) -> None:
        self.save((4, 4, 1), *head())
        self.edit(lambda config: config["config"]["layers"][-1]["config"].update(units=4))
        self.refused("cannot read", "hape")

    def test_unknown_layers_and_activations(self) -> None:
        self.save((4, 4, 1), layers.Resizing(3, 3, name="smaller"), *head())
        self.refused("'smaller'", "Resizing", "tf2onnx")
        self.save((4, 4, 1), layers.Lambda(lambda pixels: pixels / 255, name="scaled"), *head())
        self.refused("'scaled'", "Lambda", "keras.layers.Rescaling", "--preprocess")
        self.save((4, 4, 1), layers.Conv2D(1, 1, activation="mish", name="odd"), *head())
        self.refused("'odd'", "'mish'", "tf2onnx")
        self.save((4, 4, 1), *head())
        self.edit(lambda config: config["config"]["layers"][1].update(class_name="Custom>Mine"))
        self.refused("'flatten", "Custom>Mine", "tf2onnx")

    def test_what_known_layers_cannot_do_here(self) -> None:
        self.save((4, 4, 1), layers.Dense(3, name="early"), *head())
        self.refused("'early'", "(4, 4, 1)", "Flatten")
        self.save((4, 4, 1), layers.BatchNormalization(axis=1, name="rows"), *head())
        self.refused("'rows'", "axis 1")
        self.save((4, 4, 1), layers.Softmax(axis=[1, 2], name="heat"), *head())
        self.refused("'heat'", "[1, 2]")
        self.save((4, 4, 1), layers.Reshape((8, 2), name="pairs"), *head())
        self.refused("'pairs'", "(8, 2)")
        self.save((4, 4, 1), layers.Conv2D(1, 1, name="planes"), *head())
        self.edit(lambda config: config["config"]["layers"][1]["config"].update(data_format="channels_first"))
        self.refused("'planes'", "channels_first")

    def test_inputs_that_are_no_images(self) -> None:
        for shape, words in [
            ((15,), ["(N, 15)", "a square"]),
            ((8, 8, 4), ["(N, 8, 8, 4)", "1 or 3"]),
            ((3, 8, 1), ["(N, 3, 8, 1)", "channels"]),
        ]:
            with self.subTest(shape=shape):
                self.save(shape, *head())
                self.refused(*words)
        self.save((None, 8, 3), layers.GlobalAveragePooling2D(), layers.Dense(3))
        self.refused("(N, None, 8, 3)", "fixed")

    def test_several_inputs_or_outputs(self) -> None:
        left, right = keras.Input((4, 4, 1)), keras.Input((4, 4, 1))
        keras.Model([left, right], layers.Flatten()(layers.Add()([left, right]))).save(self.file)
        self.refused("2 inputs and 1 outputs")
        answers = [layers.Dense(3)(layers.Flatten()(left)) for _ in range(2)]
        keras.Model(left, answers).save(self.file)
        self.refused("1 inputs and 2 outputs")

    def test_a_sequential_without_a_shape(self) -> None:
        keras.Sequential(head()).save(self.file)
        self.refused("no input shape", "keras.layers.Input")

    def test_outputs_that_name_no_label(self) -> None:
        self.save((4, 4, 1), layers.Conv2D(3, 1, activation="softmax"))
        self.refused("(N, 4, 4, 3)", "(N, labels)")
        self.save((4, 4, 1), *head(3, "sigmoid"))
        self.refused("sigmoid of 3 labels", "softmax")
        self.save((4, 4, 1), *head(1, None))
        self.refused("one number", "softmax")

    def test_a_difference_from_keras(self) -> None:
        self.save((4, 4, 1), *head(activation=None))
        real = convert_keras.difference
        self.addCleanup(setattr, convert_keras, "difference", real)
        for differs in (2e-4, float("nan")):
            convert_keras.difference = lambda *_: differs
            self.refused("differs from Keras", "not written")

    def test_options(self) -> None:
        self.save((4, 4, 3), *head())
        labels = self.folder / "labels.txt"
        for text, word in [
            ("a\nb\n", "2 labels for 3"),
            ("", "0 labels for 3"),
            ("a\n\nb", "line 2"),
            ("a\tb", "line 1"),
        ]:
            labels.write_text(text)
            self.refused(word, options=("--labels", str(labels)))
        labels.write_bytes(b"\xff")
        self.refused("UTF-8", options=("--labels", str(labels)))
        self.refused("none.txt", options=("--labels", "none.txt"))
        self.refused("2 numbers for 3 channels", options=("--divide", "1,2"))
        self.refused("has a 0", options=("--divide", "0"))
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit) as caught:
            convert_keras.arguments(["model.h5", "NAME", "--divide", "nan"])
        self.assertEqual(caught.exception.code, 2)
        with self.assertRaises(SystemExit) as caught:
            convert_keras.convert(convert_keras.arguments([str(self.file), str(self.folder / "none" / "shoes")]))
        self.assertIn("make it first", caught.exception.code)


if __name__ == "__main__":
    unittest.main()
