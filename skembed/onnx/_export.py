"""`to_onnx`: a fitted encoder, predictor or Pipeline as one ONNX graph, from raw columns on."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skembed._base import BaseNeuralEmbedding, read_rows
from skembed._columns.row_encoder import Refusals
from skembed._encoder import NeuralEmbeddingEncoder
from skembed._utils.optional_imports import needs


def to_onnx(estimator, X, *, missing=""):
    """Make an ONNX model of a fitted encoder, predictor or Pipeline.

    The model takes raw columns: it looks levels up, unseen, missing and infrequent ones too, and
    makes crosses and bins. It runs wherever an ONNX runtime does, without Python.

    Each column of X that is looked at is an input of shape (n, 1), by the name of the column:
    strings and categories of strings are strings, booleans booleans, integers int64, other numbers
    float or, beyond float32, double. A column of integers or booleans with missing values in X is
    float or double. NaN is a missing number.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier, NeuralEmbeddingRegressor or \
            Pipeline
        Fitted. A Pipeline begins with the encoder, and skl2onnx knows its other steps; of XGBoost,
        `XGBClassifier` and `XGBRegressor` are made known to it.

    X : data frame or array-like of shape (n_rows, n_features)
        A few rows such as the model will be given. Only their types are looked at.

    missing : str, default=""
        The string that replaces a missing one, since ONNX has no missing strings.

    Returns
    -------
    onnx.ModelProto
        With one output of an encoder, ``features``: what `transform` gives. A classifier's are
        ``label`` and ``probabilities``, a regressor's is ``variable``, of shape (n, n_outputs). An
        output that would have the name of a column ends in an underscore.

    Raises
    ------
    ModuleNotFoundError
        If onnx or, for a Pipeline, skl2onnx or onnxmltools is not installed.
    TypeError
        If the estimator is none of those, or would give other numbers in ONNX, as
        HistGradientBoosting would, and trees behind a scaler of float32.
    ValueError
        If the estimator does what ONNX cannot: columns of several kinds of levels, of dates or of
        lists, errors for unseen or missing levels.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.onnx import to_onnx
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Rome", "Bern"] * 25, "rooms": range(100)})
    >>> y = [310.0, 150.0, 160.0, 420.0] * 25
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    >>> model = to_onnx(encoder, X.head())
    >>> [column.name for column in model.graph.input]
    ['city', 'rooms']
    """
    first, *others = _steps(estimator)
    check_is_fitted(first)
    _check_expressible(first)
    columns = read_rows(first, X)
    if not columns.n_rows:
        raise ValueError("X has no rows: give a few, the types of the inputs are read from them.")
    with needs("to_onnx", "onnx", extra="onnx"):
        from skembed.onnx._graph import Graph
        from skembed.onnx._inputs import Inputs
    graph = Graph()
    inputs = Inputs(graph, first, columns, missing)
    if not isinstance(first, NeuralEmbeddingEncoder):
        from skembed.onnx._net import append_net

        append_net(graph, inputs, first)
    else:
        layout = first.output_layout_
        features, kind = _features(graph, inputs, layout), layout.dtype.name
        if others:
            with needs("to_onnx", "skl2onnx", "onnxmltools", extra="onnx"):
                from skembed.onnx._pipeline_steps import append_steps

                append_steps(graph, others, features, kind)
        else:
            graph.output("features", features, kind, [layout.width])
    return graph.model(" and ".join(type(step).__name__ for step in (first, *others)))


def _features(graph, inputs, layout):
    """What `transform` gives, (n, layout.width)."""
    kind, parts = layout.dtype.name, []
    for positions, name, _ in layout.slots:
        if name is None:
            parts.append(inputs.numbers(positions[0], kind))
        else:
            vectors = inputs.vectors(name)
            parts.append(vectors if kind == "float32" else graph.cast(vectors, kind))
    return graph.add("Concat", *parts, axis=1)


def _flat(estimator):
    """Steps of a Pipeline, and of those in it."""
    if not isinstance(estimator, Pipeline):
        yield estimator
        return
    for _, step in estimator.steps:
        if step not in (None, "passthrough"):
            yield from _flat(step)


def _steps(estimator):
    """The encoder or predictor, and what stands behind it."""
    steps = list(_flat(estimator))
    begins = bool(steps) and isinstance(steps[0], BaseNeuralEmbedding)
    if not begins or (len(steps) > 1 and not isinstance(steps[0], NeuralEmbeddingEncoder)):
        raise TypeError(
            "to_onnx takes a NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or "
            "NeuralEmbeddingRegressor, or a Pipeline that begins with a NeuralEmbeddingEncoder, "
            f"but was given {estimator!r}."
        )
    return steps


def _check_expressible(estimator):
    """Raise where an estimator does what ONNX cannot."""
    if estimator.row_encoder_.is_sparse:
        raise ValueError(
            "The estimator was fitted on a sparse X, a bag, which has no tensor in ONNX: use "
            "transform, or columns of levels."
        )
    bags = estimator.row_encoder_.bags
    if bags:
        raise ValueError(
            f"Column {sorted(bags)[0]!r} is a bag (lists of levels), which has no "
            "tensor in ONNX: use transform, or a column for each level."
        )
    refusals = Refusals.of(estimator.handle_unknown, estimator.handle_missing)
    refused = {"handle_unknown": refusals.unknown, "handle_missing": refusals.missing}
    for name, is_refused in refused.items():
        if is_refused:
            raise ValueError(
                f"{name}='error', but an ONNX model cannot raise errors: it would go on with the "
                f"row of such levels. To accept that, set_params({name}='embed') before."
            )
