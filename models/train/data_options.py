"""The options for data that train.py and quantise.py share."""

import argparse
from pathlib import Path

import dataset

FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_LABELS = Path(__file__).parent.parent / "labels.txt"


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options to `parser`."""
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", type=Path, help=f"IDX files, a folder for each class, or an .npz (default: Fashion-MNIST, {FASHION})"
    )
    data.add_argument("--labels", type=Path, metavar="FILE", help="names of the classes, one a line, for IDX and .npz")
    data.add_argument("--size", type=size, metavar="HxW", help="stretch all pictures of a folder to this size")
    data.add_argument("--grey", action="store_true", help="remove the colour of all pictures of a folder")


def size(text: str) -> tuple[int, int]:
    """Height and width from a text such as `28x28`."""
    height, _, width = text.partition("x")
    if not (height.isdigit() and width.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH in pixels, such as 28x28")
    return int(height), int(width)


def load(options: argparse.Namespace) -> dataset.Dataset:
    """The chosen images. Raises `ValueError` with a remedy."""
    if options.data:
        return dataset.load(options.data, options.labels, options.size, options.grey)
    if not FASHION.is_dir():
        raise ValueError(f"there is no {FASHION}: run `apt install dataset-fashion-mnist`, or give --data")
    return dataset.load(FASHION, options.labels or FASHION_LABELS, options.size, options.grey)
