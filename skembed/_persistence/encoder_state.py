"""What a file holds of a fitted encoder: data of JSON and arrays; and the encoder from these."""

import numpy as np

from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins
from skembed._columns.output_layout import Layout, cross_name
from skembed._columns.vocabulary import Vocabulary
from skembed._persistence.json_values import from_plain, pack_levels, to_plain, unpack_levels
from skembed._persistence.parameters import restored, storable
from skembed._utils.warnings import warn_user

MOST_COLUMNS = 2**31 - 1
DTYPES = ("float32", "float64")
NUMBERS = (
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)
KINDS_OF_TARGET = ("binary", "multiclass", "multilabel", "continuous", "multioutput", "none")


def taken_apart(encoder):
    """Fitted encoder as data.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder

    Returns
    -------
    content : dict
        Data of JSON.
    arrays : dict of str to ndarray
    """
    arrays: dict[str, np.ndarray] = {}
    parameters, changed = storable(encoder)
    if changed:
        warn_user(
            "A file holds data only, and these parameters are more than that: "
            f"{'; '.join(changed)}. The loaded encoder transforms all the same. To fit it again, "
            "set them again."
        )
    layout = encoder._layout
    if np.dtype(layout.dtype).name not in DTYPES:
        raise ValueError(
            f"The output is of dtype {layout.dtype}, which a file cannot hold. Fit on numbers of "
            "float64, or use joblib."
        )
    content = {
        "kind": "NeuralEmbeddingEncoder",
        "parameters": parameters,
        "columns": [_column(encoder, i, name, arrays) for i, name in enumerate(encoder._position)],
        "crosses": [_cross(encoder, i, name, arrays) for i, name in enumerate(encoder.crosses_)],
        "passing": [int(slot.positions[0]) for slot in layout.slots if slot.name is None],
        "dtype": np.dtype(layout.dtype).name,
        "sparse": encoder._is_sparse,
        "n_features_in": int(encoder.n_features_in_),
        "feature_names_in": _names_in(encoder),
        "target_type": encoder.target_type_,
        "classes": _classes(encoder.classes_, arrays),
        "history": list(encoder.history_),
        "n_iter": int(encoder.n_iter_),
        "best_epoch": int(encoder.best_epoch_),
        "output": getattr(encoder, "_sklearn_output_config", {}),
    }
    for key, values in encoder.history_.items():
        arrays[f"history.{key}"] = np.asarray(values, dtype=np.float64)
    return content, arrays


def put_together(cls, content, arrays):
    """Fitted encoder, from what `taken_apart` made of it.

    Parameters
    ----------
    cls : type
    content : dict
    arrays : dict of str to ndarray

    Returns
    -------
    NeuralEmbeddingEncoder

    Raises
    ------
    ValueError, TypeError, LookupError or AttributeError
        If they are of another form, or do not fit together.
    """
    _require(content["kind"] == "NeuralEmbeddingEncoder", "it holds no encoder")
    encoder = cls(**restored(content["parameters"]))
    encoder._validate_params()
    held = Arrays(arrays)
    encoder.n_features_in_ = _whole(content["n_features_in"], MOST_COLUMNS)
    if content["feature_names_in"] is not None:
        names = content["feature_names_in"]
        _require(all(type(name) is str for name in names), "a column name is no string")
        _require(len(names) == encoder.n_features_in_, "there is not a name for each column")
        encoder.feature_names_in_ = np.array(names, dtype=object)
    _put_columns(encoder, content, held)
    _put_crosses(encoder, content["crosses"], held)
    _put_layout(encoder, content)
    _put_course(encoder, content, held)
    held.check_all_taken()
    return encoder


class Arrays:
    """Arrays by name, each given once and only if it is of the kind that is asked for.

    Parameters
    ----------
    arrays : dict of str to ndarray
    """

    def __init__(self, arrays):
        self._left = dict(arrays)

    def take(self, name, dtypes, n_dims=1, length=None):
        """Array of a name.

        Parameters
        ----------
        name : str
        dtypes : tuple of str
        n_dims : int
        length : int or None

        Returns
        -------
        ndarray
        """
        array = self._left.pop(name)
        fits = array.dtype.name in dtypes and array.ndim == n_dims
        _require(
            fits and length in (None, len(array)),
            f"{name!r} is {array.dtype} of shape {array.shape}",
        )
        return array

    def levels(self, kind, name):
        """Levels under a name, by their kind."""
        return unpack_levels(kind, lambda ending, dtypes: self.take(name + ending, dtypes))

    def check_all_taken(self):
        """Raise if there is an array that nothing asked for."""
        _require(not self._left, f"nothing is known of {sorted(self._left)[:3]}")


