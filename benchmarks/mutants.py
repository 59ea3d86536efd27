"""What `make mutants` found: how many mutants of each module were killed, and those that were not.

    python benchmarks/mutants.py

It reads the folder mutants/, which mutmut has left, and prints the lines that each survivor
changes.
"""

from collections import Counter

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files


def results(path):
    """Status of each mutant of a module, by name."""
    data = SourceFileMutationData(path=path)
    data.load()
    return {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}


def changed(name, path):
    """Lines that a mutant takes away and adds."""
    lines = get_diff_for_mutant(name, path=path).splitlines()
    lines = [line for line in lines if not line.startswith(("---", "+++", "@@", " "))]
    return "\n".join(f"    {line[0]} {line[1:].strip()}" for line in lines)


if __name__ == "__main__":
    found = {str(path): results(path) for path in sorted(walk_mutatable_files())}
    for path, statuses in found.items():
        for name, status in statuses.items():
            if status != "killed":
                print(f"{name.removeprefix('skembed.')}: {status}\n{changed(name, path)}")
    found["all"] = {
        name: status for statuses in found.values() for name, status in statuses.items()
    }
    for path, statuses in found.items():
        counts = Counter(statuses.values())
        print(f"{path}: {len(statuses)} mutants, {dict(counts)}")
