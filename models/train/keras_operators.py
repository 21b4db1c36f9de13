"""Arithmetic that a Keras file has among its layers, as layers that do the same.

It comes from plain Python between layers, `x / 127.5 - 1`, and from the `preprocess_input` of `keras.applications`: in Keras 2
it is a TFOpLambda or a SlicingOpLambda, in Keras 3 an operation. Taken are sums and products with constants, and channels
in another order; all else is left as it is, and refused by its name later.
"""

import keras
import numpy as np

# What becomes of x, by the operation and its constant c: x * scale + offset.
SCALINGS = {
    "add": lambda c: (np.ones_like(c), c),
    "subtract": lambda c: (np.ones_like(c), -c),
    "multiply": lambda c: (c, np.zeros_like(c)),
    "divide": lambda c: (1 / c, np.zeros_like(c)),
}
# The same where c comes first.
REVERSED = {"add": SCALINGS["add"], "multiply": SCALINGS["multiply"], "subtract": lambda c: (-np.ones_like(c), c)}
OPERATIONS = {"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide", "TrueDivide": "divide"}
FUNCTIONS = {
    "math.add": "add",
    "__operators__.add": "add",
    "nn.bias_add": "add",
    "math.subtract": "subtract",
    "math.multiply": "multiply",
    "math.divide": "divide",
    "math.truediv": "divide",
}


class Channels(keras.layers.Layer):
    """The channels of images in another order: `order` has the old index of each."""

    def __init__(self, order: list[int], **kwargs) -> None:
        super().__init__(**kwargs)
        self.order = order

    def call(self, images):
        return keras.ops.take(images, self.order, axis=-1)

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (*shape[:-1], len(self.order))

    def get_config(self) -> dict:
        return super().get_config() | {"order": self.order}


def as_layers(entries: list[dict]) -> list[dict]:
    """The entries of a model's layers, with those of arithmetic replaced by Rescaling and Channels of the same names."""
    by_name = {entry.get("name"): entry for entry in entries}
    replaced, taken_apart = [], set()
    for entry in entries:
        if order := channels_of(entry, by_name):
            source, planes, order = order
            taken_apart |= planes
            entry = made(entry, "Channels", {"order": order}, source)
        elif scaling := scaling_of(entry):
            source, scale, offset = scaling
            entry = made(entry, "Rescaling", {"scale": plain(scale), "offset": plain(offset)}, source)
        replaced.append(entry)
    return [entry for entry in replaced if entry.get("name") not in taken_apart]


def unchanged(entry: dict) -> dict:
    """`entry`, which takes one tensor, as a layer that does nothing."""
    config = {"name": entry["config"]["name"], "activation": "linear"}
    inbound = [{**call, "kwargs": {}} if isinstance(call, dict) else call for call in entry.get("inbound_nodes", [])]
    return {**entry, "class_name": "Activation", "config": config, "inbound_nodes": inbound}


def made(entry: dict, kind: str, config: dict, source: list | dict) -> dict:
    """`entry` as a layer of another class that takes `source` alone."""
    inbound = [{"args": [source], "kwargs": {}}] if isinstance(source, dict) else [[[*source[:3], {}]]]
    name = entry["name"]
    return {"class_name": kind, "config": {"name": name} | config, "name": name, "inbound_nodes": inbound}


def call_of(entry: dict) -> tuple[list, dict] | None:
    """What an operation is called with, once: in Keras 2 [name, node, tensor], then constants by name."""
    if len(inbound := entry.get("inbound_nodes") or []) != 1:
        return None
    (call,) = inbound
    if isinstance(call, dict):
        return call["args"], call["kwargs"]
    while isinstance(call[0], list):
        if len(call) != 1:
            return None
        (call,) = call
    return [call], call[3] if len(call) > 3 else {}


def is_tensor(argument) -> bool:
    return isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__"


def constant(argument) -> np.ndarray | None:
    """A number, or one for each channel. None: it is something else."""
    if isinstance(argument, dict) and argument.get("class_name") in ("__tensor__", "__numpy__"):
        argument = argument["config"]["value"]
    try:
        numbers = np.asarray(argument, np.float64)
    except (TypeError, ValueError):
        return None
    return numbers.reshape(-1) if numbers.size == (numbers.shape[-1] if numbers.ndim else 1) else None


def scaling_of(entry: dict) -> tuple | None:
    """Of a sum or product with a constant what it takes, a scale and an offset."""
    kind = entry["class_name"]
    if (call := call_of(entry)) is None:
        return None
    args, kwargs = call
    if kind == "TFOpLambda":
        operation = FUNCTIONS.get(entry["config"].get("function"))
        by_name = "bias" if operation == "add" and "bias" in kwargs else "y"
        is_last = kwargs.get("data_format") in (None, "NHWC", "channels_last")
        source, number, table = args[0], kwargs.get(by_name) if is_last else None, SCALINGS
    elif kind in OPERATIONS and len(args) == 2 and is_tensor(args[0]) != is_tensor(args[1]):
        operation, table = OPERATIONS[kind], SCALINGS if is_tensor(args[0]) else REVERSED
        source, number = args if is_tensor(args[0]) else reversed(args)
    else:
        return None
    numbers = None if number is None else constant(number)
    if operation not in table or numbers is None or (operation == "divide" and not numbers.all()):
        return None
    return source, *table[operation](numbers)


def channels_of(entry: dict, by_name: dict) -> tuple | None:
    """Of an operation that puts channels into another order what it takes, the operations that it consists of, and the order."""
    kind, call = entry["class_name"], call_of(entry)
    if kind == "SlicingOpLambda" and call:
        spec = call[1].get("slice_spec", [])
        *others, last = spec["items"] if isinstance(spec, dict) else spec
        return (call[0][0], set(), [2, 1, 0]) if is_slice(last, -1) and all(map(is_all, others)) else None
    if kind != "Stack" or not call or entry["config"].get("axis") != -1 or not isinstance(call[0][0], list):
        return None
    planes, sources, order = set(), [], []
    for tensor in call[0][0]:
        plane = by_name.get(tensor["config"]["keras_history"][0], {})
        taken = call_of(plane) if plane.get("class_name") == "GetItem" else None
        match taken[0] if taken else None:
            case [source, [before, int(channel)]] if is_all(before):
                planes.add(plane["name"])
                sources.append(source)
                order.append(channel)
            case _:
                return None
    return (sources[0], planes, order) if all(source == sources[0] for source in sources) else None


def is_all(item) -> bool:
    """Whether it is all of an axis or of several, as `:` and `...` are."""
    is_ellipsis = item == "..." or isinstance(item, dict) and item.get("class_name") == "__ellipsis__"
    return is_ellipsis or is_slice(item, None)


def is_slice(item, step: int | None) -> bool:
    return isinstance(item, dict) and {"start": None, "stop": None, "step": step}.items() <= item.items()


def plain(numbers: np.ndarray) -> float | list[float]:
    return float(numbers[0]) if numbers.size == 1 else numbers.tolist()
