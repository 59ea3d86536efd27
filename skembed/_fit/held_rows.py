"""Training rows held in memory: what `spilled_rows` is for rows on disk."""

from typing import NamedTuple

from scipy.sparse import issparse

from skembed._columns.crosses import Cross
from skembed._fit.learned import Problem
from skembed._training.rows import Block, Blocks, normalise


class HeldRows(NamedTuple):
    """All training rows, held in memory.

    Attributes
    ----------
    codes : dict of str to ndarray of shape (n_rows,) or csr_array of shape (n_rows, n_codes)
        By embedded column; a matrix of weights for a bag.
    binned : dict of str to ndarray of shape (n_rows,)
        Codes of the numeric columns that may be crossed.
    problem : Problem
    """

    codes: dict
    binned: dict
    problem: Problem

    @property
    def crossable(self):
        """Codes of all columns that can be crossed."""
        single = {name: codes for name, codes in self.codes.items() if not issparse(codes)}
        return single | self.binned

    def fit_crosses(self, chosen, crossable):
        """Crosses of these tuples of columns, with the combinations that occur."""
        used = self.problem.weight > 0
        return [Cross.fit(names, crossable, self.crossable, used) for names in chosen]

    def of_first(self, value):
        """The value on the first of the processes, here the only one."""
        return value

    def blocks(self, crosses):
        """Blocks to train on: a single one, of all rows."""
        problem, crossable = self.problem, self.crossable
        codes = [*self.codes.values(), *(cross.encode(crossable) for cross in crosses)]
        weight = normalise(problem.weight)
        values = problem.target.values
        return Blocks([Block(codes, problem.inputs, values, weight, problem.fold)])
