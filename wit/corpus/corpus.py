"""The corpus that is being written: its cases, the files of their bodies, and the answers, which are onnxruntime's."""

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

HERE = Path(__file__).parent
MODELS = HERE.parent.parent / "models"
MODEL = Path(sys.argv[1]) if len(sys.argv) > 1 else MODELS / "fashion-small.onnx"
FILES = HERE / "files"
LABELS = (MODELS / "labels.txt").read_text().splitlines()

JSON, NPY, RAW = "application/json", "application/x-npy", "application/octet-stream"
BYTES = f"{RAW};dtype=uint8"
PNG, JPEG = "image/png", "image/jpeg"
SCORES = "application/json;profile=scores"

session = onnxruntime.InferenceSession(MODEL)
cases: list[dict] = []
files: dict[bytes, str] = {}


def probabilities(images: np.ndarray) -> np.ndarray:
    """What the model gives for images of shape (N, 28, 28)."""
    (given,) = session.get_inputs()
    shape = [len(images)] + [length for length in given.shape[1:]]
    return session.run(None, {given.name: images.reshape(shape).astype(np.float32)})[0]


def classes(images: np.ndarray) -> list[int]:
    """The answers, refused when another engine or another JPEG decoder could differ."""
    scores = probabilities(images)
    first, second = np.sort(scores)[:, ::-1][:, :2].T
    assert (first - second > 0.2).all(), "too close: choose other images"
    return scores.argmax(1).tolist()


def scored(images: np.ndarray, top: int) -> dict:
    """The answer with scores."""

    def score(row: np.ndarray, label: int) -> dict:
        return {"class": int(label), "label": LABELS[label], "score": round(float(row[label]), 6)}

    predictions = []
    for row in probabilities(images):
        best = [score(row, label) for label in np.argsort(-row, kind="stable")[:top]]
        predictions.append({**best[0], "top": best})
    file = onnx.load(MODEL, load_external_data=False)
    metadata = {entry.key: entry.value for entry in file.metadata_props}
    model = {
        "name": metadata["name"],
        "version": metadata.get("version", str(file.model_version)),
        "sha256": hashlib.sha256(MODEL.read_bytes()).hexdigest(),
    }
    return {"model": model, "predictions": predictions}


def case(name: str, body, content_type=None, accept=None, prepare=None, *, repeat=1, **expected) -> None:
    """Adds a case; short text goes into cases.json itself, the rest into files/, each body once."""
    entry: dict = {"name": name}
    data = body.encode() if isinstance(body, str) else body
    if isinstance(body, str) and len(data) <= 200:
        entry["text"] = body
        if repeat != 1:
            entry["repeat"] = repeat
    else:
        entry["file"] = files.setdefault(data, f"files/{name}")
        (HERE / entry["file"]).write_bytes(data)
    wishes = {"content_type": content_type, "accept": accept, "prepare": prepare}
    cases.append({**entry, **{name: wish for name, wish in wishes.items() if wish is not None}, **expected})


def good(name: str, images: np.ndarray, body, content_type=None, accept=None, prepare=None, warnings=()) -> None:
    answer = json.dumps(classes(images))
    doubts = {"warnings": list(warnings)} if warnings else {}
    case(name, body, content_type, accept, prepare, images=len(images), answer=answer, **doubts)


def bad(name: str, code: str, body, content_type=None, accept=None, prepare=None, repeat=1) -> None:
    case(name, body, content_type, accept, prepare, repeat=repeat, error=f"reject.{code}")


def original(array) -> str:
    """What the original's producers send."""
    return json.dumps(json.dumps({"array": np.asarray(array).tolist()}))


def npy(array: np.ndarray, version=None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def picture(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def begin() -> None:
    """Removes the files of the corpus before."""
    FILES.mkdir(exist_ok=True)
    for file in FILES.iterdir():
        file.unlink()


def end() -> None:
    """Writes cases.json."""
    names = [entry["name"] for entry in cases]
    assert len(set(names)) == len(names), "two cases of one name"
    lines = ",\n".join(" " + json.dumps(entry, ensure_ascii=False) for entry in cases)
    (HERE / "cases.json").write_text(f"[\n{lines}\n]\n")
    size = sum(file.stat().st_size for file in FILES.iterdir())
    print(f"{len(cases)} cases, {size} bytes of files")
