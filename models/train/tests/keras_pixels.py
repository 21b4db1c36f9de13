"""Tests of convert_keras.py, on what becomes of pixels before a model's first layer with weights, and on .keras files.

    python -m unittest tests.keras_pixels

Keras answers with the model as it was built here: nothing of what the command reads takes part.
"""

import unittest
import zipfile

from tests.keras_conversion import Folder, head, randomise, sequential

import h5py
import keras
import numpy as np
import onnx
from keras import layers
from keras.applications import densenet, mobilenet_v2, resnet50

APPLICATIONS = {"tf": mobilenet_v2, "caffe": resnet50, "torch": densenet}


class Pixels(Folder):
    def same(self, model: keras.Model, *options: str, before=lambda images: images, within: float = 1e-4) -> onnx.ModelProto:
        """Saves and converts `model`, and compares with it, given what `before` makes of raw pixels."""
        model.save(self.file)
        converted = self.convert(*options)
        lengths = [axis.dim_value for axis in converted.graph.input[0].type.tensor_type.shape.dim][1:]
        images = np.random.default_rng(2).integers(0, 256, (6, *lengths)).astype(np.float32)
        taken = before(images.copy()).reshape(6, *model.input_shape[1:])
        expected = np.asarray(model.predict(taken, verbose=0))
        self.assertGreater(np.abs(expected - expected.mean(0)).max(), within * 10, "it tells no images apart")
        np.testing.assert_allclose(self.answers(images), expected, atol=within * max(1, np.abs(expected).max()))
        return converted

    def functional(self, shape: tuple, arithmetic) -> keras.Model:
        """A model of images that come through plain Python first."""
        images = keras.Input(shape)
        values = layers.Conv2D(4, 3, activation="tanh")(arithmetic(images))
        return randomise(keras.Model(images, layers.Dense(3)(layers.Flatten()(values))))


