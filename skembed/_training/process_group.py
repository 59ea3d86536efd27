"""The processes that train one encoder together; the only user of torch.distributed.

Each process (rank) has its share of the rows, and all of the tables and of the decoder. After each
step all processes move by the same gradients, so all stay equal. For a process alone, each call
below returns what it was given.
"""

import math
from contextlib import contextmanager, nullcontext
from itertools import chain, repeat

import torch
from torch import distributed

from skembed._training.fold_tables import TableGradients
from skembed._training.packs import Cells

SMALL_TABLE = 8192  # rows; of larger tables, only the rows that a step touches are exchanged


class Alone:
    """A single process."""

    rank, size = 0, 1

    def gather(self, value):
        """List of the values of all ranks."""
        return [value]

    def of_first(self, value):
        """Value of rank 0."""
        return value

    def all_or_none(self, doing):
        """Context in which an error of one rank becomes an error of all.

        Parameters
        ----------
        doing : str
            What the ranks do, for the message.
        """
        return nullcontext()

    def draw_apart(self, generator, seed):
        """Let each rank draw its own numbers from here on.

        Until then all ranks draw the same, so that they start equal.
        """

    def share_batch(self, batch_size, blocks):
        """Rows of a batch that come from this rank."""
        return batch_size

    def keep_in_step(self, batches, rows):
        """Iterate over batches, as many on each rank.

        Parameters
        ----------
        batches : iterator of Rows
        rows : Rows
            A rank that has no more batches takes one of these rows, at weight 0.

        Yields
        ------
        batch : Rows
        n_together : int
            Rows in the batches of all ranks.
        """
        for batch in batches:
            yield batch, len(batch.fold)

    def add_up(self, of_decoder, of_tables):
        """Add up the gradients of a step over the ranks.

        Parameters
        ----------
        of_decoder : Tensor
            Added up in place.
        of_tables : TableGradients

        Returns
        -------
        TableGradients
            The same on each rank, to the bit.
        """
        return of_tables


