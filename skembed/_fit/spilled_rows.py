"""Training rows on disk: dealt at random into files, of which one at a time is read."""

import math
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skembed._columns.crosses import Cross
from skembed._columns.numeric import Context
from skembed._model.target import Target
from skembed._training.rows import Block

BLOCK_ROWS = 500_000  # in memory at a time


class Files:
    """Rows in files of a folder, each a random sample of all; a single file keeps their order.

    Parameters
    ----------
    folder : str
    types : dict of str to dtype
        Of the columns by name, none of them a Python object.
    n_rows : int
        How many will come.
    random_state : int
        Deals them.

    Attributes
    ----------
    names : list of str
        Of the columns.
    sample : int
        Number of the file that is looked at where a sample will do.
    """

    def __init__(self, folder, types, n_rows, random_state):
        self.folder, self.names = Path(folder), list(types)
        # By position: numpy gives a field without a name another one.
        self._field = {name: f"column {j}" for j, name in enumerate(types)}
        self.dtype = np.dtype([(self._field[name], of) for name, of in types.items()])
        self.n_rows, self.n_files = n_rows, math.ceil(n_rows / BLOCK_ROWS)
        self.sample = 0
        self._deal = _dealer(self.n_files, random_state)
        self._random_state = random_state

    def __len__(self):
        return self.n_files

    def add(self, columns):
        """Deal the rows that come next, an array (n_rows,) for each column by its name."""
        rows = np.empty(len(columns[self.names[0]]), dtype=self.dtype)
        for name, field in self._field.items():
            rows[field] = columns[name]
        file = self._deal(len(rows))
        ends = np.bincount(file, minlength=self.n_files).cumsum()
        parts = np.split(rows[np.argsort(file, kind="stable")], ends[:-1])
        for i, part in enumerate(parts):
            self._write(i, part, "ab")

    def __getitem__(self, i):
        """Columns of the rows of a file by name, an array (n_rows,) each."""
        rows = np.fromfile(self._path(i), self.dtype)
        return {name: np.ascontiguousarray(rows[field]) for name, field in self._field.items()}

    def renumber(self, positions):
        """Replace positions of values by others.

        Parameters
        ----------
        positions : dict of str to ndarray of int32, shape (n_values + 1,)
            By column: the new ones at the old; last, that of -1.
        """
        for i in range(self.n_files):
            rows = np.fromfile(self._path(i), self.dtype)
            for name, of_values in positions.items():
                field = self._field[name]
                rows[field] = of_values[rows[field]]
            self._write(i, rows)

    def draw(self, n_together):
        """Draw as many rows of the first file as a sample of those of all ranks has from here.

        Parameters
        ----------
        n_together : int
            Rows of all ranks.

        Returns
        -------
        rows : ndarray of the dtype, shape (n_drawn,)
        drawn : ndarray of int64, shape (n_drawn,)
            Their numbers in the file, rising.
        """
        if not self.n_files:
            return np.empty(0, self.dtype), np.empty(0, dtype=np.int64)
        rows = np.fromfile(self._path(0), self.dtype)
        n_drawn = math.ceil(self.n_rows * min(1.0, BLOCK_ROWS / n_together))
        shuffled = np.random.default_rng(self._random_state).permutation(len(rows))
        drawn = np.sort(shuffled[:n_drawn])
        return rows[drawn], drawn

    def look_at(self, rows):
        """Make rows that may be of other ranks the sample: one file more, not trained on."""
        self._write(self.n_files, rows)
        self.sample = self.n_files

    def put_back(self, parts):
        """Undo the dealing of a number that each row has.

        Parameters
        ----------
        parts : list of ndarray of int, each of shape (n_rows,)
            By file.

        Returns
        -------
        callable
            Gives the next rows, as many as it is asked for, in the order in which they were added.
        """
        deal = _dealer(self.n_files, self._random_state)
        given = np.zeros(self.n_files, dtype=np.int64)

        def next_rows(n_rows):
            file = deal(n_rows)
            together = np.empty(n_rows, dtype=np.int64)
            for i in range(self.n_files):
                rows = np.flatnonzero(file == i)
                together[rows] = parts[i][given[i] : given[i] + len(rows)]
                given[i] += len(rows)
            return together

        return next_rows

    def _write(self, i, rows, mode="wb"):
        try:
            with self._path(i).open(mode) as opened:
                opened.write(rows.tobytes())  # tofile gives no reason when it fails
        except OSError as error:
            needed = self.n_rows * self.dtype.itemsize
            raise OSError(
                error.errno,
                f"{error.strerror}. The {self.n_rows} rows take {needed:,} bytes of temporary "
                "files: make room, or name another folder by the environment variable TMPDIR",
                str(self.folder),
            ) from error

    def _path(self, i):
        return self.folder / str(i)


def _dealer(n_files, random_state):
    """Draw the files of the next rows; the same ones however they come in."""
    rng = np.random.default_rng([random_state, n_files])
    return lambda n_rows: rng.integers(n_files, size=n_rows)


