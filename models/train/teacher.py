"""The answers of a larger model to each view of each training image, computed once.

Hinton et al., Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531; that student and teacher must see the
same view, Beyer et al., Knowledge distillation: A good teacher is patient and consistent, 2021, arXiv:2106.05237.
"""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tqdm import tqdm

import export
from augment import Views
from dataset import Dataset
from hyperparameters import Hyperparameters

BATCH = 500  # images
MOST_VALUES = 1 << 31  # kept in memory, two bytes each
LEAST = 1e-7  # probability


def check(teacher: Path, data: Dataset, hyper: Hyperparameters) -> None:
    """Raises `ValueError` if `teacher` is not a model of the same images and classes, or would see other images."""
    if hyper.erase:
        raise ValueError("--teacher: the teacher would see what is erased for the student; add --set erase=0")
    try:
        session = onnxruntime.InferenceSession(teacher, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no common class for what a broken file raises
        raise ValueError(f"--teacher {teacher} is not a usable ONNX model: {error}") from None
    height, width, channels = data.shape
    takes, gives = session.get_inputs()[0].shape[1:], session.get_outputs()[0].shape[1:]
    if takes != [channels, height, width] or gives != [len(data.labels)]:
        raise ValueError(
            f"--teacher {teacher} takes {takes} and gives {gives}, but the images are [{channels}, {height}, {width}] "
            f"with {len(data.labels)} classes: give a model of the same data"
        )
    labels = session.get_modelmeta().custom_metadata_map.get("labels", "").splitlines()
    if labels and labels != data.labels:
        raise ValueError(f"--teacher {teacher} has the labels {', '.join(labels)}: the classes must be in the same order")
    answer = export.run(teacher.read_bytes(), data.images[:1])
    if answer.min() < 0 or abs(answer.sum() - 1) > 1e-3:
        raise ValueError(f"--teacher {teacher} gives {answer[0]}, which are not probabilities: end it with a softmax")


def answers(teacher: Path, images: torch.Tensor, views: Views, cache: Path) -> torch.Tensor:
    """Log-probabilities (N, views, labels) f16 for `images` (N, C, H, W) u8. Kept in `cache` for the next run."""
    key = hashlib.sha256(teacher.read_bytes() + images.numpy().tobytes() + bytes([views.shift, views.flip])).hexdigest()
    if cache.is_file():
        with np.load(cache) as kept:
            if str(kept["key"]) == key:
                return torch.from_numpy(kept["answers"])
    session = onnxruntime.InferenceSession(teacher, providers=["CPUExecutionProvider"])
    (takes,), (gives,) = session.get_inputs(), session.get_outputs()
    if len(images) * views.count * gives.shape[1] > MOST_VALUES:
        raise ValueError(f"{len(images)} images x {views.count} views x {gives.shape[1]} labels are too many: --set shift=1")
    padded = views.pad(images)
    table = np.empty((len(images), views.count, gives.shape[1]), np.float16)
    for view in tqdm(range(views.count), "asking the teacher", unit="view", disable=None):
        for start in range(0, len(images), BATCH):
            part = padded[start : start + BATCH]
            seen = views.of(part, torch.full((len(part),), view)).float().numpy()
            (probabilities,) = session.run(None, {takes.name: seen})
            table[start : start + BATCH, view] = np.log(probabilities.clip(LEAST))
    beside = cache.with_name(cache.name + ".new")
    with beside.open("wb") as file:
        np.savez(file, key=key, answers=table)
    beside.replace(cache)
    return torch.from_numpy(table)
