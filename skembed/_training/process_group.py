"""Torch: the processes that train one encoder together; the only user of torch.distributed.

Each has its share of the rows and all of the tables and the decoder. After every step all move by
the same gradients, so all stay equal.
"""

from contextlib import contextmanager, nullcontext
from itertools import chain, repeat

import torch
from torch import distributed

from skembed._training.fold_tables import Cells, TableGradients

SMALL_TABLE = 8192  # rows; of larger ones, only those that a step touches are exchanged


class Alone:
    """A single process; what it would ask of others is at hand."""

    rank, size = 0, 1

    def gather(self, value):
        """List of the values of all ranks."""
        return [value]

    def of_first(self, value):
        """Value of rank 0."""
        return value

    def all_or_none(self, doing):
        """Context in which an error of one rank becomes one of all; ``doing`` tells of it."""
        return nullcontext()

    def in_step(self, batches, idle):
        """Iterate over batches and how many rows all ranks have in theirs.

        As many come on each rank: where they run out, ``idle`` stands for them, whose rows count
        for nothing.
        """
        for rows in batches:
            yield rows, len(rows.fold)

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
            Of all ranks; the same on each, to the bit.
        """
        return of_tables


class Ranks(Alone):
    """The processes of torch's default group, seen from one of them."""

    def __init__(self):
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        # What is counted here goes where the group can reach it.
        self._device = "cuda" if distributed.get_backend() == "nccl" else "cpu"

    def gather(self, value):
        """List of the values of all ranks, any that can be pickled."""
        values = [None] * self.size
        distributed.all_gather_object(values, value)
        return values

    def of_first(self, value):
        """Value of rank 0, any that can be pickled."""
        held = [value]
        distributed.broadcast_object_list(held, src=0)
        # Gloo's thread lets go of those tensors now: where it waits for the interpreter while that
        # waits for the thread, in destroy_process_group, neither goes on. A barrier has none.
        distributed.barrier()
        return held[0]

    @contextmanager
    def all_or_none(self, doing):
        """Context in which an error of one rank becomes one of all; ``doing`` tells of it."""
        error = None
        try:
            yield
        except Exception as raised:
            error = raised
        said = self.gather(error and f"{type(error).__name__}: {error}")
        if error:
            raise error
        for rank, text in enumerate(said):
            if text:
                raise RuntimeError(f"Rank {rank} failed {doing}, and all stop. {text}")

    def in_step(self, batches, idle):
        """Iterate over batches and how many rows all ranks have in theirs."""
        batches = chain(batches, repeat(idle))
        following, count, on_its_way = self._next(batches, idle)
        while True:
            rows, now = following, count
            on_its_way.wait()
            if not now:
                return
            # The next count travels while this batch is worked on.
            following, count, on_its_way = self._next(batches, idle)
            yield rows, int(now)

    def _next(self, batches, idle):
        rows = next(batches)
        count = torch.tensor(0 if rows is idle else len(rows.fold), device=self._device)
        return rows, count, distributed.all_reduce(count, async_op=True)

    def add_up(self, of_decoder, of_tables):
        """Add up the gradients of a step over the ranks; small packs whole."""
        small = [cells for cells in of_tables.cells if cells.n_rows <= SMALL_TABLE]
        sums = [_sum_by_row(cells) for cells in small]
        self._add_up_in_place([of_decoder, of_tables.prior, *sums])
        added = iter(sums)
        cells = [
            _as_cells(next(added)) if cells.n_rows <= SMALL_TABLE else self._gather_touched(cells)
            for cells in of_tables.cells
        ]
        return TableGradients(of_tables.prior, cells)

    def _add_up_in_place(self, tensors):
        """Add up tensors over the ranks, all at once."""
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, part in zip(tensors, flat.split(sizes), strict=True):
            tensor.copy_(part.view_as(tensor))

    def _gather_touched(self, cells):
        """The sums of each rank at the rows that it touches, one below the other."""
        touched, at = cells.rows.unique(return_inverse=True)
        sums = cells.gradient.new_zeros(len(touched), cells.gradient.shape[1])
        sums.index_add_(0, at, cells.gradient)
        lengths = [int(length) for length in self._gathered(touched.new_tensor(len(touched)))]
        return Cells(self._joined(touched, lengths), self._joined(sums, lengths), cells.n_rows)

    def _joined(self, part, lengths):
        """The parts of all ranks, one below the other."""
        padded = part.new_zeros(max(lengths), *part.shape[1:])
        padded[: len(part)] = part
        gathered = zip(self._gathered(padded), lengths, strict=True)
        return torch.cat([of_rank[:length] for of_rank, length in gathered])

    def _gathered(self, tensor):
        """The tensors of all ranks, which are of one shape."""
        gathered = [torch.empty_like(tensor) for _ in range(self.size)]
        distributed.all_gather(gathered, tensor)
        return gathered


def _sum_by_row(cells):
    """Gradient (n_rows, n_numbers) of a whole pack."""
    sums = cells.gradient.new_zeros(cells.n_rows, cells.gradient.shape[1])
    return sums.index_add_(0, cells.rows, cells.gradient)


def _as_cells(gradient):
    """One cell for each row of a pack."""
    n_rows = len(gradient)
    return Cells(torch.arange(n_rows, device=gradient.device), gradient, n_rows)


ALONE = Alone()


def joined(*, is_distributed, device):
    """The ranks that train together: those of torch's default group, or this process alone.

    Parameters
    ----------
    is_distributed : bool
    device : str
        As the encoder has it.

    Raises
    ------
    RuntimeError
        If there is no process group.
    ValueError
        If the group and the device do not go together.
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
