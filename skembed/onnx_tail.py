"""The steps of a Pipeline behind the encoder, in ONNX: as skl2onnx converts them."""

from contextlib import contextmanager, nullcontext

from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.base import is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline

from skembed.onnx_graph import ML, ML_OPSET, OPSET

# These round what they are given to float32, and so must the graph: a number beside the threshold
# of a tree would go the other way otherwise.
ROUNDING = ("xgboost.", "sklearn.tree.", "sklearn.ensemble.")


def append_steps(graph, steps, features, kind):
    """Append fitted steps to a graph, and put out what the last one gives.

    Parameters
    ----------
    graph : Graph
    steps : list of estimators
    features : str
        What the encoder puts out.
    kind : {"float32", "float64"}

    Raises
    ------
    TypeError
        If a step would give other numbers in ONNX.
    """
    for step in steps:
        if isinstance(step, (HistGradientBoostingClassifier, HistGradientBoostingRegressor)):
            raise TypeError(
                f"{type(step).__name__} compares in float64, and skl2onnx makes trees that compare "
                "in float32: rows beside a threshold would go the other way. Use XGBoost, or "
                "another model of trees."
            )
    *before, last = steps
    if kind == "float64" and type(last).__module__.startswith(ROUNDING):
        if before:
            [(_, given)] = graph.include(_converted(before, kind), features)
            features = given.name
        features, kind, steps = graph.cast(features, "float32"), "float32", [last]
    for name, output in graph.include(_converted(steps, kind), features):
        graph.put_out(name, output)


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
    """Tell skl2onnx of onnxmltools' converter."""
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
