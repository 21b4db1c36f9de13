"""Trainings of a few steps on made-up images, through the command as a user types it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image

from tests.made_up import COLOURS, PATIENCE, pictures

SCRIPTS = Path(__file__).parent.parent


def start(script: str, *arguments) -> subprocess.Popen:
    command = [sys.executable, SCRIPTS / script, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes)


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = cls.folder / "pictures"
        pictures(cls.data)

    def run_script(self, script: str, *arguments, expected: int = 0) -> tuple[str, str]:
        with start(script, *arguments) as process:
            out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, expected, out + err)
        return out, err

    def train(self, epochs: int, name: str, *options, expected: int = 0) -> tuple[str, str]:
        arguments = (epochs, self.folder / name, "--threads", 1, *options)
        if "--data" not in options:
            arguments += ("--data", self.data)
        return self.run_script("train.py", *arguments, expected=expected)

    def test_a_model_of_a_stranger_s_pictures_knows_them_and_says_what_it_is(self):
        out, _ = self.train(6, "whole")
        self.assertIn("66 images to train on and 6 held out, 20 x 20 pixels, colour; 3 classes: blue, green, red", out)
        model = onnx.load(self.folder / "whole.onnx")
        says = {entry.key: entry.value for entry in model.metadata_props}
        self.assertEqual((says["name"], says["labels"]), ("whole", "blue\ngreen\nred"))
        self.assertRegex(says["accuracy"], r"held-out accuracy 100\.00% \(6 of 6; 95 % interval 60\.97% to 100\.00%\)")
        self.assertIn("0 to 255", says["normalisation"])
        session = onnxruntime.InferenceSession(self.folder / "whole.onnx")
        self.assertEqual(session.get_inputs()[0].shape, ["N", 3, 20, 20])
        pixels = np.stack([np.full((20, 20, 3), colour, np.float32).transpose(2, 0, 1) for colour in COLOURS.values()])
        self.assertEqual(session.run(None, {"images": pixels})[0].argmax(1).tolist(), [0, 1, 2])
        figures = json.loads((self.folder / "whole.json").read_text())
        self.assertEqual(figures["held_out"]["images"], 6)
        self.assertEqual(len(figures["history"]), 6)
        self.assertEqual(figures["bytes"], (self.folder / "whole.onnx").stat().st_size)
        for picture in ("whole-curves.png", "whole-confusion.png"):
            with Image.open(self.folder / picture) as opened:
                self.assertGreater(min(opened.size), 300)
        self.assertFalse((self.folder / "whole.checkpoint").exists())

    def test_the_same_seed_gives_the_same_file_and_another_seed_another(self):
        for name, seed in (("one", 1), ("again", 1), ("other", 2)):
            self.train(2, name, "--seed", seed, "--set", "erase=1")
        files = [self.weights(name) for name in ("one", "again", "other")]
        self.assertEqual(files[0], files[1])
        self.assertNotEqual(files[0], files[2])

    def weights(self, name: str) -> list[bytes]:
        return [tensor.SerializeToString() for tensor in onnx.load(self.folder / f"{name}.onnx").graph.initializer]

    def test_a_training_that_was_interrupted_goes_on_to_the_same_file(self):
        self.train(20, "straight")
        arguments = (20, self.folder / "broken", "--threads", 1, "--data", self.data)
        out, err = self.run_script("tests/interrupted.py", 3, *arguments, expected=130)
        self.assertIn("epoch 3/20", out)
        self.assertNotIn("epoch 4/20", out)
        self.assertIn("--resume", err)
        _, err = self.train(21, "broken", "--resume", expected=2)
        self.assertIn("is of another training (epochs)", err)
        self.train(20, "broken", "--resume")
        self.assertEqual(self.weights("straight"), self.weights("broken"))
        _, err = self.train(20, "broken", "--resume", expected=2)
        self.assertIn("--resume: there is no ", err)
        (self.folder / "broken.checkpoint").write_bytes(b"nothing of the kind")
        _, err = self.train(20, "broken", "--resume", expected=2)
        self.assertIn("cannot be read", err)
        torch.save({"a": 1}, self.folder / "broken.checkpoint")
        _, err = self.train(20, "broken", "--resume", expected=2)
        self.assertIn("cannot be read", err)

    def test_a_model_that_learned_nothing_is_not_written(self):
        nonsense = self.folder / "nonsense"
        pictures(nonsense, labels_say_nothing=True, count=60)
        _, err = self.train(1, "guess", "--data", nonsense, expected=1)
        self.assertIn("train.py: no model:", err)
        self.assertIn("always naming", err)
        self.assertFalse((self.folder / "guess.onnx").exists())
        self.assertTrue((self.folder / "guess.json").exists())

    def test_weights_that_run_away_are_seen(self):
        _, err = self.train(3, "wild", "--set", "rate=1000", "--set", "warm_up=0", expected=1)
        self.assertIn("train.py: no model:", err)
        self.assertFalse((self.folder / "wild.onnx").exists())

    def test_a_refused_model_does_not_take_the_one_before_it_along(self):
        self.train(6, "kept")
        before = (self.folder / "kept.onnx").read_bytes()
        nonsense = self.folder / "noise"
        pictures(nonsense, labels_say_nothing=True, count=60)
        self.train(1, "kept", "--data", nonsense, expected=1)
        self.assertFalse((self.folder / "kept.onnx").exists())
        self.assertEqual((self.folder / "kept.onnx.old").read_bytes(), before)

    def test_a_scaling_goes_into_a_model_once_and_only_with_numbers(self):
        self.train(6, "plain")
        plain, scaled = self.folder / "plain.onnx", self.folder / "scaled.onnx"
        self.run_script("scaling.py", plain, scaled, "--divide", 2)
        images = np.full((1, 3, 20, 20), 90, np.float32)
        expected = onnxruntime.InferenceSession(plain).run(None, {"images": images / 2})[0]
        given = onnxruntime.InferenceSession(scaled).run(None, {"images": images})[0]
        np.testing.assert_allclose(given, expected, atol=1e-6)
        for arguments, code in (
            ((plain, scaled, "--std", 0), 2),
            ((plain, scaled, "--mean", "nan"), 2),
            ((plain, scaled, "--mean", "1,2,3", "--std", "1,2"), 1),
            ((scaled, scaled), 1),
            ((SCRIPTS / "train.py", scaled), 1),
            ((self.folder / "nothing.onnx", scaled), 1),
            ((plain, self.folder / "no" / "folder.onnx"), 1),
        ):
            _, err = self.run_script("scaling.py", *arguments, expected=code)
            self.assertNotIn("Traceback", err)

    def test_it_ends_early_where_nothing_gets_better(self):
        self.train(40, "early", "--patience", 4)
        history = json.loads((self.folder / "early.json").read_text())["history"]
        self.assertLess(len(history), 40)

    def test_a_student_learns_from_a_teacher_of_the_same_images(self):
        self.train(6, "teacher", "--network", "large")
        self.train(4, "student", "--teacher", self.folder / "teacher.onnx", "--set", "shift=1")
        figures = json.loads((self.folder / "student.json").read_text())
        self.assertEqual(len(figures["training"]["teacher_sha256"]), 64)
        self.assertTrue((self.folder / "teacher.answers.npz").exists())
        _, err = self.train(1, "student", "--teacher", SCRIPTS.parent / "golden" / "tiny.onnx", expected=2)
        self.assertIn("takes [1, 6, 8] and gives [3], but the images are [3, 20, 20] with 3 classes", err)
        _, err = self.train(1, "student", "--teacher", SCRIPTS / "train.py", expected=2)
        self.assertIn("is not a usable ONNX model", err)

    def test_eight_bits_give_the_same_classes(self):
        self.train(6, "floats")
        out, _ = self.run_script("quantise.py", self.folder / "floats.onnx", self.folder / "bytes", "--data", self.data)
        self.assertIn("the same class for 100.00% of the held-out images", out)
        model = onnx.load(self.folder / "bytes.onnx")
        kinds = {node.op_type for node in model.graph.node}
        self.assertIn("QLinearConv", kinds)
        self.assertNotIn("Conv", kinds)
        _, err = self.run_script("quantise.py", self.folder / "nothing.onnx", self.folder / "x", expected=2)
        self.assertIn("nothing.onnx", err)

    def test_what_cannot_be_used_is_told_before_anything_is_trained(self):
        (self.folder / "hollow").mkdir(exist_ok=True)
        for options, part in (
            (("--data", self.folder / "hollow"), "has no IDX files and no folders"),
            (("--data", self.folder / "not there"), "give --data"),
            (("--set", "colour=1"), "--set colour=1: the keys are batch"),
            (("--set", "erase=much"), "erase must be a number, such as erase=0.0"),
            (("--set", "erase=2"), "--set erase=2.0: it must be 0 to 1"),
            (("--set", "flip=maybe"), "yes or no"),
            (("--size", "20"), "HEIGHTxWIDTH"),
            (("--threads", "0"), "--threads is 0"),
        ):
            _, err = self.train(1, "never", *options, expected=2)
            self.assertIn(part, err)
        few = self.folder / "few"
        pictures(few, count=2)
        shutil.rmtree(few / "red")
        _, err = self.train(1, "never", "--data", few, expected=2)
        self.assertIn("2 images are held out, 1 of them 'blue': not even a model that is always right", err)
        for options, part in (
            (("--teacher", self.folder / "not there"), "is not a usable ONNX model"),
            (("--device", "toaster"), "--device toaster cannot be used"),
            (("--teacher", SCRIPTS / "train.py", "--set", "erase=1"), "--set erase=0"),
        ):
            _, err = self.train(1, "never", *options, expected=2)
            self.assertIn(part, err)
        (self.folder / "taken.checkpoint.new").mkdir()
        for name in ("", *(f"{self.folder}/{name}" for name in ("never\x1b[2J", "never" * 60, "taken"))):
            _, err = self.run_script("train.py", 1, name, "--data", self.data, expected=2)
            self.assertNotIn("Traceback", err)
        _, err = self.train(0, "never", expected=2)
        self.assertIn("EPOCHS is 0", err)
        _, err = self.run_script("train.py", 1, self.folder / "no" / "folder", "--data", self.data, expected=2)
        self.assertIn("create it first", err)
        self.assertEqual(list(self.folder.glob("never*")), [])


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    unittest.main()
