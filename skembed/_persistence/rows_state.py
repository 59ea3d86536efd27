"""A `RowEncoder` and the tables of its columns as plain data and arrays; and back."""

import numpy as np

from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins, Context
from skembed._columns.row_encoder import EmbeddedColumn, RowEncoder
from skembed._columns.vocabulary import Vocabulary
from skembed._persistence.json_values import are_exact, from_plain, pack_levels, to_plain
from skembed._persistence.typed_arrays import require, whole

MOST_POSITIONS = 2**31 - 1


def rows_to_data(row_encoder, tables, trained, arrays, objects):
    """Turn what reads rows into data.

    Parameters
    ----------
    row_encoder : RowEncoder
    tables : dict of str to ndarray of float32, shape (n_codes, dim)
    trained : dict of str to ndarray of float32, shape (n_codes, n_trained)
        The tables to read. One that is the table itself is not held twice.
    arrays : dict of str to ndarray
        Arrays are added.
    objects : list or None
        Things that have no form as data are added; None makes them an error.

    Returns
    -------
    dict
    """
    data: dict = {
        "columns": [
            _column_to_data(row_encoder, i, tables, trained, arrays, objects)
            for i in range(len(row_encoder.names))
        ],
        "crosses": [
            _cross_to_data(row_encoder, i, tables, trained, arrays)
            for i in range(len(row_encoder.crosses))
        ],
        "passing": list(map(int, row_encoder.numeric)),
        "sparse": row_encoder.is_sparse,
        "bag_mode": row_encoder.bag_mode,
    }
    if row_encoder.context is not None:
        columns = row_encoder.context.columns
        arrays["context.medians"] = np.array([column[0] for column in columns], dtype=np.float64)
        arrays["context.scales"] = np.array([column[1] for column in columns], dtype=np.float64)
        arrays["context.indicated"] = np.array([column[2] for column in columns], dtype=bool)
        data["context"] = True
    return data


def rows_from_data(data, held):
    """Make a `RowEncoder` and its tables of what `rows_to_data` made.

    Parameters
    ----------
    data : dict
    held : TypedArrays

    Returns
    -------
    row_encoder : RowEncoder
    tables : dict of str to ndarray of float32, shape (n_codes, dim)
    trained : dict of str to ndarray of float32, shape (n_codes, n_trained)
        The tables to read; of files of before, which hold none, the tables themselves.
    """
    is_sparse = data["sparse"] is True
    require(data["bag_mode"] in ("mean", "sum"), f"{data['bag_mode']!r} is no mode of bags")
    names: dict = {}  # by their place among the entries
    position, embedded, bins, tables, trained = {}, [], {}, {}, {}
    for i, entry in enumerate(data["columns"]):
        name = names[i] = _name_from_data(entry["name"], held)
        position[name] = whole(entry["position"], MOST_POSITIONS)
        if "levels" in entry:
            vocabulary = _vocabulary_from_data(entry, i, name, held)
            tables[name], trained[name] = _tables(held, f"columns.{i}", entry, vocabulary.n_codes)
            is_bag = entry["bag"] is True
            embedded.append(EmbeddedColumn(name, position[name], vocabulary, is_bag))
        if "bins" in entry:
            edges = held.take(f"columns.{i}.edges", ("float64",))
            require((edges[1:] > edges[:-1]).all(), f"the bins of {name!r} do not rise")
            bins[name] = Bins(edges)
    require(sorted(position.values()) == list(range(len(names))), "columns share a position")
    vocabularies = {column.name: column.vocabulary for column in embedded}
    require(not vocabularies.keys() & bins, "levels have bins")
    bags = {column.name for column in embedded if column.is_bag}
    require(not is_sparse or bags, "a sparse matrix is no bag")
    crosses = []
    for i, entry in enumerate(data["crosses"]):
        columns = tuple(names[whole(place, len(names) - 1)] for place in entry["columns"])
        crosses.append(_cross_from_data(i, columns, vocabularies | bins, bags, held))
        name = crosses[-1].name
        n_codes = crosses[-1].n_codes
        tables[name], trained[name] = _tables(held, f"crosses.{i}", entry, n_codes)
    crossed = {name for cross in crosses for name in cross.names}
    require(bins.keys() <= crossed, "there are bins that nothing crosses")
    free = set(position.values()) - {column.position for column in embedded}
    numeric = [whole(place, MOST_POSITIONS) for place in data["passing"]]
    require(len({*numeric} & free) == len(numeric), "columns pass twice, or are no columns")
    context = None
    if "context" in data:
        context = _context_from_data(held, len(numeric))
    row_encoder = RowEncoder(
        names=sorted(position, key=position.__getitem__),
        embedded=embedded,
        bins=bins,
        crosses=crosses,
        numeric=numeric,
        context=context,
        bag_mode=data["bag_mode"],
        is_sparse=is_sparse,
    )
    return row_encoder, tables, trained


