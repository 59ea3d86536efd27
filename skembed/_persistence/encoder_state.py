"""The fitted state of an estimator as plain data and arrays, for files and pickles; and back.

`take_apart` and `put_together` are for files, which hold data alone. `pack_state` and
`unpack_state` are for pickles, which may hold objects beside: levels of types that have no form as
data.
"""

import numpy as np

from skembed._columns.output_layout import Layout
from skembed._persistence.json_values import to_plain
from skembed._persistence.net_state import net_from_data, net_to_data
from skembed._persistence.parameters import parameters_from_data, parameters_to_data
from skembed._persistence.rows_state import (
    MOST_POSITIONS,
    levels_to_data,
    rows_from_data,
    rows_to_data,
)
from skembed._persistence.typed_arrays import NUMBERS, TypedArrays, require, whole
from skembed._utils.warnings import warn_user
from skembed.exceptions import InvalidFileError

KINDS = ("NeuralEmbeddingClassifier", "NeuralEmbeddingEncoder", "NeuralEmbeddingRegressor")
DTYPES = ("float32", "float64")
KINDS_OF_TARGET = ("binary", "multiclass", "multilabel", "continuous", "multioutput", "none")
PACKED = "_fitted"  # the entry of a pickle that holds the fitted state
FITTED = (
    "row_encoder_",
    "tables_",
    "trained_tables_",
    "output_layout_",
    "target_type_",
    "classes_",
    "history_",
    "n_iter_",
    "best_epoch_",
    "decoder_",
    "target_",
)


def take_apart(estimator):
    """Take a fitted estimator apart into data, for a file.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor

    Returns
    -------
    content : dict
        Data of JSON.
    arrays : dict of str to ndarray

    Raises
    ------
    ValueError
        If a level, a class or a column name is of a type that has no form as data.
    """
    estimator._validate_params()  # which set_params may have changed since the fit
    arrays: dict[str, np.ndarray] = {}
    parameters, changed = parameters_to_data(estimator)
    if changed:
        warn_user(
            "A file holds data only, and these parameters are more than that: "
            f"{'; '.join(changed)}. The loaded estimator gives the same bits all the same. To fit "
            "it again, set them again."
        )
    rows, course = _fitted_to_data(vars(estimator), arrays, objects=None)
    names = getattr(estimator, "feature_names_in_", None)
    content = {
        "kind": kind_of(type(estimator)),
        "parameters": parameters,
        **rows,
        "n_features_in": int(estimator.n_features_in_),
        "feature_names_in": None if names is None else list(map(to_plain, names.tolist())),
        **course,
        "output": getattr(estimator, "_sklearn_output_config", {}),
    }
    return content, arrays


def put_together(cls, content, arrays):
    """Make a fitted estimator of what `take_apart` made.

    Parameters
    ----------
    cls : type
        Class of the estimator.
    content : dict
    arrays : dict of str to ndarray

    Returns
    -------
    estimator : object

    Raises
    ------
    ValueError, TypeError, LookupError or AttributeError
        If they are of another form, or do not fit together.
    """
    kind, parameters = content["kind"], parameters_from_data(content["parameters"])
    require(kind in KINDS, f"{kind!r} is no kind of estimator")
    if kind != kind_of(cls):
        raise InvalidFileError(f"holds a {kind}: load it by {kind}.load.")
    unknown = [name for name in parameters if name not in cls._get_param_names()]
    if unknown:
        raise InvalidFileError(
            f"holds the parameters {unknown}, which {cls.__name__} does not have: load it by the "
            "class that saved it."
        )
    estimator = cls(**parameters)
    estimator._validate_params()
    held = TypedArrays(arrays)
    # Files of before hold the mode of bags among the parameters alone.
    fitted = _fitted_from_data({"bag_mode": estimator.bag_mode, **content}, held)
    held.check_all_taken()
    needed = "output_layout_" if kind == "NeuralEmbeddingEncoder" else "decoder_"
    require(needed in fitted, f"a {kind} needs what {needed} is made of")
    n_features = whole(content["n_features_in"], MOST_POSITIONS)
    # A sparse X is one column, whatever its width.
    row_encoder = fitted["row_encoder_"]
    n_columns = 1 if row_encoder.is_sparse else n_features
    require(len(row_encoder.names) == n_columns, "there is not an entry for each column")
    names = content["feature_names_in"]
    if names is not None:
        require(all(type(name) is str for name in names), "a column name is no string")
        require(len(names) == n_features, "there is not a name for each column")
        fitted["feature_names_in_"] = np.array(names, dtype=object)
    vars(estimator).update(fitted, n_features_in_=n_features)
    if content["output"]:
        container = content["output"]["transform"]
        require(container in ("default", "pandas", "polars"), f"the output is {container!r}")
        estimator.set_output(transform=container)
    return estimator


def pack_state(state):
    """Pack the fitted attributes of an estimator into plain data, for a pickle.

    Parameters
    ----------
    state : dict
        Attributes by name.

    Returns
    -------
    dict
        The other attributes, and one entry for the fitted ones.
    """
    if "row_encoder_" not in state:
        return state
    arrays: dict[str, np.ndarray] = {}
    objects: list = []
    rows, course = _fitted_to_data(state, arrays, objects)
    packed = {"data": rows | course, "arrays": arrays, "objects": objects}
    return {name: value for name, value in state.items() if name not in FITTED} | {PACKED: packed}


