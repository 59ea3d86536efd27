"""The columns of X as inputs of an ONNX graph: their codes and their numbers."""

import numpy as np

from skembed._columns.vocabulary import MISSING, RESERVED, kinds


class Inputs:
    """Codes and numbers of a fitted estimator's columns, as values of a graph.

    A column becomes an input of the graph when it is first asked for.

    Parameters
    ----------
    graph : Graph
    estimator : BaseNeuralEmbedding
        Fitted.
    columns : Columns
        Some rows; they say of which type each input is.
    missing : str
        The string that replaces a missing one.
    """

    def __init__(self, graph, estimator, columns, missing):
        self._graph, self._estimator, self._columns = graph, estimator, columns
        self._missing = missing
        self._inputs: dict = {}
        self._codes: dict = {}

    def vectors(self, name):
        """Vectors (n, dim) of an embedded column or a cross, float32."""
        table = self._estimator.tables_[name]
        codes = self._graph.add("Squeeze", self._of_any(name), np.array([1]))
        return self._graph.add("Gather", table, codes)

    def numbers(self, j, kind="float64"):
        """Numbers (n, 1) of a column that is not embedded, missing as NaN."""
        self._columns.numbers(j)  # which raises where they are none
        return self._graph.cast(self._input(j, "numbers")[0], kind)

    def _input(self, j, kind):
        """Name and type of the input that is column ``j``."""
        if j not in self._inputs:
            if not str(self._columns.names[j]):
                raise ValueError(
                    f"Column {j} of X has the name '', but an input of an ONNX graph needs a name: "
                    "rename the column before fit."
                )
            tensor = "string" if kind == "strings" else _number_type(self._columns, j)
            self._inputs[j] = self._graph.input(str(self._columns.names[j]), tensor), tensor
        return self._inputs[j]

    def _of_any(self, name):
        """Codes (n, 1) of an embedded column, of a cross or of a number in bins."""
        if name not in self._codes:
            estimator = self._estimator
            if name in estimator.vocabularies_:
                codes = self._of_levels(name, estimator.vocabularies_[name])
            elif name in estimator.crosses_:
                codes = self._of_cross(estimator.crosses_[name])
            else:
                codes = self._of_bins(name, estimator.bins_[name])
            self._codes[name] = codes
        return self._codes[name]

    def _of_levels(self, name, vocabulary):
        graph, j = self._graph, self._estimator.row_encoder_.position[name]
        levels = [*vocabulary.levels, *vocabulary.infrequent]
        kind = _one_kind(name, [*levels, *self._columns.levels(j).values])
        codes = dict(zip(levels, vocabulary.codes_of(levels).tolist(), strict=True))
        value, tensor = self._input(j, kind)
        if tensor == "string":
            if self._missing in codes:
                raise ValueError(
                    f"Column {name!r} has a level {self._missing!r}, which replaces missing "
                    "strings: give another string as missing."
                )
            return graph.look_up(value, codes | {self._missing: MISSING})
        if tensor in ("bool", "int64"):
            if tensor == "bool":
                value = graph.cast(value, "int64")
            # Levels that are no such numbers cannot occur.
            return graph.look_up(
                value, {int(level): codes[level] for level in levels if _is_int64(level)}
            )
        value = graph.cast(value, "float64")
        codes = graph.look_up(
            value, {float(level): codes[level] for level in levels if float(level) == level}
        )
        return graph.add("Where", graph.add("IsNaN", value), np.array(MISSING), codes)

    def _of_cross(self, cross):
        graph = self._graph
        # The key of a combination with an unseen level, which has code 0, is no known key.
        first, *others = map(self._of_any, cross.names)
        keys = first
        for size, codes in zip(cross.sizes[1:], others, strict=True):
            keys = graph.add("Add", graph.add("Mul", keys, np.array(size)), codes)
        known = cross.keys.tolist()
        return graph.look_up(keys, {key: i for i, key in enumerate(known, start=len(RESERVED))})

    def _of_bins(self, name, bins):
        graph, numbers = self._graph, self.numbers(self._estimator.row_encoder_.position[name])
        beyond = graph.add("Less", np.asarray(bins.edges, dtype=np.float64), numbers)
        beyond = graph.add("ReduceSum", graph.cast(beyond, "int64"), np.array([1]), keepdims=1)
        codes = graph.add("Add", beyond, np.array(len(RESERVED)))
        return graph.add("Where", graph.add("IsNaN", numbers), np.array(MISSING), codes)


def _number_type(columns, j):
    """Type of the input of a column of numbers or booleans: one that holds what X holds."""
    rows, values = columns.levels(j)
    types = set(map(type, values))
    if types <= {bool, int} and len(types) == 1 and (rows >= 0).all():
        return "bool" if types == {bool} else "int64"
    return "float32" if columns.number_dtype(j) == np.float32 else "float64"


def _is_int64(level):
    return -(2**63) <= level < 2**63 and int(level) == level


def _one_kind(name, levels):
    """Kind of the levels of a column, of which ONNX holds one in a tensor."""
    found = sorted(kinds(levels))
    advice = "Turn the column into strings before fit."
    if len(found) > 1:
        raise ValueError(
            f"Column {name!r} holds {' and '.join(found)}, in fit and here together. An ONNX "
            f"tensor holds values of one kind. {advice}"
        )
    if not {"strings", "numbers", "booleans"}.issuperset(found):
        raise ValueError(
            f"Column {name!r} holds levels of type {found[0]}, for which ONNX has no tensors. "
            f"{advice}"
        )
    if found == ["numbers"]:
        beyond = [level for level in levels if isinstance(level, int) and not _is_int64(level)]
        if beyond:
            raise ValueError(
                f"Column {name!r} holds {beyond[0]}, but ONNX tensors hold integers of 64 bits "
                f"with a sign. {advice}"
            )
    return found[0] if found else "strings"
