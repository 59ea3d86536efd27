"""Try the wheel and the sdist of dist/, which `make wheel` builds.

Both hold all files of skembed/. The wheel is installed into an empty environment, outside of the
checkout, and runs the first example of README.md and the command line there.
"""

import os
import re
import subprocess
import sys
import tarfile
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parents[1]


def check_files(wheel, sdist):
    """Compare the files of wheel and sdist with those that git knows."""
    git = ["git", "ls-files", "skembed"]
    tracked = {*subprocess.check_output(git, cwd=ROOT, text=True).splitlines()}
    in_wheel = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    with tarfile.open(sdist) as file:
        names = [member.name.partition("/")[2] for member in file if member.isfile()]
    in_sdist = {name for name in names if name.startswith(("skembed/", "tests/"))}
    for path, held in {wheel: in_wheel, sdist: in_sdist}.items():
        if held != tracked:
            missing, needless = sorted(tracked - held), sorted(held - tracked)
            sys.exit(f"{path.name} lacks {missing}, and holds {needless} that skembed/ does not.")


def run(*command, **options):
    """Run a command and return what it prints."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options)
    return done.stdout


def install(python, *requirements):
    """Install into another environment, with the versions of constraints.txt."""
    # Most modules are never imported: to compile them all takes longer than to run the example.
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile"]
    run(*pip, *requirements, "--constraint", ROOT / "constraints.txt")


def main():
    """Try what is in dist/."""
    (wheel,), (sdist,) = (ROOT / "dist").glob("*.whl"), (ROOT / "dist").glob("*.tar.gz")
    check_files(wheel, sdist)
    readme = (ROOT / "README.md").read_text()
    code, output = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", readme, re.DOTALL).groups()
    start = perf_counter()
    with TemporaryDirectory() as folder:
        venv.create(f"{folder}/venv", symlinks=True)
        programs = Path(folder, "venv", "bin")
        install(programs / "python", "torch")  # first, as in the Makefile
        install(programs / "python", f"{wheel}[demo]")
        installed = perf_counter()
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        printed = run(programs / "python", "-I", "-c", code, cwd=folder, env=alone)
        if printed != output:
            sys.exit(f"The first example of README.md prints {printed!r}, not {output!r}.")
        if "benchmark" not in run(programs / "skembed", "--help", cwd=folder, env=alone):
            sys.exit("skembed --help does not show the commands.")
    seconds = [installed - start, perf_counter() - installed]
    print("The wheel works: {:.0f} s to install it, {:.0f} s to run it.".format(*seconds))


if __name__ == "__main__":
    main()
