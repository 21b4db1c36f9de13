"""The parts of a training that have an answer known beforehand."""

import unittest

import numpy as np
import torch

import networks
import report
from augment import Views, erase
from fit import Collapsed
from hyperparameters import BY_NETWORK, Hyperparameters


class Augmenting(unittest.TestCase):
    def test_views_are_every_shift_and_the_same_mirrored(self):
        image = torch.arange(1, 7, dtype=torch.uint8).reshape(1, 1, 2, 3)
        views = Views(shift=1, flip=True)
        self.assertEqual(views.count, 18)
        seen = views.of(views.pad(image).expand(18, -1, -1, -1), torch.arange(18))
        self.assertEqual(len({tuple(view.flatten().tolist()) for view in seen}), 18)
        self.assertEqual(seen[4].tolist(), image[0].tolist())
        self.assertEqual(seen[13].tolist(), image[0].flip(2).tolist())
        # The window moves up, so the image moves down, and black comes in.
        self.assertEqual(seen[1].tolist(), [[[0, 0, 0], [1, 2, 3]]])

    def test_without_shift_and_flip_there_is_one_view(self):
        image = torch.rand(2, 3, 4, 5)
        views = Views(shift=0, flip=False)
        self.assertEqual(views.count, 1)
        self.assertTrue(torch.equal(views.of(views.pad(image), torch.zeros(2, dtype=torch.long)), image))

    def test_erasing_takes_the_share_it_is_given_and_a_rectangle_of_each(self):
        generator = torch.Generator().manual_seed(0)
        images = torch.full((2000, 1, 16, 16), 2.0)
        self.assertTrue(torch.equal(erase(images, 0, generator), images))
        changed = erase(images, 0.5, generator) != images
        touched = changed.flatten(1).any(1)
        self.assertAlmostEqual(touched.float().mean().item(), 0.5, delta=0.05)
        area = changed[touched].flatten(1).float().mean(1)
        self.assertLess(area.max().item(), 0.45)
        self.assertAlmostEqual(area.mean().item(), 0.17, delta=0.03)


class Figures(unittest.TestCase):
    def test_the_interval_is_wilson_s(self):
        # R: binom.confint(c(9269, 5, 0), c(10000, 5, 10), methods = "wilson")
        for right, count, low, high in ((9269, 10000, 0.92163, 0.93185), (5, 5, 0.56551, 1.0), (0, 10, 0.0, 0.27754)):
            found = report.interval(right, count)
            self.assertAlmostEqual(found[0], low, places=4)
            self.assertAlmostEqual(found[1], high, places=4)

    def test_the_matrix_has_true_classes_in_rows(self):
        matrix = report.confusion(np.array([1, 1, 0]), np.array([0, 1, 0]), 2)
        self.assertEqual(matrix.tolist(), [[1, 1], [0, 1]])
        self.assertEqual(report.summary(matrix, ["a", "b"])["by_class"], {"a": 0.5, "b": 1.0})

    def test_what_is_no_better_than_the_commonest_class_has_collapsed(self):
        report.refuse_collapsed(np.diag([500, 500]), ["a", "b"])
        for matrix in ([[900, 0], [100, 0]], [[500, 400], [50, 50]], [[0, 500], [500, 0]]):
            with self.assertRaises(Collapsed):
                report.refuse_collapsed(np.array(matrix), ["a", "b"])


class Networks(unittest.TestCase):
    def test_each_takes_any_size_and_number_of_classes(self):
        for name in BY_NETWORK:
            for channels, height, width, classes in ((1, 28, 28, 10), (3, 20, 20, 3), (3, 8, 33, 100)):
                network = networks.BY_NAME[name](channels, height, width, classes).eval()
                self.assertEqual(network(torch.zeros(2, channels, height, width)).shape, (2, classes))


class HyperparameterSettings(unittest.TestCase):
    def test_settings_replace_values_of_their_kind(self):
        changed = Hyperparameters().changed(["erase=0", "flip=no", "batch=32"])
        self.assertEqual((changed.erase, changed.flip, changed.batch), (0.0, False, 32))
        for setting in ("erase", "=1", "erase=nan", "batch=1.5", "changed=1"):
            with self.assertRaises(ValueError):
                Hyperparameters().changed([setting])


if __name__ == "__main__":
    unittest.main()