class Recipe(NamedTuple):
    """How the fields of stored rows become what training takes.

    Attributes
    ----------
    codes_by_position : dict of str to ndarray of intp, shape (n_values + 1,)
        By embedded column, whose field holds the position of a value. The last entry is the code
        of missing, whose position is -1.
    numbers : list of str
        The numeric columns that the net sees.
    bins : dict of str to Bins
        Of those that may be crossed.
    context : Context
    target : Target
    target_name : str
    values_by_position : ndarray of shape (n_classes, ...) or None
        ``values`` of the target for each class, whose position the field holds; None of
        quantities, which the field holds themselves.
    weight_name : str or None
    mean_weight : float
        Of all rows with weight.
    """

    codes_by_position: dict
    numbers: list
    bins: dict
    context: Context
    target: Target
    target_name: str
    values_by_position: np.ndarray | None
    weight_name: str | None
    mean_weight: float

    def codes(self, rows):
        """Codes (n_rows,) by embedded column."""
        return {name: codes[rows[name]] for name, codes in self.codes_by_position.items()}

    def binned(self, rows):
        """Codes (n_rows,) by numeric column that may be crossed."""
        return {name: bins.encode(rows[name]) for name, bins in self.bins.items()}

    def inputs(self, rows):
        """Inputs of the net, float32 (n_rows, n_inputs)."""
        numbers = [rows[name] for name in self.numbers]
        return self.context.matrix(numbers, len(rows[self.target_name]))

    def values(self, rows):
        """Values of the target, as `skembed._model.target.Target` has them."""
        given = rows[self.target_name]
        if self.values_by_position is None:
            return self.target.encode(given)
        return self.values_by_position[given]

    def weight(self, rows):
        """Weights (n_rows,)."""
        return stored_weight(rows, self.target_name, self.weight_name)


def stored_weight(rows, target_name, weight_name):
    """Weights (n_rows,) of stored rows; 1 if they have none."""
    return np.ones(len(rows[target_name])) if weight_name is None else rows[weight_name]


class Folds(NamedTuple):
    """In which folds the rows are, and how many count.

    Attributes
    ----------
    by_file : list of ndarray of int, each of shape (n_rows,)
        The last may be that of a sample.
    n_folds : int
    n_used, n_own : int
        Rows with weight: of all ranks, and of this one.
    mean_weight : float
        Of those of all ranks.
    """

    by_file: list
    n_folds: int
    n_used: int
    n_own: int
    mean_weight: float


class StoredRows:
    """All training rows, stored in files; what `HeldRows` is for rows in memory.

    Parameters
    ----------
    files : Files
    recipe : Recipe
    folds : Folds
    problem : Problem
        That of the rows of the sample; see `skembed._fit.learned`.
    ranks : Alone or Ranks
        See `skembed._training.process_group`.
    small : bool
        Whether crosses of many combinations are left out.

    Attributes
    ----------
    codes, binned : dict of str to ndarray of shape (n_rows,)
        Of the rows of the sample.
    """

    def __init__(self, files, recipe, folds, problem, ranks, *, small):
        self.files, self.recipe, self.folds = files, recipe, folds
        self.problem, self.ranks, self.small = problem, ranks, small
        sample = files[files.sample]
        self.codes, self.binned = recipe.codes(sample), recipe.binned(sample)

    @property
    def crossable(self):
        """Codes of all columns that can be crossed, of the rows of the sample."""
        return self.codes | self.binned

    def of_first(self, value):
        """The value on the first of the processes."""
        return self.ranks.of_first(value)

    def fit_crosses(self, chosen, crossable):
        """Crosses of these tuples of columns, with the combinations that occur in any file.

        All ranks take those that were chosen on the first.

        If they are to be small, without those of more combinations than a file has rows: they are
        mostly of one row each, and their tables would take more memory than the rows.
        """
        most = BLOCK_ROWS if self.small else math.inf
        chosen = self.ranks.of_first(chosen)
        crosses: dict = dict.fromkeys(chosen)
        for i in range(len(self.files) if chosen else 0):
            rows = self.files[i]
            codes = self.recipe.codes(rows) | self.recipe.binned(rows)
            used = self.recipe.weight(rows) > 0
            for names, before in list(crosses.items()):
                found = Cross.fit(names, crossable, codes, used)
                crosses[names] = before.merged(found) if before else found
                if len(crosses[names].keys) > most:
                    del crosses[names]
        return self._merged(chosen, self.ranks.gather(crosses), most)

    def _merged(self, chosen, of_ranks, most):
        """Crosses of all ranks: those that are on none too large, and not together."""
        crosses = []
        for names in chosen:
            if all(names in crosses_of for crosses_of in of_ranks):
                found = (crosses_of[names] for crosses_of in of_ranks)
                merged = reduce(Cross.merged, (cross for cross in found if cross))
                if len(merged.keys) <= most:
                    crosses.append(merged)
        return crosses

    def blocks(self, crosses):
        """Blocks to train on, one for each file."""
        return StoredBlocks(self, crosses)


class StoredBlocks:
    """The rows of a rank, as `Blocks`, of which each is read when it is asked for.

    Parameters
    ----------
    stored : StoredRows
    crosses : list of Cross
    """

    def __init__(self, stored, crosses):
        self.stored, self.crosses = stored, crosses
        self.ranks, folds = stored.ranks, stored.folds
        self.n_used, self.n_own, self.n_folds = folds.n_used, folds.n_own, folds.n_folds

    def __len__(self):
        return len(self.stored.files)

    @property
    def sample(self):
        """Read the rows that are looked at."""
        return self[self.stored.files.sample]

    def __getitem__(self, i):
        """Read a block."""
        recipe, rows = self.stored.recipe, self.stored.files[i]
        codes = recipe.codes(rows)
        crossable = codes | recipe.binned(rows) if self.crosses else codes
        return Block(
            [*codes.values(), *(cross.encode(crossable) for cross in self.crosses)],
            recipe.inputs(rows),
            recipe.values(rows),
            (recipe.weight(rows) / recipe.mean_weight).astype(np.float32),
            self.stored.folds.by_file[i].astype(np.int64),
        )
