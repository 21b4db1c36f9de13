"""The report of a training: figures, a verdict, and pictures."""

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files, no windows
import matplotlib.pyplot as plt
import numpy as np

from fit import Collapsed, Epoch

Z = 1.96  # standard errors of a 95 % interval
MOST_NAMES = 30  # classes that a picture has room to name


def interval(right: int, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    share, spread = right / count, Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return middle - half, middle + half


def accuracy(answers: np.ndarray, classes: np.ndarray) -> str:
    """Such as `92.82% (4641 of 5000; 95 % interval 92.07% to 93.50%)`."""
    right, count = int((answers == classes).sum()), len(classes)
    low, high = interval(right, count)
    return f"{right / count:.2%} ({right} of {count}; 95 % interval {low:.2%} to {high:.2%})"


def confusion(answers: np.ndarray, classes: np.ndarray, labels: int) -> np.ndarray:
    """How many images of class row were answered as class column."""
    matrix = np.zeros((labels, labels), np.int64)
    np.add.at(matrix, (classes, answers), 1)
    return matrix


def refuse_collapsed(matrix: np.ndarray, labels: list[str]) -> None:
    """Raises where the model is no better, beyond chance, than one that always names the most frequent class."""
    count, right, commonest = matrix.sum(), np.trace(matrix), matrix.sum(1).max()
    low, _ = interval(int(right), int(count))
    if low <= commonest / count:
        raise Collapsed(
            f"{right} of {count} held-out images are right ({right / count:.1%}), which is no better, beyond chance, than "
            f"always naming {labels[int(matrix.sum(1).argmax())]!r} ({commonest / count:.1%}): "
            "train for more epochs, give more images, or lower the rate (--set rate=...)"
        )


def refuse_too_few(classes: np.ndarray, labels: list[str]) -> None:
    """Raises `ValueError` if too few images are held out to tell even the best model from guessing."""
    count, commonest = len(classes), np.bincount(classes)
    low, _ = interval(count, count)
    if low <= commonest.max() / count:
        raise ValueError(
            f"{count} images are held out, {commonest.max()} of them {labels[int(commonest.argmax())]!r}: not even a model that "
            "is always right could be told from one that always names that class; give more images of the other classes"
        )


def summary(matrix: np.ndarray, labels: list[str]) -> dict:
    """Accuracy with its interval, and by class."""
    right, count = int(np.trace(matrix)), int(matrix.sum())
    return {
        "images": count,
        "right": right,
        "accuracy": round(right / count, 4),
        "interval": [round(end, 4) for end in interval(right, count)],
        "by_class": {
            label: round(float(row[c] / row.sum()), 4) for c, (label, row) in enumerate(zip(labels, matrix))
        },
    }


def learning_curves(history: list[Epoch], best: int, path: Path) -> None:
    """Loss and accuracy by epoch."""
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    epochs = range(1, len(history) + 1)
    loss.plot(epochs, [epoch.loss for epoch in history], label="training, augmented and smoothed")
    loss.plot(epochs, [epoch.validation_loss for epoch in history], label="held out")
    loss.set(title="Loss", xlabel="epoch")
    accuracy.plot(epochs, [100 * epoch.validation_accuracy for epoch in history], label="held out", color="C1")
    accuracy.axvline(best, color="grey", linestyle=":", label="kept")
    accuracy.set(title="Accuracy, %", xlabel="epoch")
    for axes in (loss, accuracy):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)


def confusion_picture(matrix: np.ndarray, labels: list[str], path: Path) -> None:
    """A heat map: rows are the true class, columns the answer, colours the share of the row."""
    side = min(5 + 0.4 * len(labels), 16)
    figure, axes = plt.subplots(figsize=(side, side), layout="constrained")
    axes.imshow(matrix / np.maximum(matrix.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="answered", ylabel="true", title=f"{np.trace(matrix)} of {matrix.sum()} held-out images right")
    if len(labels) <= MOST_NAMES:
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(len(labels)), labels, parse_math=False)
        for (row, column), number in np.ndenumerate(matrix):
            if number:
                shade = "white" if number > matrix[row].sum() / 2 else "black"
                axes.text(column, row, str(number), ha="center", va="center", color=shade, fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
