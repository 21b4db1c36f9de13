"""Converts a model of train.py to 8 bits.

    python quantise.py MODEL.onnx NAME                        # writes NAME.onnx; --data as for train.py

Convolutions become QLinearConv, which engines compute in integers: u8 values, i8 weights with a scale for each output
channel. What is left, a dense layer, stays in floats. The ranges of the values are read off training images; held-out
images tell what the rounding costs.
"""

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import data_options
import dataset
import export
import report

CALIBRATION = 1000  # images
BATCH = 100  # of them


class Images(CalibrationDataReader):
    """Batches of images for onnxruntime's calibration."""

    def __init__(self, name: str, images: np.ndarray):
        parts = np.split(images.transpose(0, 3, 1, 2).astype(np.float32), range(BATCH, len(images), BATCH))
        self.batches = iter([{name: part} for part in parts])

    def get_next(self) -> dict | None:
        return next(self.batches, None)


def quantised(source: Path, images: np.ndarray) -> onnx.ModelProto:
    """The model in `source` in 8 bits, with ranges measured on `images`, (N, H, W, C) u8."""
    name = onnx.load(source).graph.input[0].name
    # onnxruntime advises to fold normalisations first, which train.py has done.
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "quantised.onnx"
        quantize_static(
            source,
            written,
            Images(name, images),
            quant_format=QuantFormat.QOperator,
            op_types_to_quantize=["Conv", "Relu"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(written)
    # Shapes of intermediate values, which engines infer by themselves.
    del model.graph.value_info[:]
    return model


def metadata(model: onnx.ModelProto) -> dict[str, str]:
    """A model's metadata."""
    return {entry.key: entry.value for entry in model.metadata_props}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL.onnx", type=Path)
    parser.add_argument("name", metavar="NAME", type=Path, help="writes NAME.onnx")
    data_options.add(parser)
    options = parser.parse_args()
    if not options.model.is_file():
        raise ValueError(f"there is no {options.model}: give a model that train.py wrote")
    dataset.check_name(options.name)
    data = data_options.load(options)
    kept, held_out = data.split()
    try:
        labels = metadata(onnx.load(options.model)).get("labels", "").splitlines()
    except Exception as error:  # protobuf has no public class for what a damaged file raises
        raise ValueError(f"{options.model} is not a readable ONNX model: {error}") from None
    if labels not in ([], data.labels):
        raise ValueError(f"{options.model} has other labels than the images, {dataset.some(data.labels)}")
    try:
        model = quantised(options.model, data.images[kept[:CALIBRATION]])
    except Exception as error:  # onnx and onnxruntime have no common class for what a strange model raises
        raise ValueError(f"{options.model} cannot be quantised with these images: {error}") from None
    images, classes = data.images[held_out], data.classes[held_out]

    answers = {
        "floats": export.run(options.model.read_bytes(), images).argmax(1),
        "8 bits": export.run(export.bytes_of(model), images).argmax(1),
    }
    for what, given in answers.items():
        print(f"{what}: held-out accuracy {report.accuracy(given, classes)}")
    print(f"the same class for {(answers['floats'] == answers['8 bits']).mean():.2%} of the held-out images")
    accuracy = f"held-out accuracy {report.accuracy(answers['8 bits'], classes)}"
    says = metadata(model) | {"name": options.name.name, "accuracy": accuracy}
    written = export.bytes_of(export.with_metadata(model, says))
    Path(f"{options.name}.onnx").write_bytes(written)
    print(f"{options.name}.onnx: {len(written):,} bytes, of {options.model.stat().st_size:,}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, OSError) as error:
        print(f"quantise.py: {error}", file=sys.stderr)
        sys.exit(2)
