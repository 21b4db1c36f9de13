"""The result of a training: the model, its figures and pictures; or the refusal of a model that learned nothing."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

import export
import report
from dataset import Dataset
from fit import Collapsed, Fit


def write(name: Path, fit: Fit, data: Dataset, held_out: np.ndarray, settings: dict) -> str:
    """Writes NAME.onnx, NAME.json and two pictures, and returns a summary for people.

    If the model is no better than guessing, or differs from what was trained, writes everything else and raises `Collapsed`.
    """
    network = fit.averaged
    network.load_state_dict(fit.best)
    network.eval()
    metadata = {
        "name": name.name,
        "labels": "\n".join(data.labels),
        "input": "{} x {} pixels, {}".format(*data.shape[:2], "grey" if data.shape[2] == 1 else "red, green, blue"),
        "normalisation": "none: raw pixels 0 to 255 go in",
    }
    model = export.to_onnx(network, data.shape, metadata)
    images, classes = data.images[held_out], data.classes[held_out]
    answers = export.run(export.bytes_of(model), images).argmax(1)
    matrix = report.confusion(answers, classes, len(data.labels))
    summary = report.summary(matrix, data.labels)
    report.learning_curves(fit.history, fit.best_epoch, Path(f"{name}-curves.png"))
    report.confusion_picture(matrix, data.labels, Path(f"{name}-confusion.png"))
    figures = {
        "held_out": summary,
        "kept_epoch": fit.best_epoch,
        "seconds": round(sum(epoch.seconds for epoch in fit.history)),
        "parameters": export.parameters(model),
        "multiply_adds": export.multiply_adds(model),
        "training": settings,
        "history": [dataclasses.asdict(epoch) for epoch in fit.history],
    }
    text = f"held-out accuracy {report.accuracy(answers, classes)}"
    metadata["accuracy"] = text
    written = export.bytes_of(export.with_metadata(model, metadata))
    try:
        report.refuse_collapsed(matrix, data.labels)
        off = export.difference(network, written, images[:1000])
        figures |= {"bytes": len(written), "sha256": hashlib.sha256(written).hexdigest(), "largest_difference": off}
        if off > export.TOLERANCE:
            raise Collapsed(f"the exported file differs from the network by {off} in a probability: its weights are out of bounds")
    except Collapsed:
        # A model of an earlier training would not match these figures.
        if Path(f"{name}.onnx").exists():
            Path(f"{name}.onnx").replace(f"{name}.onnx.old")
        raise
    finally:
        Path(f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    Path(f"{name}.onnx").write_bytes(written)
    return f"{name}.onnx: {text}, {len(written):,} bytes, {figures['multiply_adds']:,} multiply-adds an image"