def _column(encoder, i, name, arrays):
    """Entry of a column of X; its arrays are put to the others."""
    try:
        entry = {"name": to_plain(name), "position": int(encoder._position[name])}
    except TypeError as error:
        raise ValueError(
            f"The column name {error}, which a file cannot hold. Use a string, or joblib."
        ) from None
    if name in encoder.vocabularies_:
        vocabulary = encoder.vocabularies_[name]
        entry["bag"] = name in encoder._bags
        for part in ("levels", "infrequent"):
            key = f"columns.{i}.{part}"
            try:
                entry[part], packed = pack_levels(getattr(vocabulary, part))
            except TypeError as error:
                raise ValueError(
                    f"Level {error} of column {name!r}, which a file cannot hold. Turn the "
                    "column into strings or numbers and fit again, or use joblib."
                ) from None
            arrays.update({key + ending: array for ending, array in packed.items()})
        arrays[f"columns.{i}.counts"] = vocabulary.counts.astype(np.int64)
        arrays[f"columns.{i}.table"] = encoder.tables_[name]
    if name in encoder.bins_:
        arrays[f"columns.{i}.edges"] = encoder.bins_[name].edges.astype(np.float64)
        entry["bins"] = True
    return entry


def _cross(encoder, i, name, arrays):
    """Entry of a cross: the places of its columns among the entries of columns."""
    cross = encoder.crosses_[name]
    at = {column: place for place, column in enumerate(encoder._position)}
    arrays[f"crosses.{i}.keys"] = cross.keys.astype(np.int64)
    arrays[f"crosses.{i}.counts"] = cross.counts.astype(np.int64)
    arrays[f"crosses.{i}.table"] = encoder.tables_[name]
    return {"columns": [at[column] for column in cross.names]}


def _names_in(encoder):
    names = getattr(encoder, "feature_names_in_", None)
    return None if names is None else list(map(to_plain, names.tolist()))


def _classes(classes, arrays):
    """Entry of the classes; their array is put to the others."""
    if classes is None:
        return None
    if classes.dtype.name in NUMBERS:
        arrays["classes"] = classes
        return {"kind": "array"}
    if classes.dtype.kind == "U":  # four bytes a character, as in memory
        arrays["classes"] = np.ascontiguousarray(classes)[:, None].view(np.uint32)
        return {"kind": "characters"}
    try:
        entry, packed = pack_levels(classes.tolist())
    except TypeError as error:
        raise ValueError(
            f"Class {error}, which a file cannot hold. Turn the target into strings or numbers "
            "and fit again, or use joblib."
        ) from None
    arrays.update({f"classes{ending}": array for ending, array in packed.items()})
    return entry


def _put_columns(encoder, content, held):
    encoder._is_sparse = content["sparse"] is True
    encoder.vocabularies_, encoder.bins_, encoder.tables_ = {}, {}, {}
    encoder._position, encoder._bags = {}, set()
    for i, entry in enumerate(content["columns"]):
        name = from_plain(entry["name"])
        position = _whole(entry["position"], encoder.n_features_in_ - 1)
        encoder._position[name] = position
        if "levels" in entry:
            levels = held.levels(entry["levels"], f"columns.{i}.levels")
            infrequent = held.levels(entry["infrequent"], f"columns.{i}.infrequent")
            counts = held.take(f"columns.{i}.counts", ("int64",))
            vocabulary = encoder.vocabularies_[name] = Vocabulary(levels, infrequent, counts)
            _require(len(counts) == vocabulary.n_codes, f"{name!r} has not a count per code")
            encoder.tables_[name] = _table(held, f"columns.{i}.table", vocabulary.n_codes)
            if entry["bag"] is True:
                encoder._bags.add(name)
        if "bins" in entry:
            edges = held.take(f"columns.{i}.edges", ("float64",))
            _require((edges[1:] > edges[:-1]).all(), f"the bins of {name!r} do not rise")
            encoder.bins_[name] = Bins(edges)
    # A sparse X is one column, whatever its width.
    n_columns = 1 if encoder._is_sparse else encoder.n_features_in_
    positions = sorted(encoder._position.values())
    _require(len(content["columns"]) == n_columns, "there is not an entry for each column")
    _require(positions == list(range(len(positions))), "columns share a position")
    _require(not encoder.vocabularies_.keys() & encoder.bins_, "levels have bins")
    _require(not encoder._is_sparse or encoder._bags, "a sparse matrix is no bag")