def unpack_state(state):
    """Unpack what `pack_state` packed."""
    if PACKED not in state:
        return state
    packed = state[PACKED]
    held = TypedArrays(packed["arrays"], packed["objects"])
    fitted = _fitted_from_data(packed["data"], held)
    return {name: value for name, value in state.items() if name != PACKED} | fitted


def kind_of(cls):
    """Name of the public class that a class is, or derives from."""
    return next(each.__name__ for each in cls.__mro__ if each.__module__ == "skembed")


def _fitted_to_data(state, arrays, objects):
    """Fitted attributes as data.

    Parameters
    ----------
    state : dict
        Attributes by name.
    arrays : dict of str to ndarray
        Arrays are added.
    objects : list or None
        Things that have no form as data are added; None makes them an error.

    Returns
    -------
    rows : dict
        How rows are read.
    course : dict
        How the fit went, and of a predictor the net.
    """
    tables = state["tables_"]
    trained = state.get("trained_tables_", tables)  # a predictor has its tables alone
    rows = rows_to_data(state["row_encoder_"], tables, trained, arrays, objects)
    if "output_layout_" in state:
        rows["dtype"] = _dtype_to_data(state["output_layout_"].dtype, objects)
    course = {
        "target_type": state["target_type_"],
        "classes": _classes_to_data(state["classes_"], arrays, objects),
        "history": list(state["history_"]),
        "n_iter": int(state["n_iter_"]),
        "best_epoch": int(state["best_epoch_"]),
    }
    for key, values in state["history_"].items():
        arrays[f"history.{key}"] = np.asarray(values, dtype=np.float64)
    if "decoder_" in state:
        course |= net_to_data(state["decoder_"], state["target_"], arrays)
    return rows, course


def _fitted_from_data(data, held):
    """Fitted attributes by name, from what `_fitted_to_data` made."""
    row_encoder, tables, trained = rows_from_data(data, held)
    target_type, n_iter = data["target_type"], whole(data["n_iter"], MOST_POSITIONS)
    require(target_type in KINDS_OF_TARGET, "the kind of target is unknown")
    classes = _classes_from_data(data["classes"], held)
    fitted = {
        "row_encoder_": row_encoder,
        "tables_": tables,
        "target_type_": target_type,
        "classes_": classes,
        "history_": {
            key: held.take(f"history.{key}", ("float64",), length=n_iter) for key in data["history"]
        },
        "n_iter_": n_iter,
        "best_epoch_": whole(data["best_epoch"], n_iter),
    }
    if "dtype" in data:
        dtype = data["dtype"]
        require(held.may_be_objects or dtype in DTYPES, f"the output is of dtype {dtype!r}")
        fitted["trained_tables_"] = trained
        fitted["output_layout_"] = Layout.of(row_encoder, tables, np.dtype(dtype))
    if "decoder" in data:
        dims = [table.shape[1] for table in tables.values()]
        n_inputs = row_encoder.context.n_inputs
        fitted["decoder_"], fitted["target_"] = net_from_data(
            data, held, dims, n_inputs, target_type, classes
        )
    return fitted


def _dtype_to_data(dtype, objects):
    name = np.dtype(dtype).name
    if objects is None and name not in DTYPES:
        raise ValueError(
            f"The output is of dtype {dtype}, which a file cannot hold. Fit on numbers of "
            "float64, or use joblib."
        )
    return name


def _classes_to_data(classes, arrays, objects):
    """Entry of the classes; their array is added."""
    if classes is None:
        return None
    native = classes.astype(classes.dtype.newbyteorder("="), copy=False)
    if classes.dtype.name in NUMBERS:
        arrays["classes"] = native
        return {"kind": "array"}
    if classes.dtype.kind == "U":  # four bytes a character, as in memory
        arrays["classes"] = np.ascontiguousarray(native)[:, None].view(np.uint32)
        return {"kind": "characters"}
    if classes.dtype != object and objects is not None:
        objects.append(classes)
        return {"kind": "object", "at": len(objects) - 1}
    try:
        if classes.dtype != object:
            raise TypeError(f"{classes[0]!r} is of type {classes.dtype}")
        return levels_to_data(classes.tolist(), arrays, "classes", objects)
    except TypeError as error:
        raise ValueError(
            f"Class {error}, which a file cannot hold. Turn the target into strings or numbers "
            "and fit again, or use joblib."
        ) from None


def _classes_from_data(entry, held):
    if entry is None:
        return None
    if entry["kind"] == "array":
        return held.take("classes", NUMBERS)
    if entry["kind"] == "characters":
        characters = held.take("classes", ("uint32",), n_dims=2)
        return characters.view(f"U{characters.shape[1]}")[:, 0]
    values = held.levels(entry, "classes")
    if isinstance(values, np.ndarray):
        return values
    classes = np.empty(len(values), dtype=object)
    classes[:] = values
    return classes
