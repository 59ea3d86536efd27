"""`PackedEmbedding`: the vectors of all columns in one weight, by codes, probabilities or bags."""

import math
from itertools import pairwise
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn import functional

from skembed.nn._checks import check_entry, check_integers, check_options, checked_table

CACHED = 2**20  # numbers of a table (4 MB) up to which its rows are near, in any order


class PackedEmbedding(nn.Module):
    """The vectors of all columns in one weight, looked up by codes, probabilities or bags.

    The tables lie one after the other in a flat weight, those of equal vector length side by
    side: a lookup costs one gather per length that occurs, however many columns there are, and
    nothing is padded.

    Parameters
    ----------
    sizes : list of int
        Codes per column.

    dims : int or list of int
        Vector length, of all columns or per column.

    names : list of str, default=None
        What errors and `nearest` call the columns; None takes their positions.

    hard : {None, "straight-through"}, default=None
        What probability rows give: None their mean vector, the product of probabilities and
        table. "straight-through" gives the vector of the most probable code, and the gradient
        reaches the probabilities as if it were the mean.

    top_k : int, default=None
        Codes of a probability row that take part in the product while the module trains: the
        most probable ones, and ``n_negatives`` others. For large vocabularies: a row costs
        ``top_k + n_negatives`` vectors, not all of the column. None takes all, as does `eval`.

    n_negatives : int, default=0
        Codes drawn from outside the ``top_k``, uniformly and with replacement. Of two or more,
        output and gradient are right in the mean over draws: with C codes, a draw of probability
        p gets the weight ``rest / m + (C - k) * (p - p_mean) / (m - 1)``, where ``rest`` is the
        probability outside the ``top_k`` and ``p_mean`` the mean of the m draws. All weights of a
        row sum to one. With 0, the ``top_k`` are scaled to sum to one.

    Attributes
    ----------
    weight : Parameter of shape (sum of sizes * dims,)
        Starts from the standard normal distribution, as in :class:`torch.nn.Embedding`.
        ``requires_grad_(False)`` freezes it.

    References
    ----------
    Straight-through gradient: Bengio, Léonard and Courville (2013), "Estimating or propagating
    gradients through stochastic neurons for conditional computation", arXiv:1308.3432.

    Examples
    --------
    >>> import torch
    >>> from skembed.nn import PackedEmbedding
    >>> city, kind = [[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]], [[5.0], [7.0]]
    >>> embedding = PackedEmbedding.from_pretrained([city, kind])
    >>> embedding(torch.tensor([[2, 0], [1, 1]]))
    tensor([[3., 4., 5.],
            [1., 2., 7.]])

    A city of which only probabilities are known, and a kind that is known:

    >>> probabilities = torch.tensor([[0.0, 0.5, 0.5]], requires_grad=True)
    >>> embedding([probabilities, torch.tensor([1])])
    tensor([[2., 3., 7.]], grad_fn=<CatBackward0>)
    """

    __module__ = "skembed.nn"

    def __init__(self, sizes, dims, *, names=None, hard=None, top_k=None, n_negatives=0):
        super().__init__()
        dims = [dims] * len(sizes) if isinstance(dims, Integral) else list(dims)
        names = list(range(len(sizes))) if names is None else list(names)
        check_options(sizes, dims, names, hard, top_k, n_negatives)
        self.sizes, self.dims, self.names = list(sizes), dims, names
        self.hard, self.top_k, self.n_negatives = hard, top_k, n_negatives
        self._groups = [
            (dim, [column for column, its in enumerate(dims) if its == dim])
            for dim in sorted(set(dims))
        ]
        start = [0] * len(sizes)  # row of each column in the table of its group
        for _, columns in self._groups:
            for before, column in pairwise(columns):
                start[column] = start[before] + self.sizes[before]
        self.register_buffer("_start", torch.tensor(start), persistent=False)
        self.register_buffer("_sizes", torch.tensor(self.sizes), persistent=False)
        lengths = [size * dim for size, dim in zip(sizes, dims, strict=True)]
        self.weight = nn.Parameter(torch.randn(sum(lengths)))

    @classmethod
    def from_pretrained(cls, tables, freeze=True, **options):
        """Make the module from vectors that are there.

        Parameters
        ----------
        tables : list of array-like, each of shape (n_codes, dim)
            The vectors of each column, such as the values of ``tables_`` of an encoder.

        freeze : bool, default=True
            Whether the vectors stay as they are in training.

        **options : dict
            The parameters beside ``sizes`` and ``dims``.

        Returns
        -------
        PackedEmbedding
        """
        names = dict(enumerate(options.get("names") or ()))
        tables = [checked_table(names.get(i, i), table) for i, table in enumerate(tables)]
        with torch.random.fork_rng(devices=[]):  # no draw is used
            made = cls([len(table) for table in tables], [t.shape[1] for t in tables], **options)
        packed = [tables[column].flatten() for _, columns in made._groups for column in columns]
        made.weight = nn.Parameter(torch.cat(packed), requires_grad=not freeze)
        return made

    def forward(self, codes):
        """Look up the vectors of each row.

        Parameters
        ----------
        codes : Tensor of int of shape (n_rows, n_columns), or list of Tensor
            A list has one entry per column: codes (n_rows,); or one-hot or probability rows
            (n_rows, n_codes); or bags, a sparse CSR tensor (n_rows, n_codes) of the members'
            weights, whose vectors are summed by weight.

        Returns
        -------
        Tensor of shape (n_rows, sum(dims))
            Side by side, in the order of the columns.
        """
        if isinstance(codes, Tensor):
            return self._lookup(self._check_codes(codes))
        self._check_entries(codes)
        if all(entry.ndim == 1 for entry in codes):
            return self._lookup(torch.stack(list(codes), dim=1))
        return torch.cat(list(map(self._vectors, self.tables(), codes)), dim=1)

    def tables(self):
        """Get the vectors of each column.

        Returns
        -------
        list of Tensor, each of shape (n_codes, dim)
            Views of ``weight``.
        """
        tables: dict[int, Tensor] = {}
        for (_, columns), stacked in zip(self._groups, self._stacked(), strict=True):
            tables |= zip(columns, stacked.split([self.sizes[c] for c in columns]), strict=True)
        return [tables[column] for column in range(len(self.sizes))]

    def nearest(self, column, query, k=5):
        """Find the codes whose vectors are nearest to a vector, or to that of a code.

        Parameters
        ----------
        column : int or str
            Its name, or its position if there are no names.

        query : int or array-like of shape (dim,)
            A code, which is not among the results itself, or a vector.

        k : int, default=5
            Number of codes.

        Returns
        -------
        codes : Tensor of int64, shape (k,)
            The nearest first.
        distances : Tensor of shape (k,)
            Euclidean.
        """
        if column not in self.names:
            raise ValueError(f"There is no column {column!r}. The columns are {self.names}.")
        position = self.names.index(column)
        table = self.tables()[position].detach()
        is_code = isinstance(query, Integral)
        most = len(table) - is_code
        if not 1 <= k <= most:
            raise ValueError(f"k must be between 1 and {most} for column {column!r}, got {k}.")
        if is_code:
            self.check(position, torch.tensor([query]))
        vector = table[query] if is_code else torch.as_tensor(query).to(table)
        if vector.shape != table.shape[1:]:
            raise ValueError(
                f"The vectors of column {column!r} have length {table.shape[1]}, but query has "
                f"the shape {tuple(vector.shape)}. Give one vector of this length, or a code."
            )
        distances = torch.linalg.vector_norm(table - vector, dim=1)
        if is_code:
            distances[query] = math.inf
        found = distances.topk(k, largest=False)
        return found.indices, found.values

    def check(self, column, entry):
        """Raise unless ``entry`` is what `forward` takes for a column.

        Parameters
        ----------
        column : int
            Its position.

        entry : Tensor
            Codes, probability rows or bags.
        """
        check_entry(self.names[column], self.sizes[column], entry)

    def extra_repr(self):
        """Say what there is, for `repr`.

        Returns
        -------
        str
            Columns, codes and components.
        """
        return f"{len(self.sizes)} columns, {sum(self.sizes)} codes, {sum(self.dims)} components"

    def _stacked(self):
        """The tables of each group as one Tensor (sum of sizes, dim)."""
        lengths = [dim * sum(self.sizes[c] for c in columns) for dim, columns in self._groups]
        parts = self.weight.split(lengths)
        return [part.view(-1, dim) for part, (dim, _) in zip(parts, self._groups, strict=True)]

    def _lookup(self, codes):
        """Vectors (n_rows, sum(dims)) of codes (n_rows, n_columns)."""
        rows = codes + self._start
        vectors: dict[int, Tensor] = {}
        for (dim, columns), table in zip(self._groups, self._stacked(), strict=True):
            of_group = rows if len(self._groups) == 1 else rows[:, columns]
            # Column by column where the tables together outgrow the cache. index_select, since
            # its backward is faster on a CPU than that of functional.embedding.
            if table.numel() > CACHED:
                found = table.index_select(0, of_group.t().flatten())
                found = found.view(len(columns), len(codes), dim).transpose(0, 1)
            else:
                found = table.index_select(0, of_group.flatten()).view(*of_group.shape, dim)
            if len(self._groups) == 1:
                return found.flatten(1)
            vectors |= zip(columns, found.unbind(1), strict=True)
        return torch.cat([vectors[column] for column in range(len(self.sizes))], dim=1)

    def _vectors(self, table, entry):
        """Vectors (n_rows, dim) of an entry of one column."""
        if entry.layout == torch.sparse_csr:
            return functional.embedding_bag(
                entry.col_indices(),
                table,
                entry.crow_indices(),
                mode="sum",
                per_sample_weights=entry.values().to(table.dtype),
                include_last_offset=True,
            )
        if entry.ndim == 1:
            return table.index_select(0, entry.long())
        rows = entry.to(table.dtype)
        if self.hard is None:
            return self._mean(table, rows)
        soft = self._mean(table.detach(), rows)
        return table.index_select(0, rows.argmax(dim=1)) + (soft - soft.detach())

    def _mean(self, table, rows):
        """Mean vectors (n_rows, dim) by probability rows (n_rows, n_codes)."""
        k, m = self.top_k, self.n_negatives
        if k is None or not self.training or k + m >= len(table):
            return rows @ table
        weights, codes = rows.topk(k, dim=1)
        if m == 0:
            weights = weights / weights.sum(dim=1, keepdim=True)
        else:
            # The u-th code outside the top k is u plus the number of top codes before it.
            gaps = codes.sort(dim=1).values - torch.arange(k, device=codes.device)
            drawn = torch.randint(len(table) - k, (len(rows), m), device=codes.device)
            others = drawn + torch.searchsorted(gaps, drawn, right=True)
            p = rows.gather(1, others)
            rest = 1 - weights.sum(dim=1, keepdim=True)
            scale = (len(table) - k) / max(m - 1, 1)
            shares = rest / m + scale * (p - p.mean(dim=1, keepdim=True))
            weights, codes = torch.cat([weights, shares], 1), torch.cat([codes, others], 1)
        return functional.embedding_bag(codes, table, mode="sum", per_sample_weights=weights)

    def _check_codes(self, codes):
        """Raise unless codes are (n_rows, n_columns) and in range; return them."""
        if codes.ndim != 2 or codes.shape[1] != len(self.sizes):
            raise ValueError(
                f"codes must have the shape (n_rows, {len(self.sizes)}), a code per column, got "
                f"{tuple(codes.shape)}. For probability rows, give a list with an entry per column."
            )
        check_integers("codes", codes)
        if len(codes):
            low, high = codes.aminmax(dim=0)
            for column in ((low < 0) | (high >= self._sizes)).nonzero().flatten().tolist():
                self.check(column, codes[:, column])
        return codes

    def _check_entries(self, entries):
        """Raise unless there is a good entry per column, all of as many rows."""
        if len(entries) != len(self.sizes):
            raise ValueError(
                f"There are {len(self.sizes)} columns, {self.names}, but {len(entries)} entries. "
                "Give one per column, in this order."
            )
        for column, entry in enumerate(entries):
            self.check(column, entry)
        lengths = {name: len(entry) for name, entry in zip(self.names, entries, strict=True)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All entries must have as many rows, got {lengths} by column.")