def levels_to_data(levels, arrays, key, objects):
    """Turn levels into data and arrays under a key; raise TypeError for what has no form."""
    try:
        if objects is not None and not are_exact(levels):
            raise TypeError  # an Enum, say, would come back as its value
        kind, packed = pack_levels(levels)
    except TypeError:
        if objects is None:
            raise
        objects.append(levels)
        return {"kind": "object", "at": len(objects) - 1}
    arrays.update({key + ending: array for ending, array in packed.items()})
    return kind


def _column_to_data(row_encoder, i, tables, trained, arrays, objects):
    """Entry of a column of X; its arrays are added."""
    name = row_encoder.names[i]
    entry = {"name": _name_to_data(name, objects), "position": i}
    vocabulary = row_encoder.vocabularies.get(name)
    if vocabulary is not None:
        entry["bag"] = name in row_encoder.bags
        for part in ("levels", "infrequent"):
            try:
                levels = getattr(vocabulary, part)
                entry[part] = levels_to_data(levels, arrays, f"columns.{i}.{part}", objects)
            except TypeError as error:
                raise ValueError(
                    f"Level {error} of column {name!r}, which a file cannot hold. Turn the "
                    "column into strings or numbers and fit again, or use joblib."
                ) from None
        arrays[f"columns.{i}.counts"] = vocabulary.counts.astype(np.int64)
        entry |= _tables_to_data(f"columns.{i}", tables[name], trained[name], arrays)
    if name in row_encoder.bins:
        arrays[f"columns.{i}.edges"] = row_encoder.bins[name].edges.astype(np.float64)
        entry["bins"] = True
    return entry


def _name_to_data(name, objects):
    try:
        return to_plain(name)
    except TypeError as error:
        if objects is None:
            raise ValueError(
                f"The column name {error}, which a file cannot hold. Use a string, or joblib."
            ) from None
    objects.append(name)
    return {"object": len(objects) - 1}


def _name_from_data(data, held):
    if isinstance(data, dict) and "object" in data:
        return held.object(data["object"])
    return from_plain(data)


def _cross_to_data(row_encoder, i, tables, trained, arrays):
    """Entry of a cross: the places of its columns among the entries of columns."""
    cross = row_encoder.crosses[i]
    arrays[f"crosses.{i}.keys"] = cross.keys.astype(np.int64)
    arrays[f"crosses.{i}.counts"] = cross.counts.astype(np.int64)
    held = _tables_to_data(f"crosses.{i}", tables[cross.name], trained[cross.name], arrays)
    return {"columns": [row_encoder.position[name] for name in cross.names], **held}


def _tables_to_data(key, table, trained, arrays):
    """Part of an entry that says whether there is a table to read beside that of features."""
    arrays[f"{key}.table"] = table
    if trained is table:
        return {}
    arrays[f"{key}.trained"] = trained
    return {"trained": True}


def _vocabulary_from_data(entry, i, name, held):
    """Vocabulary of a column."""
    levels = held.levels(entry["levels"], f"columns.{i}.levels")
    infrequent = held.levels(entry["infrequent"], f"columns.{i}.infrequent")
    counts = held.take(f"columns.{i}.counts", ("int64",))
    vocabulary = Vocabulary(levels, infrequent, counts)
    require(len(counts) == vocabulary.n_codes, f"{name!r} has not a count per code")
    return vocabulary


def _cross_from_data(i, columns, crossable, bags, held):
    require(1 < len({*columns} - bags) == len(columns), f"{columns!r} is no cross")
    sizes = tuple(crossable[column].n_codes for column in columns)
    keys = held.take(f"crosses.{i}.keys", ("int64",))
    top = np.prod([float(size) for size in sizes])
    rising = len(keys) and keys[0] >= 0 and (keys[1:] > keys[:-1]).all()
    require(rising and top < 2.0**63 and keys[-1] < top, f"the keys of {columns!r} are wrong")
    counts = held.take(f"crosses.{i}.counts", ("int64",))
    cross = Cross(columns, sizes, keys, counts)
    require(len(counts) == cross.n_codes, f"{columns!r} has not a count per code")
    return cross


def _context_from_data(held, n_columns):
    medians = held.take("context.medians", ("float64",), length=n_columns)
    scales = held.take("context.scales", ("float64",), length=n_columns)
    indicated = held.take("context.indicated", ("bool",), length=n_columns)
    require((scales > 0).all(), "a scale is not above zero")
    return Context(list(zip(medians.tolist(), scales.tolist(), indicated.tolist(), strict=True)))


def _tables(held, key, entry, n_codes):
    """Table of features and table to read."""
    table = held.take(f"{key}.table", ("float32",), n_dims=2, length=n_codes)
    require(table.shape[1] > 0, f"{key!r} has no components")
    if "trained" not in entry:
        return table, table
    trained = held.take(f"{key}.trained", ("float32",), n_dims=2, length=n_codes)
    require(trained.shape[1] >= table.shape[1], f"{key!r} has fewer components than features")
    return table, trained
