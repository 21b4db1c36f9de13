"""Tests of scaling.py, on models that give back what comes to their first operator."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import scaling
from onnx import TensorProto, helper


class Scaling(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.model, self.scaled = (str(Path(folder.name) / name) for name in ("model.onnx", "scaled.onnx"))

    def write(self, axes: list, kind: int = TensorProto.FLOAT) -> None:
        images = helper.make_tensor_value_info("images", kind, ["N", *axes])
        given = helper.make_tensor_value_info("given", kind, ["N", *axes])
        graph = helper.make_graph([helper.make_node("Identity", ["images"], ["given"])], "same", [images], [given])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), self.model)

    def scale(self, *options: str) -> None:
        before, sys.argv = sys.argv, ["scaling.py", self.model, self.scaled, *options]
        self.addCleanup(setattr, sys, "argv", before)
        with contextlib.redirect_stdout(io.StringIO()):
            scaling.main()

    def test_pixels_come_to_the_model_as_it_expects_them(self) -> None:
        images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.float32)  # channels first
        mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
        caffe = np.float32([103.939, 116.779, 123.68])

        def by_channel(change):
            return change(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

        for options, expected in [
            ([], images / 255),
            (["--mean", "0.5", "--std", "0.5"], images / 127.5 - 1),
            (["--invert"], 1 - images / 255),
            (["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"], by_channel(lambda x: (x / 255 - mean) / deviation)),
            (["--bgr", "--divide", "1", "--mean", "103.939,116.779,123.68"], by_channel(lambda x: x[..., ::-1] - caffe)),
        ]:
            for axes, order in (([3, 4, 5], (0, 1, 2, 3)), ([4, 5, 3], (0, 2, 3, 1))):
                with self.subTest(options=options, axes=axes):
                    self.write(axes)
                    self.scale(*options)
                    (given,) = onnxruntime.InferenceSession(self.scaled).run(None, {"images": images.transpose(order)})
                    np.testing.assert_allclose(given, expected.transpose(order), atol=1e-4)

    def test_what_cannot_be_scaled_is_refused_with_the_reason(self) -> None:
        for axes, kind, options, words in [
            ([4, 5, 1], TensorProto.FLOAT, ["--bgr"], "--bgr is of three channels"),
            ([4, 5, 1], TensorProto.FLOAT, ["--mean", "1,2,3"], "3 channels are given"),
            ([4, 5, 3], TensorProto.UINT8, [], "is of type UINT8"),
        ]:
            self.write(axes, kind)
            with self.assertRaises(SystemExit) as caught:
                self.scale(*options)
            self.assertIn(words, caught.exception.code)


if __name__ == "__main__":
    unittest.main()
