"""Reads a Keras .h5 file, of Keras 2 (TensorFlow's included) or 3, or a .keras file, without TensorFlow.

What the file says of its layers is checked before Keras sees it: a layer outside the list in keras_layers.py is refused
by name, so no code that a file carries, as in Lambda layers, is ever run.
"""

import json
import os
import tempfile
import warnings
import zipfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "numpy"
os.environ["JAX_PLATFORMS"] = "cpu"  # Keras' numpy backend takes its convolutions from JAX

import h5py
import keras
from keras.src.legacy.saving.saving_utils import model_from_config

import keras_operators
from keras_layers import ACTIVATIONS, LAYERS, MODELS, REMEDY

warnings.filterwarnings("ignore", module="keras")


class Normalization(keras.layers.Normalization):
    """With one mean of all values: Keras' reader of older configurations takes no axis for the last one."""

    def __init__(self, **config) -> None:
        super().__init__(**config | {"axis": None})


# Layers of our own, by the classes that configurations name.
OWN = {"Channels": keras_operators.Channels, "NormalizationOfAll": Normalization}

# Of training only, and the place where custom classes hide.
TRAINING = ("_initializer", "_regularizer", "_constraint")
WHOLE = 'save the whole model with `model.save("model.h5")`'
# What a Lambda layer does stands in it as code.
LAMBDA = (
    "is a Lambda, whose code is not run: write it as layers, such as keras.layers.Rescaling(1 / 255), and save again; or where it "
    "is the first layer and has the preprocess_input of an application, say which with --preprocess (--help has them)"
)


def read(path: Path, is_preprocessed: bool) -> tuple[keras.Model, str]:
    """The model in `path` and the version of Keras that wrote it. Exits with a remedy where it cannot be read.

    `is_preprocessed`: what its first layer does is known, and done before it, where that is a Lambda.
    """
    if zipfile.is_zipfile(path):
        return read_archive(path, is_preprocessed)
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise SystemExit(f'no {path}: give the .h5 file that `model.save("model.h5")` wrote') from None
    except OSError as error:
        raise SystemExit(
            f"{path} is neither an HDF5 file ({first_line(error)}) nor a zip archive: give what "
            '`model.save("model.h5")` or `model.save("model.keras")` wrote'
        ) from None
    with file:
        if "model_config" not in file.attrs or "model_weights" not in file:
            raise SystemExit(
                f"{path} has no model_config with model_weights, so it holds weights only: {WHOLE}, not save_weights"
            )
        version = str(text(file.attrs.get("keras_version", "1")))
        config = checked(path, text(file.attrs["model_config"]), is_preprocessed)

        def load(folder: Path) -> keras.Model:
            copy = folder / "model.h5"
            with h5py.File(copy, "w") as changed:
                file.copy("model_weights", changed)
                changed.attrs["model_config"] = json.dumps(config)
            return keras.models.load_model(copy, compile=False, custom_objects=OWN)

        return loaded(path, load), version


def read_archive(path: Path, is_preprocessed: bool) -> tuple[keras.Model, str]:
    """The same of a .keras file."""
    with zipfile.ZipFile(path) as archive:
        try:
            config, about, weights = map(archive.read, ("config.json", "metadata.json", "model.weights.h5"))
        except (KeyError, zipfile.BadZipFile) as error:
            raise SystemExit(f"{path} is a zip archive and no .keras file ({first_line(error)}): {WHOLE}") from None
    version = str(json.loads(about).get("keras_version", "3"))
    config = checked(path, config.decode(), is_preprocessed)

    def load(folder: Path) -> keras.Model:
        (folder / "model.weights.h5").write_bytes(weights)
        made = model_from_config(config, custom_objects=OWN)
        made.load_weights(folder / "model.weights.h5")
        return made

    return loaded(path, load), version


