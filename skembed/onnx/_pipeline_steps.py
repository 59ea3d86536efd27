"""The steps of a Pipeline behind the encoder, in ONNX: as skl2onnx converts them."""

from contextlib import contextmanager, nullcontext

from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from skembed.onnx._graph import ML, ML_OPSET, OPSET

# These round what they are given to float32, and so must the graph: a number beside the threshold
# of a tree would go the other way otherwise.
ROUNDING = ("xgboost.", "sklearn.tree.", "sklearn.ensemble.")
HISTOGRAMS = ("sklearn.ensemble._hist_gradient_boosting.",)


def append_steps(graph, steps, features, kind):
    """Append fitted steps to a graph; the last one's results are outputs.

    Parameters
    ----------
    graph : Graph
    steps : list of estimators
    features : str
        Output of the encoder.
    kind : {"float32", "float64"}

    Raises
    ------
    TypeError
        If a step would give other numbers in ONNX.
    """
    *before, last = steps
    if _any_of(last, HISTOGRAMS):
        raise TypeError(
            f"{type(last).__name__} compares in float64, and skl2onnx makes trees that compare "
            "in float32: rows beside a threshold would go the other way. Use XGBoost, or another "
            "model of trees."
        )
    if _any_of(last, ROUNDING):
        if before:
            features = _before_trees(graph, before, features, kind)
        if kind == "float64":
            features, kind = graph.cast(features, "float32"), "float32"
        steps = [last]
    for name, output in graph.include(_converted(steps, kind), features):
        graph.put_out(name, output)


def _before_trees(graph, before, features, kind):
    """What the steps between the encoder and trees give."""
    if kind == "float32":
        raise TypeError(
            f"{type(before[0]).__name__} computes in float32, since no column passes that needs "
            "float64. Its last digits are others in ONNX, and the trees behind it split there. "
            "Trees need no scaling: leave it out."
        )
    [(_, given)] = graph.include(_converted(before, kind), features)
    return given.name


def _any_of(step, places):
    """Whether an estimator, or one inside it, is of some modules."""
    inside = [step, *step.get_params().values()]
    return any(type(part).__module__.startswith(places) for part in inside)


def _converted(steps, kind):
    """Model of some steps."""
    last = steps[-1]
    of_xgboost = type(last).__module__.startswith("xgboost.")
    if of_xgboost:
        _register_xgboost()
    tensor = {"float32": FloatTensorType, "float64": DoubleTensorType}[kind]
    with _without_names(last.get_booster()) if of_xgboost else nullcontext():
        return convert_sklearn(
            Pipeline([(str(i), step) for i, step in enumerate(steps)]),
            initial_types=[("features", tensor([None, steps[0].n_features_in_]))],
            target_opset={"": OPSET, ML: ML_OPSET},
            # Probabilities as a tensor, not as a dict per row.
            options={"zipmap": False} if is_classifier(last) else None,
        )


@contextmanager
def _without_names(booster):
    """Take the names off the features of a booster, for a converter that knows numbers only."""
    names, booster.feature_names = booster.feature_names, None
    try:
        yield
    finally:
        booster.feature_names = names


def _register_xgboost():
    """Register onnxmltools' converter with skl2onnx."""
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from xgboost import XGBClassifier, XGBRegressor

    update_registered_converter(
        XGBClassifier,
        "XGBoostXGBClassifier",
        calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    update_registered_converter(
        XGBRegressor,
        "XGBoostXGBRegressor",
        calculate_linear_regressor_output_shapes,
        convert_xgboost,
    )
