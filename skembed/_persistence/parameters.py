"""Parameters of an estimator as data; those that are code or large are replaced."""

import inspect
import reprlib
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from skembed._persistence.json_values import from_plain, to_plain

SPLITTERS = {
    kind.__name__: kind for kind in (KFold, StratifiedKFold, GroupKFold, StratifiedGroupKFold)
}


def parameters_to_data(estimator):
    """Turn parameters into data of JSON.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
        Fitted.

    Returns
    -------
    parameters : dict of str to object
    changed : list of str
        Each parameter that is no data, and what replaces it.

    Raises
    ------
    ValueError
        If the default, which replaces a parameter of a derived class, is no data either.
    """
    given = estimator.get_params(deep=False)
    if estimator.pretrained is not None:
        given |= {"pretrained": None, "freeze_pretrained": False}
    parameters, changed = {}, []
    for name, value in given.items():
        try:
            parameters[name] = _splitter(value) if name == "cv" else _data(value)
        except TypeError:
            instead = _replacement(name, estimator)
            try:
                parameters[name] = to_plain(instead)
            except TypeError as error:
                raise ValueError(
                    f"{name}={reprlib.repr(value)} cannot be saved, and neither can its default: "
                    f"{error}. Give data, such as a string or a number, or use joblib."
                ) from None
            changed.append(f"{name}={reprlib.repr(value)} becomes {instead!r}")
    if estimator.pretrained is not None:
        changed.append("pretrained becomes None (the vectors stay in tables_)")
    return parameters, changed


def parameters_from_data(parameters):
    """Make the parameters of what `parameters_to_data` made."""
    return {name: _value(data) for name, data in parameters.items()}


def _data(value):
    if isinstance(value, (np.ndarray, pd.Index, pd.Series)):
        value = value.tolist()  # of names, positions or a mask
    return to_plain(value)


def _splitter(value):
    if value is None or isinstance(value, Integral):
        return to_plain(value)
    known = SPLITTERS.get(type(value).__name__) is type(value)
    if not known or not isinstance(value.random_state, (Integral, type(None))):
        raise TypeError(f"{value!r} is more than a name and numbers")
    options = {name: getattr(value, name) for name in ("n_splits", "shuffle", "random_state")}
    return {"splitter": [type(value).__name__, to_plain(options)]}


def _value(data):
    if isinstance(data, dict) and "splitter" in data:
        kind, options = data["splitter"]
        return SPLITTERS[kind](**from_plain(options))
    return from_plain(data)


def _replacement(name, estimator):
    """The columns or lengths that a callable chose in `fit`; the default of other parameters."""
    if name == "categorical_features":
        embedded = estimator.row_encoder_.embedded
        if hasattr(estimator, "feature_names_in_"):
            return [column.name for column in embedded]
        return [column.position for column in embedded]
    if name == "embedding_dim":
        names = estimator.vocabularies_
        return {column: estimator.tables_[column].shape[1] for column in names}
    return inspect.signature(type(estimator)).parameters[name].default