def checked(path: Path, config: str, is_preprocessed: bool) -> dict:
    """A model's configuration with every layer checked."""
    try:
        config = json.loads(config)
        if config["class_name"] not in MODELS:
            raise SystemExit(
                f"{path} is a subclassed model ({config['class_name']}): its layers are in its code; rebuild it as "
                "keras.Sequential or keras.Model(inputs, outputs)"
            )
        return {"class_name": config["class_name"], "config": model(config["config"], is_preprocessed)}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{path} has a model_config that cannot be read ({error!r}): {WHOLE} again") from None


def loaded(path: Path, load) -> keras.Model:
    """What `load` makes with a folder of its own, by Keras."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = load(Path(folder))
        except Exception as error:  # Keras raises whatever it likes
            raise SystemExit(f"Keras {keras.__version__} cannot read {path} ({first_line(error)}): {REMEDY}") from None
    for layer in made._flatten_layers():
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # which Keras leaves out for those in inner models
    return made


def text(attribute: str | bytes) -> str:
    return attribute.decode() if isinstance(attribute, bytes) else attribute


def first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


def model(config: dict | list, is_preprocessed: bool = False) -> dict:
    """A model's own config with every layer checked, and written as Keras 3 reads it."""
    config = {"name": "model", "layers": config} if isinstance(config, list) else dict(config)
    entries = keras_operators.as_layers(config["layers"])
    first = next((index for index, entry in enumerate(entries) if entry["class_name"] != "InputLayer"), None)
    if is_preprocessed and first is not None and entries[first]["class_name"] == "Lambda":
        entries[first] = keras_operators.unchanged(entries[first])
    layers = [layer(entry) for entry in entries]
    # Keras before 2.3 wrote no InputLayer: the first layer knows the shape.
    shape = config["layers"][0]["config"].get("batch_input_shape") if "input_layers" not in config else None
    if shape and layers[0]["class_name"] not in ("InputLayer", *MODELS):
        layers.insert(
            0, {"class_name": "InputLayer", "config": {"batch_shape": [None, *shape[1:]], "dtype": "float32"}}
        )
    return {**config, "layers": layers}


def layer(entry: dict) -> dict:
    """One layer's entry, checked, with neither training's settings nor Keras 2's oddities."""
    kind, config = entry["class_name"], entry["config"]
    # Of a layer's entry, all but these say where to import its class from.
    kept = {key: entry[key] for key in ("class_name", "name", "inbound_nodes") if key in entry}
    if kind in MODELS:
        return {**kept, "config": model(config)}
    name = config.get("name", entry.get("name"))
    if kind == "Lambda":
        raise SystemExit(f"layer {name!r} {LAMBDA}")
    if kind not in LAYERS or not str(entry.get("module") or "keras").startswith("keras"):
        raise SystemExit(f"layer {name!r} is of class {kind}, which this script does not know; {REMEDY}")
    if config.get("data_format") == "channels_first":
        raise SystemExit(f"layer {name!r} ({kind}) is channels_first: build the model with channels_last, or {REMEDY}")

    config = {key: value for key, value in config.items() if not key.endswith(TRAINING)}
    function = config.get("activation")
    if isinstance(function, dict):
        # A function by its name, or a layer.
        function = function["config"] if function["class_name"] == "function" else function["class_name"]
        config["activation"] = function
    if function is not None and (not isinstance(function, str) or function not in ACTIVATIONS):
        raise SystemExit(
            f"layer {name!r} ({kind}) has the activation {function!r}, which this script does not know; {REMEDY}"
        )
    axis = config.get("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        (axis,) = axis
    if kind == "Normalization" and not axis and axis != 0:
        kept["class_name"] = "NormalizationOfAll"  # Keras writes no axis, or an empty list
    elif not isinstance(axis, int):
        raise SystemExit(f"layer {name!r} ({kind}) works along axes {axis}: it must be one; {REMEDY}")

    shape = config.pop("batch_input_shape", config.get("batch_shape"))
    if kind == "InputLayer":
        config["batch_shape"] = [None, *shape[1:]]
    if kind in ("DepthwiseConv2D", "SeparableConv2D"):
        config.pop("groups", None)  # Keras 2 writes it, Keras 3 refuses it
    config["dtype"] = "float32"  # of mixed precision, the weights are float32 all the same
    return {**kept, "config": config}
