"""Mutated files for `NeuralEmbeddingEncoder.load`: every one loads, or is the one error it raises.

``python tests/persistence/fuzz_load.py 100000`` mutates the files of releases in
tests/persistence/fixtures, puts the right checksum into most of them (as somebody could who knows
the format) and loads them. What loads then transforms. It ends with an error at the first file that
raises another error, takes longer than ten seconds, or makes the process run code, write, connect
or open another file; and at the end if the process has grown by more than 256 MB.
"""

import copy
import json
import os
import resource
import signal
import sys
import warnings
from collections import Counter
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from skembed import NeuralEmbeddingEncoder
from skembed._persistence.file_format import DIGITS, MARK
from skembed.exceptions import InvalidFileError

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.skembed"))
SECONDS = 10
GROWTH = 256 * 2**20
# Of https://docs.python.org/3/library/audit_events.html
FORBIDDEN = ("exec", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.", "socket.")
FORBIDDEN += ("pickle.", "ctypes.", "marshal.", "os.remove", "os.rename", "os.mkdir", "shutil.")
HOSTILE = [None, True, -1, 2**31, 10**30, 1.5, 1e308, "", "\x00", "\ud800", [], [[[]]], {}]
HOSTILE += [{"dict": [[[1], 2]]}, {"int": "z"}, {"timestamp": [1, "s", "../../etc/passwd"]}]
HOSTILE += [{"int": "0x" + "f" * 9999}, {"decimal": "1e999999999"}, {"bytes": "00"}, {"tuple": [1]}]
HOSTILE += [{"period": [1, "D"]}, {"float": "nan"}, {"kind": "values"}, {"kind": "strings"}]

watched = False


def audit(event, given):
    """Raise where loading a file does what data cannot ask for."""
    if not watched:
        return
    opens = event == "open" and isinstance(given[0], str) and not may_be_opened(given[0])
    if opens or event.startswith(FORBIDDEN):
        os.write(2, f"audit: {event} {given!r}\n".encode())
        os._exit(3)  # an exception could be caught by what is looked at


def may_be_opened(path):
    """Whether a file is the one to load, or tells of a time zone."""
    return path.endswith(".skembed") or "zoneinfo" in path


def mutated(data, others, rng):
    """Bytes of a file with some places changed; mostly with lengths and checksum that are right."""
    end = 8 + int.from_bytes(data[:8], "little")
    header, body = bytearray(data[8:end]), bytearray(data[end:])
    for _ in range(1 + rng.poisson(0.5)):
        kind = rng.random()
        if kind < 0.5:
            header = with_another_entry(header, rng)
        elif kind < 0.8:
            change_bytes(header, others, rng)
        else:
            body[rng.integers(len(body))] = rng.integers(256)
    data = bytearray(len(header).to_bytes(8, "little") + header + body)
    if rng.random() < 0.1:
        change_bytes(data, others, rng)
    else:
        rehash(data)
    return bytes(data)


def change_bytes(data, others, rng):
    """Flip a bit, or change, take out, put in or copy some bytes."""
    at, change = int(rng.integers(len(data))), rng.integers(5)
    if change == 0:
        data[at] ^= 1 << int(rng.integers(8))
    elif change == 1:
        data[at] = rng.choice([*b'0123456789"{}[],:x-'])
    elif change == 2:
        del data[at : at + int(rng.integers(1, 9))]
    elif change == 3:
        data[at:at] = rng.integers(256, size=rng.integers(1, 9), dtype=np.uint8).tobytes()
    else:
        other = others[rng.integers(len(others))]
        start = int(rng.integers(len(other)))
        data[at : at + 16] = other[start : start + 16]


def with_another_entry(header, rng):
    """Header with something hostile, or the value of another place, in the place of a value."""
    try:
        entries = json.loads(header)
        content = json.loads(entries["__metadata__"]["skembed"])
    except (ValueError, LookupError, TypeError):  # it was changed before
        return header
    root = content if rng.random() < 0.8 else entries
    holder, key = place(root, rng)
    if rng.random() < 0.5:
        holder[key] = HOSTILE[rng.integers(len(HOSTILE))]
    else:
        other, its_key = place(root, rng)
        holder[key] = copy.deepcopy(other[its_key])
    if root is content:
        entries["__metadata__"]["skembed"] = json.dumps(content, separators=(",", ":"))
    return bytearray(json.dumps(entries, separators=(",", ":")).encode())


def place(entry, rng):
    """Somewhere in data of JSON: what holds a value, and its key."""
    while True:
        keys = list(entry) if isinstance(entry, dict) else range(len(entry))
        key = keys[rng.integers(len(keys))]
        if not isinstance(entry[key], (dict, list)) or not entry[key] or rng.random() < 0.1:
            return entry, key
        entry = entry[key]


def rehash(data):
    """Put the right checksum into the bytes of a file, if there is a place for it."""
    at = data.find(MARK) + len(MARK)
    if at >= len(MARK):
        data[at : at + DIGITS] = b"0" * DIGITS
        data[at : at + DIGITS] = sha256(data).hexdigest().encode()


def load_and_transform(path, rows):
    """Load a file and transform rows by it; returns what became of it."""
    global watched
    watched = True
    signal.alarm(SECONDS)
    try:
        encoder = NeuralEmbeddingEncoder.load(path)
    except InvalidFileError:
        return "refused"
    else:
        try:
            encoder.transform(rows)
        except (ValueError, TypeError):  # a changed column name or parameter, say
            return "loaded, but not for these rows"
        return "loaded"
    finally:
        signal.alarm(0)
        watched = False


def main(n_files, seed):
    """Load so many files, and print what became of them."""
    warnings.simplefilter("ignore")
    files = [path.read_bytes() for path in FIXTURES]
    rows = [pd.DataFrame(json.loads(path.with_suffix(".json").read_text())) for path in FIXTURES]
    rng, found = np.random.default_rng(seed), Counter()
    with TemporaryDirectory() as folder:
        path = Path(folder, "mutated.skembed")
        for data, these in zip(files, rows, strict=True):  # all that is imported late is
            path.write_bytes(data)
            if load_and_transform(path, these) != "loaded":
                raise AssertionError("a file of a release does not load")
        sys.addaudithook(audit)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for i in range(n_files):
            at = int(rng.integers(len(files)))
            data = mutated(files[at], files, rng)
            path.write_bytes(data)
            try:
                found[load_and_transform(path, rows[at])] += 1
            except BaseException:
                kept = Path(f"crash-{seed}-{i}.skembed")
                kept.write_bytes(data)
                print(f"{kept} is what was loaded", file=sys.stderr)
                raise
        growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    print(json.dumps({**found, "grown by MB": round(growth / 2**20)}))
    if growth > GROWTH:
        raise AssertionError(f"the process has grown by {growth} bytes")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