def _put_crosses(encoder, entries, held):
    names = list(encoder._position)
    crossable = encoder.vocabularies_ | encoder.bins_
    encoder.crosses_ = {}
    for i, entry in enumerate(entries):
        columns = tuple(names[_whole(place, len(names) - 1)] for place in entry["columns"])
        name = cross_name(columns)
        _require(1 < len({*columns} - encoder._bags) == len(columns), f"{name!r} is no cross")
        sizes = tuple(crossable[column].n_codes for column in columns)
        keys = held.take(f"crosses.{i}.keys", ("int64",))
        top = np.prod([float(size) for size in sizes])
        rising = len(keys) and keys[0] >= 0 and (keys[1:] > keys[:-1]).all()
        _require(rising and top < 2.0**63 and keys[-1] < top, f"the keys of {name!r} are wrong")
        counts = held.take(f"crosses.{i}.counts", ("int64",))
        cross = encoder.crosses_[name] = Cross(columns, sizes, keys, counts)
        _require(len(counts) == cross.n_codes, f"{name!r} has not a count per code")
        encoder.tables_[name] = _table(held, f"crosses.{i}.table", cross.n_codes)
    crossed = {column for cross in encoder.crosses_.values() for column in cross.names}
    _require(encoder.bins_.keys() <= crossed, "there are bins that nothing crosses")


def _put_layout(encoder, content):
    position = encoder._position
    dims = {name: table.shape[1] for name, table in encoder.tables_.items()}
    dtype = content["dtype"]
    _require(dtype in DTYPES, f"the output is of dtype {dtype!r}")
    free = set(position.values()) - {position[name] for name in encoder.vocabularies_}
    passing = [_whole(place, MOST_COLUMNS) for place in content["passing"]]
    _require(len({*passing} & free) == len(passing), "columns pass twice, or are no columns")
    encoder._layout = Layout(
        {position[name]: (name, dims[name]) for name in encoder.vocabularies_},
        [
            (tuple(position[column] for column in cross.names), name, dims[name])
            for name, cross in encoder.crosses_.items()
        ],
        passing=passing,
        dtype=np.dtype(dtype),
    )


def _put_course(encoder, content, held):
    """Set what tells of the fit, and how the output is given."""
    _require(content["target_type"] in KINDS_OF_TARGET, "the kind of target is unknown")
    encoder.target_type_ = content["target_type"]
    encoder.n_iter_ = _whole(content["n_iter"], MOST_COLUMNS)
    encoder.best_epoch_ = _whole(content["best_epoch"], encoder.n_iter_)
    encoder.history_ = {
        key: held.take(f"history.{key}", ("float64",), length=encoder.n_iter_)
        for key in content["history"]
    }
    encoder.classes_ = _given_classes(content["classes"], held)
    if content["output"]:
        container = content["output"]["transform"]
        _require(container in ("default", "pandas", "polars"), f"the output is {container!r}")
        encoder.set_output(transform=container)


def _given_classes(entry, held):
    if entry is None:
        return None
    if entry["kind"] == "array":
        return held.take("classes", NUMBERS)
    if entry["kind"] == "characters":
        characters = held.take("classes", ("uint32",), n_dims=2)
        return characters.view(f"U{characters.shape[1]}")[:, 0]
    values = held.levels(entry, "classes")
    classes = np.empty(len(values), dtype=object)
    classes[:] = values
    return classes


def _table(held, name, n_codes):
    table = held.take(name, ("float32",), n_dims=2, length=n_codes)
    _require(table.shape[1] > 0, f"{name!r} has no components")
    return table


def _whole(number, most):
    """Whole number from 0 to the given one."""
    _require(type(number) is int and 0 <= number <= most, f"{number!r} is out of place")
    return number


def _require(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)
