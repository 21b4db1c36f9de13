"""Converts a Keras .h5 or .keras file into NAME.onnx, which the component runs with `host run --model NAME.onnx`.

    python convert_keras.py MODEL NAME [--labels FILE] [--divide 255] [--subtract 0] [--preprocess MODE]

The component gives raw pixel values, 0 to 255, to its model. A model that was trained on other values needs what its
author did to the pixels outside of it: (pixel - subtract) / divide, each one number, or one a channel, with commas:

    x / 255                         --divide 255
    x / 127.5 - 1                   --subtract 127.5 --divide 127.5
    preprocess_input of MobileNet, MobileNetV2, InceptionV3, Xception, NASNet, ResNet50V2        --preprocess tf
    preprocess_input of ResNet50, VGG16, VGG19                                                   --preprocess caffe
    preprocess_input of DenseNet                                                                 --preprocess torch
    EfficientNet, MobileNetV3 and ConvNeXt do it themselves                                      nothing

What the model does itself, as Rescaling, Normalization or `preprocess_input(inputs)` between layers, is converted with it.

TensorFlow is not needed. Keras itself reads the file and predicts random images, and NAME.onnx is written only where
onnxruntime's answers to them are the same to within 1e-4.
"""

import argparse
import hashlib
import unicodedata
from math import isqrt
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper

import keras_file
from keras_graph import to_onnx
from keras_layers import REMEDY
from keras_pixels import MODES, Pixels, numbers

TOLERANCE = 1e-4
IMAGES = 16
MAX_NAME = 256  # bytes of a label or name that the component takes


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", type=Path, help='what `model.save("model.h5")` or "model.keras" wrote')
    parser.add_argument("name", metavar="NAME", type=Path, help="writes NAME.onnx")
    parser.add_argument("--labels", metavar="FILE", type=Path, help="labels, one a line, class 0 first")
    parser.add_argument(
        "--divide", metavar="D", type=numbers, default="1", help="divide pixels by it (default: %(default)s)"
    )
    parser.add_argument(
        "--subtract", metavar="S", type=numbers, default="0", help="subtract it before (default: %(default)s)"
    )
    parser.add_argument(
        "--preprocess",
        metavar="MODE",
        choices=MODES,
        help="what `preprocess_input` did before the model, or in a Lambda layer at its start: tf, caffe or torch",
    )
    return parser.parse_args(argv)


def image_shape(model) -> tuple[int, int, int]:
    """Height, width and channels of the images that `model` takes. Exits with a remedy where it takes none."""
    inputs, outputs = getattr(model, "inputs", []), getattr(model, "outputs", [])
    if not inputs:
        raise SystemExit(
            "the model says no input shape: begin it with keras.layers.Input((height, width, channels)), and save it"
        )
    if len(inputs) > 1 or len(outputs) > 1:
        raise SystemExit(
            f"the model has {len(inputs)} inputs and {len(outputs)} outputs: the component takes images and gives "
            "probabilities; save keras.Model(one_input, one_output)"
        )
    shape = tuple(inputs[0].shape[1:])
    words = f"the input is (N, {', '.join(str(length) for length in shape)})"
    if len(shape) == 2:
        shape = (*shape, 1)
    elif len(shape) == 1 and shape[0] and isqrt(shape[0]) ** 2 == shape[0]:
        shape = (isqrt(shape[0]), isqrt(shape[0]), 1)
    if len(shape) != 3 or shape[2] not in (1, 3, None):
        raise SystemExit(
            f"{words}: it must be images, (N, height, width, 1 or 3), or grey ones, (N, height, width) or as many pixels as a "
            "square has"
        )
    if None in shape:
        raise SystemExit(
            f"{words}, which leaves lengths open: build the model with fixed ones, as keras.layers.Input((96, 96, 3))"
        )
    if shape[0] in (1, 3):
        raise SystemExit(
            f"{words}: a height of {shape[0]} cannot be told from channels; the component takes none of 1 or 3"
        )
    return shape


def read_labels(path: Path) -> list[str]:
    try:
        labels = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{path} cannot be read ({error}): give a text file in UTF-8 with a label a line") from None
    for number, label in enumerate(labels, 1):
        if not is_name(label):
            raise SystemExit(
                f"{path}, line {number}, {label[:40]!r}: a label has 1 to {MAX_NAME} bytes and no control characters"
            )
    return labels


