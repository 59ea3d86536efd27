"""Output that grows part by part, and appears under its name when it is whole."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from skembed._files.atomic import check_new_folder, put_in_place, without_link
from skembed._files.errors import naming_output
from skembed._files.sources import Joined, format_of, is_parquet_folder, open_writer
from skembed.scoring._job_folder import JobFolder, find_folders, path_of

GROUP_ROWS = 2**17  # that are written at once, of Parquet a row group


class Parts:
    """The parts of one output, in a hidden folder beside it until it is whole.

    A part gets its name when all its rows are written. So a killed job leaves whole parts, and
    the same job can go on behind the last. Another job, which has another folder, cannot mix with
    it. To be used by ``with``, which ends writing, and drops an unfinished part.

    Parameters
    ----------
    out : str or PathLike
        A file, or a folder of Parquet files, which gets a file per part.
    job : str
        Tells jobs apart.
    resume : bool
        Whether to keep the parts that are there.

    Attributes
    ----------
    n_parts : int
        Number of the last part that is there, and one. A part without rows is left out.

    Raises
    ------
    FileExistsError
        If a folder that is to be written is there.
    BlockingIOError
        If the same job is running.
    ValueError
        If there is nothing of this job to resume, but something of another.
    """

    def __init__(self, out, job, *, resume):
        self.out, self.kind, self._is_folder = Path(out), format_of(out), is_parquet_folder(out)
        if self._is_folder:
            check_new_folder(out)
        self._target = Path(without_link(out))
        others = find_folders(out)
        if resume and others and path_of(out, job) not in others:
            raise ValueError(
                f"What was begun of {str(out)!r} is of another job: estimator, data or a parameter "
                "were not these. Begin anew, with resume=False. To remove what was begun, call "
                "skembed.scoring.remove_stopped_jobs."
            )
        self._job = JobFolder(out, job)
        self.folder, self._is_finished = self._job.path, False
        self._job.keep_only(self._paths() if resume else [])
        self.n_parts = 1 + max(map(_number, self._paths()), default=-1)
        self._part, self._writer, self._rows = self.n_parts, None, []
        self._thread, self._writing = ThreadPoolExecutor(1), None
        self._whole = Joined(self.folder / f"whole{self.out.suffix}", self.kind)
        self._join_thread, self._joining = ThreadPoolExecutor(1), []

    def write(self, part, batch):
        """Write rows of a part; of the first parts first.

        Parameters
        ----------
        part : int
        batch : pyarrow.RecordBatch
        """
        if part > self._part:
            self.end_part()
            self._join()
        self._part = part
        # Only one batch without rows, for the schema: pyarrow's CSVWriter writes noise for more.
        if batch.num_rows or not self._rows:
            self._rows.append(batch)
        if sum(map(len, self._rows)) >= GROUP_ROWS:
            self._flush()

    def finish(self):
        """Put the output in its place, after the end of the last part."""
        paths = self._paths()
        if not paths:
            return
        with naming_output(self.out):
            if self._is_folder:
                self._job.unmark()
                put_in_place(self.folder, self._target)
                self._is_finished = True
                return
            whole = paths[0]
            if len(paths) > 1:
                self._join()
                for each in self._joining:
                    each.result()
                self._whole.close()
                whole = self._whole.path
            put_in_place(whole, self._target)
            self._is_finished = True
            self._job.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Stop writing; without `finish`, the whole parts stay."""
        self._thread.shutdown()
        self._join_thread.shutdown(cancel_futures=True)
        for unfinished in filter(None, (self._writer, self._whole)):
            with suppress(OSError):  # of a full disk, which has been reported
                unfinished.close()
        with suppress(OSError):  # it is gone
            if not self._is_finished:
                self._job.keep_only(self._paths())
                if not self._paths():
                    self._job.remove()
        self._job.unlock()

    def _flush(self):
        """Hand rows to the thread that writes, when it is done with those before."""
        import pyarrow as pa

        self._wait()
        if not self._rows:
            return
        table, self._rows = pa.Table.from_batches(self._rows).combine_chunks(), []
        if self._writer is None:
            with naming_output(self.out, table.schema):
                self._writer = open_writer(
                    self._unfinished(), table.schema, self.kind, header=self._part == 0
                )
        self._writing = self._thread.submit(self._writer.write_table, table)

    def _wait(self):
        """Wait until the rows that were handed to the thread are written."""
        if self._writing is not None:
            with naming_output(self.out):
                self._writing.result()

    def _join(self):
        """Join the parts that are there, in a thread, while the next one is made."""
        if self._is_folder:
            return
        for part in self._paths()[len(self._joining) :]:
            self._joining.append(self._join_thread.submit(self._whole.add, part))

    def end_part(self):
        """Give the part that is being written its name."""
        self._flush()
        self._wait()
        if self._writer is not None:
            with naming_output(self.out):
                self._writer.close()
                self._writer = self._writing = None
                put_in_place(self._unfinished(), self._path(self._part))
            self.n_parts = self._part + 1

    def _paths(self):
        return sorted(self.folder.glob(f"part-*{self._suffix()}"))

    def _path(self, part):
        return self.folder / f"part-{part:05d}{self._suffix()}"

    def _suffix(self):
        return ".parquet" if self._is_folder else self.out.suffix

    def _unfinished(self):
        return self.folder / f".{os.getpid()}{self._suffix()}"


def _number(path):
    return int(path.stem.removeprefix("part-"))
