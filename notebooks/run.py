"""Execute notebooks in place, and keep of each run what readers see and nothing else.

    python notebooks/run.py [NOTEBOOK ...]

Without names all notebooks of this folder. `make notebooks` calls it, and
tests/project/test_notebooks.py executes them the same way.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from traitlets import default

FOLDER = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Sums do not depend on the number of cores then, and tests side by side do not wait for each other.
ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
KINDS = {"text/plain", "image/png"}  # a frame's HTML repeats its text


class OwnInterpreter(AsyncKernelManager):
    """Kernels of the interpreter that runs this, whatever others are installed."""

    transport_encryption = "auto"

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self):
        return KernelSpecManager(kernel_dirs=[])


def execute(path, folder):
    """Execute a notebook with ``folder`` as working directory.

    Parameters
    ----------
    path : Path
    folder : str or Path

    Returns
    -------
    NotebookNode
        With fresh outputs, and without traces of when and where it ran.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_manager_class=OwnInterpreter,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute(cwd=str(folder), env=os.environ | ONE_THREAD)
    return _stripped(notebook)


def _stripped(notebook):
    notebook.metadata = METADATA
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if "data" in output:
                output.data = {kind: output.data[kind] for kind in output.data if kind in KINDS}
                output.metadata = {}
    return notebook


def main():
    """Execute the notebooks that are named, or all, and write them back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of this folder")
    for path in parser.parse_args().notebooks or sorted(FOLDER.glob("*.ipynb")):
        with TemporaryDirectory() as folder:
            notebook = execute(path, folder)
        nbformat.write(notebook, path)
        print(path.name)


if __name__ == "__main__":
    main()