class InBothFormats:
    """Each test with .h5 and with .keras, in which Keras writes layers down differently."""

    def test_a_beginner_s_model_of_images_without_channels(self) -> None:
        model = sequential((28, 28), layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.2), layers.Dense(10))
        converted = self.same(model, "--divide", "255", before=lambda images: images / 255)
        shape = [axis.dim_value for axis in converted.graph.input[0].type.tensor_type.shape.dim]
        self.assertEqual(shape, [0, 28, 28, 1])
        with_softmax = keras.Sequential([keras.Input((28, 28)), model, layers.Softmax()])
        self.same(with_softmax, "--divide", "255", before=lambda images: images / 255)

    def test_images_without_channels_through_layers_that_scale_and_shape(self) -> None:
        columns = layers.Normalization(mean=np.arange(6) * 20, variance=np.arange(1, 7) * 1000)
        for parts in (
            [layers.Rescaling(1 / 255), layers.Flatten()],
            [layers.Normalization(axis=None, mean=70, variance=5000), layers.Flatten()],
            [columns, layers.Dropout(0.1), layers.Flatten()],
            [layers.Rescaling(1 / 127.5, -1), layers.Reshape((5, 6, 1)), layers.Conv2D(3, 2), layers.Flatten()],
        ):
            with self.subTest(parts=parts[0].name):
                self.same(sequential((5, 6), *parts, layers.Dense(3)))

    def test_pixels_alone(self) -> None:
        model = sequential((36,), layers.Rescaling(1 / 255), layers.Dense(8, activation="relu"), layers.Dense(3))
        converted = self.same(model)
        self.assertEqual([axis.dim_value for axis in converted.graph.input[0].type.tensor_type.shape.dim], [0, 6, 6, 1])
        self.same(sequential((36,), layers.Reshape((6, 6, 1)), layers.Rescaling(1 / 255), layers.Conv2D(2, 3), *head(3, None)))

    def test_normalisation_that_was_adapted(self) -> None:
        images = np.random.default_rng(3).integers(0, 256, (50, 6, 5, 3))
        for axis in (-1, None):
            layer = layers.Normalization(axis=axis)
            layer.adapt(images)
            model = keras.Sequential([keras.Input((6, 5, 3)), layer, layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(3)])
            self.same(model)

    def test_preprocess_input_between_layers(self) -> None:
        for mode, application in APPLICATIONS.items():
            with self.subTest(mode=mode):
                converted = self.same(self.functional((8, 7, 3), application.preprocess_input))
                self.assertEqual(mode == "caffe", any(node.op_type == "Gather" for node in converted.graph.node))

    def test_arithmetic_between_layers(self) -> None:
        for name, arithmetic in {
            "0 to 1": lambda x: x / 255,
            "-1 to 1": lambda x: x * (1 / 127.5) - 1,
            "dark on light": lambda x: 1 - x / 255,
            "centred": lambda x: keras.ops.add(np.float32([-100, -110, -120]), x) / np.float32([60, 61, 62]),
            "two": lambda x: keras.ops.stack([x[..., 2], x[..., 0]], axis=-1) / 255,
        }.items():
            with self.subTest(name=name):
                self.same(self.functional((6, 5, 3), arithmetic))

    def test_an_application_with_what_it_does_to_pixels(self) -> None:
        images = keras.Input((32, 32, 3))
        base = mobilenet_v2.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None, pooling="avg")
        answer = layers.Dense(5)(base(mobilenet_v2.preprocess_input(images), training=False))
        for layer in base.layers:
            layer.momentum = 0  # of a normalisation: it takes over what it sees once, so that images do not all become one
        base(np.random.default_rng(4).uniform(-1, 1, (8, 32, 32, 3)), training=True)
        self.same(keras.Model(images, answer))

    def test_preprocess_input_that_was_called_outside(self) -> None:
        for mode, application in APPLICATIONS.items():
            with self.subTest(mode=mode):
                model = self.functional((6, 7, 3), lambda images: images)
                converted = self.same(model, "--preprocess", mode, before=application.preprocess_input)
                properties = {entry.key: entry.value for entry in converted.metadata_props}
                self.assertIn("inside: ", properties["normalisation"])
                self.assertEqual("blue, green, red" in properties["normalisation"], mode == "caffe")

    def test_a_lambda_that_is_said_to_be_preprocess_input(self) -> None:
        first = layers.Lambda(mobilenet_v2.preprocess_input, name="first")
        self.same(sequential((6, 5, 3), first, layers.Conv2D(3, 3), *head(3, None)), "--preprocess", "tf")
        model = self.functional((6, 5, 3), layers.Lambda(resnet50.preprocess_input, output_shape=(6, 5, 3)))
        self.same(model, "--preprocess", "caffe")

    def test_arithmetic_that_cannot_be_converted_is_refused_by_its_name(self) -> None:
        for word, arithmetic in {
            "TrueDivide": lambda x: 255 / (x + 1),
            "GetItem": lambda x: x[:, 1:, :, :],
            "Stack": lambda x: keras.ops.stack([x[..., 0], x[..., 0] * x[..., 1]], axis=-1),
            "Maximum": lambda x: keras.ops.maximum(x, 1.0),
        }.items():
            with self.subTest(word=word):
                self.functional((6, 5, 3), arithmetic).save(self.file)
                self.refused("which this script does not know", "tf2onnx")

    def test_a_lambda_elsewhere_is_refused_with_the_remedy(self) -> None:
        later = sequential((6, 5, 3), layers.Rescaling(1 / 255), layers.Lambda(lambda x: x * 2, name="twice"), *head())
        later.save(self.file)
        self.refused("'twice'", "a Lambda", "Rescaling", options=("--preprocess", "tf"))

    def test_modes_are_refused_where_they_do_not_fit(self) -> None:
        sequential((6, 5, 1), *head()).save(self.file)
        self.refused("--preprocess is of colour images", "1 channel", options=("--preprocess", "caffe"))
        self.refused("leave out --subtract and --divide", options=("--preprocess", "tf", "--divide", "255"))


class OfH5(InBothFormats, Pixels):
    pass


class OfKeras(InBothFormats, Pixels):
    def setUp(self) -> None:
        super().setUp()
        self.file = self.folder / "model.keras"

    def test_an_archive_that_is_none(self) -> None:
        with zipfile.ZipFile(self.file, "w") as archive:
            archive.writestr("data.pkl", "")
        self.refused("is a zip archive and no .keras file", "model.save(")

    def test_layers_of_somebody_else_s_are_refused_though_they_are_called_like_keras_own(self) -> None:
        sequential((6, 5, 1), *head()).save(self.file)
        self.edit_archive(b'"module": "keras.layers", "class_name": "Flatten"', b'"module": "mine", "class_name": "Flatten"')
        self.refused("of class Flatten, which this script does not know")

    def test_weights_that_do_not_fit(self) -> None:
        sequential((6, 5, 1), *head(3)).save(self.file)
        self.edit_archive(b'"units": 3', b'"units": 4')
        self.refused("cannot read")

    def edit_archive(self, old: bytes, new: bytes) -> None:
        with zipfile.ZipFile(self.file) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        self.assertIn(old, files["config.json"])
        files["config.json"] = files["config.json"].replace(old, new)
        with zipfile.ZipFile(self.file, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)


