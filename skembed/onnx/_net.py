"""The predictors in ONNX: context, decoder and what their answers mean.

As in numpy, inputs of the decoder are float32 and its products float64.
"""

import numpy as np

from skembed._columns.numeric import FAR
from skembed._model.decoder import Dot


def append_net(graph, inputs, model):
    """Append a fitted predictor's net to a graph; its predictions are outputs.

    Parameters
    ----------
    graph : Graph
    inputs : Inputs
    model : NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
    """
    parts = [inputs.vectors(name) for name in model.tables_]
    row_encoder = model.row_encoder_
    for j, column in zip(row_encoder.numeric, row_encoder.context.columns, strict=True):
        parts += _context(graph, inputs.numbers(j), *column)
    seen = graph.cast(graph.add("Concat", *parts, axis=1), "float64")
    decoder = model.decoder_
    output = (_dot if isinstance(decoder, Dot) else _layers)(graph, decoder, seen)
    if model.classes_ is None:
        _put_out_quantities(graph, model.target_, output)
    else:
        _put_out_classes(graph, model, output)


def _context(graph, numbers, median, scale, indicated):
    """Inputs of the net, each (n, 1), that a numeric column becomes."""
    missing, made = graph.add("IsNaN", numbers), []
    if indicated:
        made.append(graph.cast(missing, "float32"))
    if not np.isnan(median):
        x = graph.add("Div", graph.add("Sub", numbers, np.float64(median)), np.float64(scale))
        x = graph.add("Where", missing, np.float64(0), x)
        x = graph.add("Clip", x, np.float64(-FAR), np.float64(FAR))
        third = graph.add("Div", x, np.float64(3))
        squared = graph.add("Add", graph.add("Mul", third, third), np.float64(1))
        bent = graph.add("Div", x, graph.add("Sqrt", squared))
        made.append(graph.cast(bent, "float32"))
    return made


def _layers(graph, decoder, seen):
    """Output (n, n_outputs) of an `MLP`."""
    x, last = seen, len(decoder.layers) - 1
    for i, (weight, bias) in enumerate(decoder.layers):
        x = graph.add("MatMul", x, weight.T.astype(np.float64))
        x = graph.add("Add", x, bias.astype(np.float64))
        if i < last:
            x = graph.add("Relu", x)
    if len(decoder.layers[-1][1]) > 1 or not len(decoder.first):
        return x
    own = graph.add("Gather", seen, np.asarray(decoder.first, dtype=np.int64), axis=1)
    return graph.add("Add", x, graph.add("ReduceSum", own, np.array([1]), keepdims=1))


def _dot(graph, decoder, seen):
    """Output (n, 1) of a `Dot`."""
    slope = np.zeros((int(decoder.width) + len(decoder.slope), 1))
    slope[decoder.first, 0] = decoder.own
    slope[decoder.width :, 0] = decoder.slope
    x = graph.add("Add", graph.add("MatMul", seen, slope), np.float64(decoder.bias))
    if not decoder.dotted.size:
        return x
    vectors = graph.add("Gather", seen, decoder.dotted.astype(np.int64), axis=1)
    others = graph.add("MatMul", decoder.trust.astype(np.float64), vectors)
    products = graph.add("ReduceSum", graph.add("Mul", vectors, others), np.array([1, 2]))
    products = graph.add("Reshape", products, np.array([-1, 1]))
    return graph.add("Add", x, graph.add("Div", products, np.float64(2)))


def _put_out_classes(graph, model, output):
    """Make ``label`` and ``probabilities`` outputs."""
    if model.target_type_ == "multilabel":
        probabilities = graph.add("Sigmoid", output)
        label = graph.cast(graph.add("Greater", probabilities, np.float64(0.5)), "int64")
        graph.output("label", label, "int64", [len(model.classes_)])
    else:
        if model.target_type_ == "binary":
            both = [graph.add("Neg", output), output]
            probabilities = graph.add("Sigmoid", graph.add("Concat", *both, axis=1))
        else:
            probabilities = graph.add("Softmax", output, axis=1)
        best = graph.add("ArgMax", probabilities, axis=1, keepdims=0)
        numbers = model.classes_.dtype.kind in "biu"
        classes = model.classes_.astype(np.int64 if numbers else object)
        label = graph.add("Gather", classes if numbers else graph.strings(classes), best)
        graph.output("label", label, "int64" if numbers else "string", [])
    graph.output("probabilities", probabilities, "float64", [len(model.classes_)])


def _put_out_quantities(graph, target, output):
    """Make ``variable`` an output, a column per quantity."""
    if target.loss.name == "poisson":
        predicted = graph.add("Exp", output)
    elif target.loss.bounds is not None:
        low, high = map(np.float64, target.loss.bounds)
        share = graph.add("Sigmoid", output)
        predicted = graph.add("Add", graph.add("Mul", share, high - low), low)
    else:
        predicted = output
    scaled = graph.add("Mul", predicted, np.asarray(target.scale, dtype=np.float64))
    centred = graph.add("Add", scaled, np.asarray(target.centre, dtype=np.float64))
    graph.output("variable", centred, "float64", [len(target.bias)])