class Ranks(Alone):
    """The processes of torch's default group, seen from one of them."""

    def __init__(self):
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        # NCCL exchanges tensors on a GPU alone, also counts.
        self._device = "cuda" if distributed.get_backend() == "nccl" else "cpu"

    def gather(self, value):
        """List of the values of all ranks; any that can be pickled."""
        values = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def of_first(self, value):
        """Value of rank 0; any that can be pickled."""
        held = [value]
        distributed.broadcast_object_list(held, src=0)
        # Gloo's thread frees the tensors of the broadcast now. If the thread waits for the
        # interpreter while the interpreter waits for the thread, in destroy_process_group, both
        # hang. A barrier has no tensors.
        distributed.barrier()
        return held[0]

    @contextmanager
    def all_or_none(self, doing):
        """Context in which an error of one rank becomes an error of all."""
        error = None
        try:
            yield
        except Exception as raised:
            error = raised
        texts = self.gather(error and f"{type(error).__name__}: {error}")
        if error:
            raise error
        for rank, text in enumerate(texts):
            if text:
                raise RuntimeError(f"Rank {rank} failed {doing}, and all stop. {text}")

    def draw_apart(self, generator, seed):
        """Let each rank draw its own numbers; the first goes on with those of all."""
        if self.rank:
            generator.manual_seed(seed + self.rank)

    def share_batch(self, batch_size, blocks):
        """Rows of a batch that come from this rank: its share of all rows, and at least one."""
        return max(1, math.ceil(batch_size * blocks.n_own / blocks.n_used))

    def keep_in_step(self, batches, rows):
        """Iterate over batches, as many on each rank."""
        idle = rows.take(torch.zeros(1, dtype=torch.int64, device=rows.fold.device))
        idle = idle._replace(weight=torch.zeros_like(idle.weight))
        batches = chain(batches, repeat(idle))
        following, count, on_its_way = self._next(batches, idle)
        while True:
            batch, n_together = following, count
            on_its_way.wait()
            if not n_together:
                return
            # The next count travels while the caller trains on this batch.
            following, count, on_its_way = self._next(batches, idle)
            yield batch, int(n_together)

    def _next(self, batches, idle):
        """Next batch, and the number of rows of all ranks once it has arrived."""
        batch = next(batches)
        count = torch.tensor(0 if batch is idle else len(batch.fold), device=self._device)
        return batch, count, distributed.all_reduce(count, async_op=True)

    def add_up(self, of_decoder, of_tables):
        """Add up the gradients of a step over the ranks; small tables whole."""
        is_small = [cells.n_rows <= SMALL_TABLE for cells in of_tables.cells]
        each = list(zip(of_tables.cells, is_small, strict=True))
        sums = [_sum_by_row(cells) for cells, small in each if small]
        self._add_up_in_place([of_decoder, of_tables.prior, *sums])
        added = iter(sums)
        cells = [
            _make_cells(next(added)) if small else self._join_touched(cells)
            for cells, small in each
        ]
        return TableGradients(of_tables.prior, cells)

    def _add_up_in_place(self, tensors):
        """Add up tensors over the ranks, all in one exchange."""
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, part in zip(tensors, flat.split(sizes), strict=True):
            tensor.copy_(part.view_as(tensor))

    def _join_touched(self, cells):
        """Cells of all ranks, with one sum for each row that a rank touches."""
        touched, at = cells.rows.unique(return_inverse=True)
        sums = cells.gradient.new_zeros(len(touched), cells.gradient.shape[1])
        sums.index_add_(0, at, cells.gradient)
        lengths = [int(length) for length in self._exchange(touched.new_tensor(len(touched)))]
        return Cells(self._join(touched, lengths), self._join(sums, lengths), cells.n_rows)

    def _join(self, part, lengths):
        """Join the parts of all ranks along the first axis."""
        padded = part.new_zeros(max(lengths), *part.shape[1:])
        padded[: len(part)] = part
        parts = zip(self._exchange(padded), lengths, strict=True)
        return torch.cat([of_rank[:length] for of_rank, length in parts])

    def _exchange(self, tensor):
        """List of the tensors of all ranks, which have one shape."""
        tensors = [torch.empty_like(tensor) for _ in range(self.size)]
        distributed.all_gather(tensors, tensor)
        return tensors


def _sum_by_row(cells):
    """Gradient (n_rows, n_numbers) of a whole pack."""
    sums = cells.gradient.new_zeros(cells.n_rows, cells.gradient.shape[1])
    return sums.index_add_(0, cells.rows, cells.gradient)


def _make_cells(gradient):
    """One cell for each row of a pack."""
    n_rows = len(gradient)
    return Cells(torch.arange(n_rows, device=gradient.device), gradient, n_rows)


ALONE = Alone()


def join_ranks(*, is_distributed, device):
    """Join the processes of torch's default group, or stay alone.

    Parameters
    ----------
    is_distributed : bool
        Whether to join.
    device : str
        The parameter of this name.

    Returns
    -------
    Alone or Ranks

    Raises
    ------
    RuntimeError
        If there is no process group.
    ValueError
        If the backend of the group does not exchange tensors of the device.
    """
    if not is_distributed:
        return ALONE
    if not (distributed.is_available() and distributed.is_initialized()):
        raise RuntimeError(
            "distributed=True, but this process is in no process group: start the script by "
            "torchrun, and call torch.distributed.init_process_group('gloo') before the fit."
        )
    backend, on_gpu = distributed.get_backend(), device.startswith("cuda")
    if (backend == "nccl") != on_gpu:
        raise ValueError(
            f"device={device!r} and a process group of {backend!r} do not go together: give "
            "init_process_group 'nccl' with device='cuda', and 'gloo' with device='cpu'."
        )
    return Ranks()