def is_name(text: str) -> bool:
    return 0 < len(text.encode()) <= MAX_NAME and not any(unicodedata.category(character) == "Cc" for character in text)


def random_images(image: tuple[int, int, int]) -> np.ndarray:
    """Images of pixels 0..255, the last one black, and some of low contrast: their softmax is further from 0 and 1."""
    random = np.random.default_rng(0)
    contrast = np.array([1, 0.3, 0.1, 0.03] * (IMAGES // 4))
    contrast[-1] = 0
    images = random.integers(0, 256, (IMAGES, *image)) * contrast[:, None, None, None]
    return images.astype(np.float32)


def difference(model, exported: onnx.ModelProto, image: tuple[int, int, int], pixels: Pixels) -> float:
    """The largest difference between Keras and onnxruntime; of logits, as a share of the largest one above 1."""
    images = random_images(image)
    taken = pixels.of(images).reshape(IMAGES, *model.inputs[0].shape[1:])
    expected = np.asarray(model.predict(taken, verbose=0))
    (answers,) = onnxruntime.InferenceSession(exported.SerializeToString()).run(None, {"images": images})
    if expected.size == IMAGES and answers.shape[1] == 2:
        probability = expected.reshape(-1, 1)
        expected = np.concatenate([1 - probability, probability], 1)
    unit = 1 if exported.graph.output[0].name == "probabilities" else max(1, np.abs(expected).max())
    return float(np.abs(answers - expected).max() / unit)


def convert(options: argparse.Namespace) -> None:
    path = Path(f"{str(options.name).removesuffix('.onnx')}.onnx")
    if not path.absolute().parent.is_dir():
        raise SystemExit(f"{path.parent} is not a folder: make it first")
    if not is_name(path.stem):
        raise SystemExit(f"NAME {path.stem!r}: it has 1 to {MAX_NAME} bytes and no control characters")
    if not options.divide.all():
        raise SystemExit("--divide has a 0: give what the pixels were divided by in training, as 255")
    if options.preprocess and (options.subtract.any() or (options.divide != 1).any()):
        raise SystemExit(f"--preprocess {options.preprocess} has its own numbers: leave out --subtract and --divide")
    pixels = MODES.get(options.preprocess, Pixels(options.subtract, options.divide))
    labels = read_labels(options.labels) if options.labels else None

    model, version = keras_file.read(options.model, bool(options.preprocess))
    image = image_shape(model)
    if options.preprocess and image[2] != 3:
        raise SystemExit(f"--preprocess is of colour images, and the model takes {image[2]} channel: see --divide and --subtract")
    for option, given in (("--divide", options.divide), ("--subtract", options.subtract)):
        if given.size not in (1, image[2]):
            raise SystemExit(f"{option} has {given.size} numbers for {image[2]} channels: give one, or one a channel")
    exported = to_onnx(model, image, path.stem, pixels)
    output = exported.graph.output[0]
    classes = output.type.tensor_type.shape.dim[1].dim_value
    if labels is not None and len(labels) != classes:
        raise SystemExit(f"{options.labels} has {len(labels)} labels for {classes} outputs: give one a line")

    differs = difference(model, exported, image, pixels)
    if not differs <= TOLERANCE:
        raise SystemExit(
            f"onnxruntime differs from Keras by {differs:.2g}, more than {TOLERANCE}: not written; {REMEDY}"
        )
    normalisation = pixels.words()
    digest = hashlib.sha256(options.model.read_bytes()).hexdigest()
    metadata = {
        "name": path.stem,
        "source": f"{options.model.name}, Keras {version}, SHA-256 {digest}",
        "normalisation": normalisation,
    }
    helper.set_model_props(exported, metadata | ({"labels": "\n".join(labels)} if labels else {}))
    path.write_bytes(exported.SerializeToString(deterministic=True))

    print(f"{path}: {path.stat().st_size:,} bytes, {' x '.join(map(str, image))} pixels to {classes} {output.name}")
    print(f"differs from Keras by {differs:.1e} at most, on {IMAGES} random images; normalisation {normalisation}")


def main() -> None:
    convert(arguments(None))


if __name__ == "__main__":
    main()
