"""Our models as ONNX graphs, written layer by layer.

Keras leaves this to a converter that does not work with today's TensorFlow. The
models are made of some twenty kinds of layers, so they are written here instead, with
operations that every runtime has. Maps have their channels first from one convolution
to the next, for which runtimes have their fastest kernels, and those over time are
images of height 1.

Weights go in as Keras holds them, by the names of their variables; what is made of
them, such as the factors of a batch normalisation, the graph computes itself, and
runtimes do so once. So a graph without its weights is that of any model of the same
options: see `graphs`.
"""

import keras

from resemul.errors import WeightsError
from resemul.export import onnx_file
from resemul.export.onnx_folding import plan_folding
from resemul.export.onnx_layers import WRITERS
from resemul.export.onnx_nodes import Graph, Value
from resemul.models import top_layer

# The last one with the axes of reductions as attributes.
OPSET = 17


def build_onnx(model: keras.Model, notes: dict[str, str] | None = None) -> bytes:
    """Writes a functional model; input `waveform`, any batch size.

    The outputs are `tags` and, where there is one, `embedding`: what the last layer
    makes its probabilities of.

    Args:
        model: of layers that `WRITERS` has.
        notes: what to note in the file, by name.

    Raises:
        WeightsError: it has a layer that cannot be written.
    """
    graph, content = _write(model, notes or {})
    return onnx_file.add_tensors(content, graph.weights)


def build_empty_onnx(model: keras.Model, notes: dict[str, str]) -> bytes:
    """The same without weights; adding them by their names makes it whole."""
    return _write(model, notes)[1]


def _write(model: keras.Model, notes: dict[str, str]) -> tuple[Graph, bytes]:
    graph = Graph(plan_folding(model))
    values = {id(model.inputs[0]): Value("waveform", model.input_shape)}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            values[id(layer.output)] = _write_layer(graph, layer, values)
    tags = graph.array(values[id(model.outputs[0])])
    graph.nodes.append(onnx_file.node("Identity", [tags], ["tags"], {}))
    # As many as the last layer has weights for.
    outputs = [onnx_file.value("tags", ["batch", "num_tags"])]
    embedding = top_layer(model).input
    if not isinstance(embedding, list) and len(embedding.shape) == 2:
        source = graph.array(values[id(embedding)])
        graph.nodes.append(onnx_file.node("Identity", [source], ["embedding"], {}))
        outputs.append(onnx_file.value("embedding", ["batch", embedding.shape[1]]))
    content = onnx_file.model(
        model.name,
        graph.nodes,
        [onnx_file.value("waveform", ["batch", *model.input_shape[1:]])],
        outputs,
        graph.constants,
        OPSET,
        notes,
    )
    return graph, content


def _write_layer(graph: Graph, layer: keras.Layer, values: dict[int, Value]) -> Value:
    kind = type(layer).__name__
    if kind not in WRITERS:
        raise WeightsError(f"layer {layer.name} ({kind}) cannot be exported to ONNX")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise WeightsError(
            f"layer {layer.name} has its channels first; only layers with them last "
            "can be exported to ONNX"
        )
    try:
        sources = keras.tree.flatten(layer.input)
        inputs = [values[id(source)] for source in sources]
    except (AttributeError, KeyError) as error:
        raise WeightsError(
            f"layer {layer.name} is used more than once, or out of order; it cannot "
            "be exported to ONNX"
        ) from error
    if layer.name in graph.folding.done:
        return inputs[0]
    return WRITERS[kind](graph, layer, *inputs)
