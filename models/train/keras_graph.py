"""A Keras model as an ONNX graph: its layers one after another, its input and its output."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from keras_layers import LAYERS, MODELS, OF_ROWS, Graph, Value, refuse
from keras_pixels import Pixels


def add_model(graph: Graph, model, *values: Value) -> Value:
    """Adds all layers of `model`, in the order in which Keras would call them."""
    if len(model.outputs) > 1:
        refuse(model, f"is an inner model of {len(model.outputs)} outputs")
    functional = getattr(model, "_functional", None) or model
    outputs = functional._run_through_graph(
        list(values), lambda layer: lambda *args, **kwargs: add_layer(graph, layer, args, kwargs)
    )
    while not isinstance(outputs, Value):  # in a list or a dictionary
        (outputs,) = outputs.values() if isinstance(outputs, dict) else outputs
    return outputs


def add_layer(graph: Graph, layer, args: tuple, kwargs: dict) -> Value:
    """Adds what `layer` does at inference, called with `args` and `kwargs`."""
    kind = type(layer).__name__
    values = list(args[0]) if args and isinstance(args[0], (list, tuple)) else list(args)
    kwargs = {key: value for key, value in kwargs.items() if value is not None and value is not False}
    if kind.startswith("Random"):
        kwargs.pop("training", None)  # on unless Keras says otherwise, which it does in predict
    if kwargs or not values or not all(isinstance(value, Value) for value in values):
        refuse(layer, f"is called with {kwargs or 'constants'}: it must be called with other layers' outputs alone")
    if kind in MODELS:
        return add_model(graph, layer, *values)
    shapes = [(1, *value.shape) for value in values]
    shape = tuple(layer.compute_output_shape(shapes if len(values) > 1 else shapes[0])[1:])
    if len(shape) not in (1, 3) and not (len(shape) == 2 and LAYERS[kind] in OF_ROWS):
        refuse(layer, f"gives {shape}: it must be (values) or (height, width, channels)")
    return Value(LAYERS[kind](graph, layer, *values), shape)


def to_onnx(model, image: tuple[int, int, int], name: str, pixels: Pixels) -> onnx.ModelProto:
    """`model` as a checked ONNX graph without metadata, with what was done to `pixels` before.

    Input `images` (N, height, width, channels) f32. Output (N, labels) f32, `probabilities` where the model ends in a
    softmax, or in a sigmoid of one value, which becomes the two values (1 - p, p); else `logits`.
    """
    graph = Graph()
    given = pixels.add(graph, Value(graph.emit("Transpose", "images", perm=[0, 3, 1, 2]), image))
    taken = tuple(model.inputs[0].shape[1:])  # (height, width) and (height x width) lie as (height, width, 1)
    first = graph.emit("Flatten", given.name, axis=1) if len(taken) == 1 else given.name
    last = add_model(graph, model, Value(first, taken))
    name_of_output, labels = end(graph, last)
    exported = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", *image])],
            [helper.make_tensor_value_info(name_of_output, TensorProto.FLOAT, ["N", labels])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    onnx.checker.check_model(exported, full_check=True)
    return exported


def end(graph: Graph, last: Value) -> tuple[str, int]:
    """Names the output and gives its name and number of labels."""
    if len(last.shape) != 1:
        raise SystemExit(
            f"the output is (N, {', '.join(map(str, last.shape))}): it must be (N, labels), so end the model in Dense"
        )
    (labels,), name = last.shape, last.name
    made_by = {node.output[0]: node for node in graph.nodes}
    maker = made_by[name]
    while maker.op_type in ("Flatten", "Reshape"):
        maker = made_by[maker.input[0]]
    if maker.op_type == "Sigmoid" and labels == 1:
        # softmax(0, z) is (1 - sigmoid(z), sigmoid(z)).
        maker.op_type, labels = "Identity", 2
        pair = graph.emit("Pad", graph.emit("Flatten", name, axis=1), np.array([0, 1, 0, 0], np.int64))
        name = graph.emit("Softmax", pair, axis=1)
    elif maker.op_type == "Sigmoid":
        raise SystemExit(
            f"the output is a sigmoid of {labels} labels, any number of which may hold: the component names the one "
            "that holds; end the model in softmax"
        )
    elif labels == 1:
        raise SystemExit(
            "the output is one number without sigmoid: the component tells labels apart; end the model in softmax"
        )
    name_of_output = "probabilities" if maker.op_type in ("Softmax", "Identity") else "logits"
    for node in graph.nodes:
        node.input[:] = [name_of_output if input == name else input for input in node.input]
        node.output[:] = [name_of_output if output == name else output for output in node.output]
    return name_of_output, labels