class OfKeras2(Pixels):
    """Arithmetic as TensorFlow 2 wrote it: a TFOpLambda for each operation, and a SlicingOpLambda."""

    def test_preprocess_input_between_layers(self) -> None:
        ellipsis, reverse = {"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}
        whole = {"start": None, "stop": None, "step": None}
        spec = {"slice_spec": {"class_name": "__tuple__", "items": [ellipsis, reverse]}}
        listed = {"slice_spec": [whole, whole, whole, reverse]}
        mean, deviation = [-0.485, -0.456, -0.406], [0.229, 0.224, 0.225]
        bgr = [-103.939, -116.779, -123.68]
        for mode, operations in [
            ("tf", [("math.truediv", {"y": 127.5}), ("math.subtract", {"y": 1.0})]),
            ("caffe", [("__operators__.getitem", spec), ("nn.bias_add", {"bias": bgr, "data_format": None})]),
            ("caffe", [("__operators__.getitem", listed), ("__operators__.add", {"y": bgr})]),
            ("torch", [("math.truediv", {"y": 255.0}), ("nn.bias_add", {"bias": mean}), ("math.truediv", {"y": deviation})]),
        ]:
            with self.subTest(mode=mode):
                model = self.saved(operations)
                self.convert()
                images = np.random.default_rng(2).integers(0, 256, (6, 6, 5, 3)).astype(np.float32)
                expected = model.predict(APPLICATIONS[mode].preprocess_input(images.copy()), verbose=0)
                np.testing.assert_allclose(self.answers(images), expected, atol=1e-4 * max(1, np.abs(expected).max()))

    def test_what_cannot_be_converted_is_refused_by_its_name(self) -> None:
        crop = {"slice_spec": [{"start": 1, "stop": None, "step": None}, {"start": None, "stop": None, "step": -1}]}
        for function, constants in [
            ("math.maximum", {"y": 1.0}),
            ("math.truediv", {"y": 0.0}),
            ("math.truediv", {"y": [[1.0, 2.0], [3.0, 4.0]]}),
            ("math.subtract", {"y": ["images", 0, 0]}),
            ("nn.bias_add", {"bias": [1.0, 2.0, 3.0], "data_format": "NCHW"}),
            ("__operators__.getitem", crop),
            ("__operators__.getitem", {"slice_spec": [{"start": 0, "stop": None, "step": -1}]}),
        ]:
            with self.subTest(function=function):
                self.saved([(function, constants)])
                self.refused("OpLambda, which this script does not know")

    def saved(self, operations: list[tuple[str, dict]]) -> keras.Model:
        """A file of these operations before a network, and the network."""
        images = keras.Input((6, 5, 3))
        network = randomise(keras.Model(images, layers.Dense(3)(layers.Flatten()(images))))
        shape = {"batch_input_shape": [None, 6, 5, 3], "dtype": "float32"}
        entries = [{"class_name": "InputLayer", "config": shape | {"name": "images"}, "name": "images", "inbound_nodes": []}]
        for index, (function, constants) in enumerate(operations):
            kind = "SlicingOpLambda" if "getitem" in function else "TFOpLambda"
            inbound, name = [entries[-1]["name"], 0, 0, constants | {"name": None}], f"tf.{function}_{index}"
            config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
            entries.append({"class_name": kind, "config": config, "name": name, "inbound_nodes": [inbound]})
        for kind, config in (("Flatten", {}), ("Dense", {"units": 3, "activation": "linear"})):
            inbound, name = [[[entries[-1]["name"], 0, 0, {}]]], kind.lower()
            config = {"name": name, "dtype": "float32"} | config
            entries.append({"class_name": kind, "config": config, "name": name, "inbound_nodes": inbound})
        ends = {"input_layers": [["images", 0, 0]], "output_layers": [["dense", 0, 0]]}
        dense = network.layers[-1]
        dense.name = "dense"
        self.legacy(network, "2.11.0", {"class_name": "Functional", "config": {"name": "model", "layers": entries, **ends}})
        return network


if __name__ == "__main__":
    unittest.main()
