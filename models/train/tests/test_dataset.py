"""What data is taken, and that whatever is wrong with it is named."""

import contextlib
import gzip
import io
import os
import struct
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

import dataset

RANDOM = np.random.default_rng(0)


def picture(path: Path, height: int = 20, width: int = 20, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    Image.fromarray(RANDOM.integers(0, 256, shape, dtype=np.uint8), mode).save(path)


def idx_file(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def refused(self, *parts: str, **options) -> None:
        """Loading fails, and the message has each of `parts`."""
        with self.assertRaises(ValueError) as caught:
            dataset.load(self.folder, **options)
        for part in parts:
            self.assertIn(part, str(caught.exception))


class FoldersByClass(Folder):
    def setUp(self):
        super().setUp()
        for name in ("shoes", "hats", "bags"):
            for number in range(4):
                picture(self.folder / name / f"{number}.png")

    def test_folders_are_classes_in_the_order_of_their_names(self):
        data = dataset.load(self.folder)
        self.assertEqual(data.labels, ["bags", "hats", "shoes"])
        self.assertEqual(data.images.shape, (12, 20, 20, 3))
        self.assertEqual(data.classes.tolist(), [0] * 4 + [1] * 4 + [2] * 4)

    def test_grey_pictures_make_a_grey_set_and_one_of_colour_a_colourful_one(self):
        for path in self.folder.rglob("*.png"):
            picture(path, mode="L")
        self.assertEqual(dataset.load(self.folder).shape, (20, 20, 1))
        picture(self.folder / "hats" / "0.png")
        self.assertEqual(dataset.load(self.folder).shape, (20, 20, 3))
        self.assertEqual(dataset.load(self.folder, grey=True).shape, (20, 20, 1))

    def test_what_is_transparent_shows_black(self):
        Image.new("RGBA", (20, 20), (200, 100, 50, 0)).save(self.folder / "bags" / "0.png")
        self.assertEqual(dataset.load(self.folder).images[0].max(), 0)

    def test_an_empty_class_is_named(self):
        (self.folder / "belts").mkdir()
        self.refused("no images in belts")

    def test_one_class_is_not_enough(self):
        for name in ("hats", "bags"):
            for path in (self.folder / name).iterdir():
                path.unlink()
            (self.folder / name).rmdir()
        self.refused("one class, 'shoes'")

    def test_a_class_with_one_image_is_named(self):
        for number in range(1, 4):
            (self.folder / "hats" / f"{number}.png").unlink()
        self.refused("'hats' (1)")

    def test_mixed_sizes_are_named_and_the_remedy_works(self):
        picture(self.folder / "hats" / "3.png", 21, 20)
        self.refused("hats/3.png (20x21)", "--size 20x20")
        self.assertEqual(dataset.load(self.folder, size=(20, 24)).shape, (20, 24, 3))

    def test_unreadable_images_are_named_and_counted(self):
        for number in range(3):
            (self.folder / "hats" / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
        whole = (self.folder / "shoes" / "0.png").read_bytes()
        (self.folder / "shoes" / "0.png").write_bytes(whole[: len(whole) // 2])
        self.refused("hats/0.png", "and 1 more")

    def test_sixteen_bits_are_taken_and_the_lower_eight_where_nothing_else_is_filled(self):
        for path in self.folder.rglob("*.png"):
            picture(path, mode="L")
        shades = np.arange(400, dtype=np.uint16).reshape(20, 20) * 255 // 399
        for factor in (1, 257):
            Image.fromarray(shades * factor).save(self.folder / "bags" / "0.png")
            self.assertTrue((dataset.load(self.folder).images[0, ..., 0] == shades).all(), factor)

    def test_colours_of_16_bits_that_would_be_black_are_named(self):
        # A file of colours in 16 bits, which Pillow reads and does not write.
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        rows = b"".join(b"\0" + b"\0\xc8" * 60 for _ in range(20))
        header = struct.pack(">IIBBBBB", 20, 20, 16, 2, 0, 0, 0)
        parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
        file = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)
        (self.folder / "hats" / "0.png").write_bytes(file)
        self.refused("hats/0.png", "save it with 8")

    def test_a_picture_is_turned_upright(self):
        stored = Image.new("L", (20, 20))
        stored.putpixel((0, 0), 200)
        exif = Image.Exif()
        exif[0x0112] = 6  # what is stored on the left is the top, and so this corner is the one on the right
        for path in self.folder.rglob("*.png"):
            picture(path, mode="L")
        stored.save(self.folder / "bags" / "0.png", exif=exif)
        (seen,) = np.argwhere(dataset.load(self.folder).images[0, ..., 0] == 200)
        self.assertEqual(seen.tolist(), [0, 19])

    def test_what_is_dark_and_transparent_is_taken_as_ink(self):
        alpha = np.arange(400, dtype=np.uint8).reshape(20, 20)
        for path in self.folder.rglob("*.png"):
            picture(path, mode="L")
        Image.merge("LA", (Image.new("L", (20, 20)), Image.fromarray(alpha))).save(self.folder / "bags" / "0.png")
        self.assertTrue((dataset.load(self.folder).images[0, ..., 0] == alpha).all())

    def test_what_is_no_picture_is_left_out_and_said(self):
        (self.folder / "hats" / "notes.txt").write_text("")
        (self.folder / "hats" / ".hidden").write_text("")
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(len(dataset.load(self.folder).images), 12)
        self.assertEqual(said.getvalue(), "left out, because they are not pictures: hats/notes.txt\n")

    def test_a_photograph_is_named_before_it_is_decoded_and_the_remedy_works(self):
        picture(self.folder / "hats" / "0.png", 300, 400)
        self.refused("hats/0.png", "400x300", "--size")
        self.assertEqual(dataset.load(self.folder, size=(20, 20)).shape, (20, 20, 3))
        self.refused("--size 300x20", size=(300, 20))

    def test_colour_becomes_grey_as_the_component_has_it(self):
        # (2126 r + 7152 g + 721 b) / 9999, to the nearest.
        for colour, grey in (((255, 0, 0), 54), ((0, 255, 0), 182), ((0, 0, 255), 18), ((10, 200, 90), 152)):
            Image.new("RGB", (20, 20), colour).save(self.folder / "bags" / "0.png")
            self.assertEqual(set(dataset.load(self.folder, grey=True).images[0].ravel()), {grey}, colour)

    def test_links_in_a_circle_are_named_and_pipes_left_out(self):
        os.mkfifo(self.folder / "hats" / "pipe.png")
        self.assertEqual(len(dataset.load(self.folder).images), 12)
        (self.folder / "hats" / "circle.png").symlink_to("circle.png")
        self.refused("hats/circle.png")

    def test_a_class_called_train_is_a_class(self):
        (self.folder / "bags").rename(self.folder / "train")
        self.assertEqual(dataset.load(self.folder).labels, ["hats", "shoes", "train"])

    def test_grey_with_a_transparent_part_is_grey(self):
        for path in self.folder.rglob("*.png"):
            picture(path, mode="LA")
        self.assertEqual(dataset.load(self.folder).shape, (20, 20, 1))

    def test_a_folder_of_train_and_test_is_not_taken_for_two_classes(self):
        for part in ("train", "test"):
            (self.folder / part).mkdir()
        for name in ("shoes", "hats", "bags"):
            (self.folder / name).rename(self.folder / "train" / name)
        self.refused("/train")

    def test_labels_beside_folders_are_refused(self):
        self.refused("name the classes already", labels=self.folder / "labels.txt")

    def test_equal_images_are_refused(self):
        for path in self.folder.rglob("*.png"):
            Image.new("L", (20, 20), 7).save(path)
        self.refused("all images are equal")

    def test_a_folder_without_anything_and_a_missing_one_are_refused(self):
        with self.assertRaisesRegex(ValueError, "no .*/nothing"):
            dataset.load(self.folder / "nothing")
        with self.assertRaisesRegex(ValueError, "no folders"):
            dataset.load(self.folder / "hats")

    def test_the_split_is_fixed_and_has_each_class_on_both_sides(self):
        data = dataset.load(self.folder)
        kept, held_out = data.split()
        self.assertEqual(sorted([*kept, *held_out]), list(range(12)))
        for part in (kept, held_out):
            self.assertEqual(set(data.classes[part]), {0, 1, 2})
        np.testing.assert_array_equal(held_out, data.split()[1])


class Idx(Folder):
    def write(self, images: np.ndarray, classes: list[int]) -> None:
        idx_file(self.folder / "train-images-idx3-ubyte.gz", images)
        idx_file(self.folder / "train-labels-idx1-ubyte.gz", np.array(classes, np.uint8))

    def setUp(self):
        super().setUp()
        self.images = RANDOM.integers(0, 256, (4, 28, 28), dtype=np.uint8)
        self.write(self.images, [0, 1, 0, 1])

    def test_images_classes_and_labels_are_read(self):
        (self.folder / "labels.txt").write_text("left\nright\n")
        data = dataset.load(self.folder)
        self.assertEqual((data.shape, data.labels), ((28, 28, 1), ["left", "right"]))
        np.testing.assert_array_equal(data.images[..., 0], self.images)

    def test_more_images_than_classes_are_told(self):
        self.write(self.images, [0, 1, 0])
        self.refused("4 images and 3 classes")

    def test_a_class_without_a_label_is_told(self):
        self.write(self.images, [0, 1, 0, 2])
        (self.folder / "labels.txt").write_text("left\nright\n")
        self.refused("class 2 of image 3", "2 labels")

    def test_a_class_without_images_is_told(self):
        self.write(self.images, [0, 2, 0, 2])
        self.refused("'1' (0)")

    def test_labels_that_are_doubled_or_not_to_be_shown_are_told(self):
        for text, part in (("left\nleft\n", "'left'"), ("left\n\x1b[2J\n", "x1b")):
            (self.folder / "labels.txt").write_text(text)
            self.refused(part)

    def test_a_damaged_file_is_told(self):
        path = self.folder / "train-images-idx3-ubyte.gz"
        whole = path.read_bytes()
        path.write_bytes(whole[:-20])
        self.refused("train-images-idx3-ubyte.gz is damaged")
        path.write_bytes(gzip.compress(gzip.decompress(whole)[:-1]))
        self.refused("holds 3135 values")
        path.write_bytes(b"text")
        self.refused("not an IDX file")

    def test_missing_classes_and_options_for_pictures_are_told(self):
        self.refused("--size and --grey are for folders", grey=True)
        (self.folder / "train-labels-idx1-ubyte.gz").unlink()
        self.refused("no train-labels-idx1-ubyte")


class Npz(Folder):
    def save(self, **arrays) -> Path:
        path = self.folder / "data.npz"
        np.savez(path, **arrays)
        return path

    def refused_npz(self, part: str, **arrays) -> None:
        with self.assertRaises(ValueError) as caught:
            dataset.load(self.save(**arrays))
        self.assertIn(part, str(caught.exception))

    def test_both_ways_to_name_the_arrays_are_read(self):
        images = RANDOM.integers(0, 256, (6, 16, 12, 3), dtype=np.uint8)
        classes = np.array([[0], [1], [2]] * 2)
        data = dataset.load(self.save(x_train=images, y_train=classes, x_test=images, y_test=classes))
        self.assertEqual((data.shape, data.labels), ((16, 12, 3), ["0", "1", "2"]))
        data = dataset.load(self.save(images=images, classes=classes[:, 0], labels=["a", "b", "c"]))
        self.assertEqual((data.classes.tolist(), data.labels), ([0, 1, 2] * 2, ["a", "b", "c"]))

    def test_what_is_wrong_is_told(self):
        images = RANDOM.integers(0, 256, (4, 16, 16), dtype=np.uint8)
        classes = np.array([0, 1, 0, 1])
        self.refused_npz("float32", images=images.astype(np.float32), classes=classes)
        self.refused_npz("(4, 16, 16, 2)", images=np.stack([images] * 2, -1), classes=classes)
        self.refused_npz("one integer an image", images=images, classes=np.eye(4))
        self.refused_npz("class -1 of image 1", images=images, classes=np.array([0, -1, 0, 1]))
        self.refused_npz("class 1000000 of image 3", images=images, classes=np.array([0, 1, 0, 1_000_000]))
        self.refused_npz("sides must be", images=images[:, :4], classes=classes)
        self.refused_npz("no images", images=images[:0], classes=classes[:0])
        self.refused_npz("must have images and classes", pictures=images)
        self.refused_npz("pickled", images=np.array([{}]), classes=classes)

    def test_names_are_text_or_bytes_and_whole_numbers_of_any_kind_are_classes(self):
        images = RANDOM.integers(0, 256, (4, 16, 16), dtype=np.uint8)
        for kind in (np.uint8, np.int16, np.uint64):
            classes = np.array([0, 1, 0, 1], kind)
            data = dataset.load(self.save(images=images, classes=classes, labels=np.array([b"cat", b"dog"])))
            self.assertEqual((data.labels, data.classes.tolist()), (["cat", "dog"], [0, 1, 0, 1]))
        self.refused_npz("list of strings", images=images, classes=classes, labels=np.array("cat"))
        # What is not needed is not looked at.
        self.assertEqual(len(dataset.load(self.save(images=images, classes=classes, more=np.array([{}]))).images), 4)

    def test_an_array_alone_is_no_npz(self):
        path = self.folder / "data.npy"
        np.save(path, np.zeros((4, 16, 16), np.uint8))
        with self.assertRaisesRegex(ValueError, "is not an .npz"):
            dataset.load(path)

    def test_a_file_that_is_no_npz_is_told(self):
        path = self.folder / "data.npz"
        for content in (b"", b"text", b"PK\x03\x04 and no more"):
            path.write_bytes(content)
            with self.assertRaisesRegex(ValueError, "data.npz is not an .npz"):
                dataset.load(path)


if __name__ == "__main__":
    unittest.main()
