"""Networks of floats as onnxruntime's quantiser rewrites them, for variants.py."""

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

# As its name ends: the form, the operators (none: all that it knows), and the type of values.
FORMS = {
    "qdq": (QuantFormat.QDQ, None, QuantType.QUInt8),
    "qdq-i8": (QuantFormat.QDQ, None, QuantType.QInt8),
    "qoperator": (QuantFormat.QOperator, ["Conv", "MatMul"], QuantType.QUInt8),
}


class Images(CalibrationDataReader):
    """Images one by one, by which the ranges of the values are measured."""

    def __init__(self, images: np.ndarray):
        self.images = iter([{"images": image[None].astype(np.float32)} for image in images])

    def get_next(self) -> dict | None:
        return next(self.images, None)


def integers(made: onnx.ModelProto, form: str, images: np.ndarray) -> onnx.ModelProto:
    """The model `made` in 8 bits, with a scale for each output channel of the weights."""
    style, operators, values = FORMS[form]
    # onnxruntime advises to fold what stands before the first convolution.
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder) / "floats.onnx", Path(folder) / "integers.onnx"
        onnx.save(made, source)
        quantize_static(
            source,
            written,
            Images(images),
            quant_format=style,
            op_types_to_quantize=operators,
            per_channel=True,
            activation_type=values,
            weight_type=QuantType.QInt8,
        )
        result = onnx.load(written)
    del result.graph.value_info[:]
    return result
