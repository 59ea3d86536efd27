"""Parameters of an encoder as data, and what stands for those that are code or large."""

import reprlib
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from skembed._persistence.json_values import from_plain, to_plain

SPLITTERS = {
    kind.__name__: kind for kind in (KFold, StratifiedKFold, GroupKFold, StratifiedGroupKFold)
}


def storable(encoder):
    """Parameters as data of JSON.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder
        Fitted.

    Returns
    -------
    parameters : dict of str to object
    changed : list of str
        What became of those that are no data.
    """
    given = encoder.get_params(deep=False)
    if encoder.pretrained is not None:
        given |= {"pretrained": None, "freeze_pretrained": False}
    parameters, changed = {}, []
    for name, value in given.items():
        try:
            parameters[name] = _splitter(value) if name == "cv" else _data(value)
        except TypeError:
            stands_for = _in_place_of(name, encoder)
            parameters[name] = to_plain(stands_for)
            changed.append(f"{name}={reprlib.repr(value)} becomes {stands_for!r}")
    if encoder.pretrained is not None:
        changed.append("pretrained becomes None (the vectors stay in tables_)")
    return parameters, changed


def restored(parameters):
    """Parameters from what `storable` made of them."""
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


def _in_place_of(name, encoder):
    """What a callable came to in `fit`; the default of other parameters."""
    if name == "categorical_features":
        embedded = encoder.row_encoder_.embedded
        if hasattr(encoder, "feature_names_in_"):
            return [column.name for column in embedded]
        return [column.position for column in embedded]
    if name == "embedding_dim":
        return {column: encoder.tables_[column].shape[1] for column in encoder.vocabularies_}
    return type(encoder)().get_params()[name]
