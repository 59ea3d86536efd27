import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc
from hashlib import sha256
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import skops.io
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skembed import (
    NeuralEmbeddingClassifier,
    NeuralEmbeddingEncoder,
    NeuralEmbeddingRegressor,
    __version__,
)
from skembed._persistence.file_format import FORMAT, read_file, write_file
from skembed.exceptions import InvalidFileError
from skembed.persistence import TRUSTED_TYPES

load = NeuralEmbeddingEncoder.load
SETTINGS = {"max_epochs": 1, "cv": 2, "early_stopping": False, "random_state": 0}


@pytest.fixture
def encoder(rents):
    X, y = rents
    return NeuralEmbeddingEncoder(crosses=[("city", "rooms")], **SETTINGS).fit(X, y)


@pytest.fixture
def path(encoder, tmp_path):
    encoder.save(tmp_path / "rents.skembed")
    return tmp_path / "rents.skembed"


def change(path, **entries):
    """Write a file with other contents, and a checksum that is right."""
    content, arrays = read_file(path)
    write_file(path, {**content, **entries}, arrays)


def rehash(data):
    """Put the right checksum into the bytes of a file."""
    at = data.index(b'sha256\\":\\"') + len(b'sha256\\":\\"')
    data = data[:at] + b"0" * 64 + data[at + 64 :]
    return data[:at] + sha256(data).hexdigest().encode() + data[at + 64 :]


def test_load_gives_what_was_saved(encoder, path, rents):
    X = rents[0].copy()
    np.testing.assert_array_equal(load(path).transform(X), encoder.transform(X), strict=True)


def test_load_gives_an_encoder_that_can_be_pickled(path, rents):
    loaded, X = load(path), rents[0].copy()
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(again.transform(X), loaded.transform(X))


def test_save_gives_the_same_bytes_again(encoder, path):
    before = path.read_bytes()
    encoder.save(path)
    assert path.read_bytes() == before
    load(path).save(path)
    assert path.read_bytes() == before


def test_save_writes_tables_for_any_reader_of_safetensors(encoder, path):
    arrays = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, "np") as file:
        content = json.loads(file.metadata()["skembed"])
    assert (content["format"], content["skembed"]) == (FORMAT, __version__)
    for i, column in enumerate(content["columns"]):
        if "levels" in column:
            table = encoder.tables_[column["name"]]
            np.testing.assert_array_equal(arrays[f"columns.{i}.table"], table, strict=True)


SCORE = """
import sys
class Refuse:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is not installed here")
sys.meta_path.insert(0, Refuse())
import numpy, pandas
from skembed import NeuralEmbeddingEncoder
rows = pandas.read_csv(sys.argv[2])
numpy.save(sys.argv[3], NeuralEmbeddingEncoder.load(sys.argv[1]).transform(rows))
"""


def test_load_without_torch_transforms_to_the_same_bits(encoder, path, rents, tmp_path):
    X, out = rents[0].copy(), tmp_path / "out.npy"
    X.to_csv(tmp_path / "rows.csv", index=False)
    command = [sys.executable, "-c", SCORE, path, tmp_path / "rows.csv", out]
    subprocess.run(command, check=True)
    np.testing.assert_array_equal(np.load(out), encoder.transform(X), strict=True)


def test_save_of_an_unfitted_encoder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        NeuralEmbeddingEncoder().save(tmp_path / "x.skembed")
    assert list(tmp_path.iterdir()) == []


def test_save_warns_of_parameters_that_are_code(rents, tmp_path):
    encoder = NeuralEmbeddingEncoder(crosses=None, embedding_dim=lambda n: 2, **SETTINGS)
    encoder.fit(*rents)
    with pytest.warns(
        UserWarning, match=r"embedding_dim=<function.*becomes {'city': 2, 'kind': 2}"
    ):
        encoder.save(tmp_path / "x.skembed")
    assert load(tmp_path / "x.skembed").embedding_dim == {"city": 2, "kind": 2}


def test_save_writes_no_header_that_load_would_refuse(encoder, path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr("skembed._persistence.file_format.LONGEST_HEADER", 1000)
    with pytest.raises(ValueError, match="at most 1000 go into a file"):
        encoder.save(path)
    assert path.read_bytes() == before


# Damage


def test_load_flipped_bit_anywhere_is_an_error(path):
    data, rng = path.read_bytes(), np.random.default_rng(0)
    header = 8 + int.from_bytes(data[:8], "little")
    places = [*range(300), *rng.choice(header, 300), *rng.integers(header, len(data), 300)]
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(InvalidFileError, match=r"rents\.skembed"):
            load(path)


def test_load_file_cut_short_anywhere_is_an_error(path):
    data = path.read_bytes()
    for length in [*range(20), *range(20, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(InvalidFileError, match=r"cut short|damaged"):
            load(path)


@pytest.mark.parametrize("more", [b"\x00", b"x" * 5000], ids=len)
def test_load_bytes_added_are_an_error(path, more):
    path.write_bytes(path.read_bytes() + more)
    with pytest.raises(InvalidFileError, match="cut short, or something was added"):
        load(path)


def test_load_damage_with_a_right_checksum_is_an_error_or_loads(path):
    """What someone made who knows the format: an encoder or the one error, nothing else."""
    data, rng = path.read_bytes(), np.random.default_rng(1)
    header = 8 + int.from_bytes(data[:8], "little")
    refused = 0
    for place in rng.integers(150, header, 500):
        changed = bytearray(data)
        changed[place] = rng.choice([*b'0123456789"{}[],:x-'])
        path.write_bytes(rehash(bytes(changed)))
        try:
            load(path)
        except InvalidFileError:
            refused += 1
    assert refused > 400


HOSTILE = [None, True, -1, 10**30, 1.5, "x", [], [[]], {}, {"dict": [[[1], 2]]}, {"int": "z"}]


def test_load_encoder_without_its_output_is_an_error(path):
    content, arrays = read_file(path)
    del content["dtype"]
    write_file(path, content, arrays)
    with pytest.raises(InvalidFileError, match="needs what output_layout_ is made of"):
        load(path)


def test_load_entries_of_another_kind_are_an_error_or_load(path):
    content, arrays = read_file(path)
    rng, refused = np.random.default_rng(2), 0
    for _ in range(200):
        changed = entry = copy.deepcopy(content)
        while True:  # down to an entry
            key = rng.choice(list(entry)) if isinstance(entry, dict) else rng.integers(len(entry))
            if not isinstance(entry[key], (dict, list)) or not entry[key] or rng.random() < 0.1:
                break
            entry = entry[key]
        entry[key] = HOSTILE[rng.integers(len(HOSTILE))]
        write_file(path, changed, arrays)
        try:
            load(path)
        except InvalidFileError:
            refused += 1
    assert refused > 100


def test_load_mutated_files_run_no_code(rounds, tmp_path):
    fuzz = Path(__file__).with_name("fuzz_load.py")
    command = [sys.executable, fuzz, str(rounds(400, 100_000))]
    subprocess.run(command, check=True, cwd=tmp_path)


@pytest.mark.parametrize("tag", [b'"F32"', b'"I64"', b'"U32"'], ids=bytes.decode)
def test_load_arrays_of_another_type_are_an_error(path, tag):
    data = path.read_bytes()
    other = {b'"F32"': b'"I32"', b'"I64"': b'"F64"', b'"U32"': b'"I32"'}[tag]
    path.write_bytes(rehash(data.replace(tag, other)))
    with pytest.raises(InvalidFileError, match="of shape"):
        load(path)


def test_load_newer_format_is_an_error_that_says_upgrade(path):
    change(path, format=FORMAT + 1, skembed="9.9.9")
    said = f"format {FORMAT + 1}, written by skembed 9.9.9, but this version reads.*upgrade skembed"
    with pytest.raises(InvalidFileError, match=said):
        load(path)


@pytest.mark.parametrize("found", [0, -1, True, "1", 1.0, None, [1]], ids=repr)
def test_load_invalid_format_number_is_an_error(path, found):
    change(path, format=found)
    with pytest.raises(InvalidFileError, match="formats are numbers from 1 on"):
        load(path)


def test_load_other_file_of_safetensors_is_an_error(path):
    safetensors.numpy.save_file({"weight": np.ones(3)}, path, {"format": "np"})
    with pytest.raises(InvalidFileError, match="not one of skembed"):
        load(path)


def test_load_does_not_run_a_pickle(path):
    class Hostile:
        def __reduce__(self):
            return os.unlink, (str(path),)

    path.write_bytes(pickle.dumps(Hostile()))
    with pytest.raises(InvalidFileError, match="is a pickle, as those of joblib are"):
        load(path)
    assert path.exists()


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,%d]}',
        b'{"a":{"dtype":"F64","shape":[0],"data_offsets":[%d,0]}',
        b'{"__metadata__":{"skembed":"{\\"sha256\\":\\"00\\",\\"format\\":1}"},'
        b'"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,%d]}}',
        b'{"__metadata__":{"skembed":"{\\"sha256\\":\\"' + b"[" * 10**6,
    ],
    ids=["huge array", "crossed offsets", "huge array in a file of skembed", "nested"],
)
def test_load_header_that_promises_too_much_allocates_nothing(path, header):
    header = header.replace(b"%d", b"9223372036854775808")
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x00" * 64)
    tracemalloc.start()
    with pytest.raises(InvalidFileError):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(header) + 100_000


def test_load_header_longer_than_the_limit_is_not_read(path):
    with open(path, "wb") as file:
        file.write((2**40).to_bytes(8, "little"))
        file.truncate(2**41)  # of holes, which take no room
    tracemalloc.start()
    with pytest.raises(InvalidFileError, match="is not a file of skembed"):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


def test_load_takes_little_more_memory_than_the_file(tmp_path):
    X = pd.DataFrame({"id": [f"level {i:06d}" for i in range(50_000)]})
    encoder = NeuralEmbeddingEncoder(
        categorical_features=["id"], crosses=None, cv=None, embedding_dim=16, max_epochs=1
    )
    encoder.fit(X, np.arange(50_000) % 2 * 1.0).save(tmp_path / "x.skembed")
    size = (tmp_path / "x.skembed").stat().st_size
    assert size < 50_100 * (16 * 4 + 12 + 4 + 8)
    tracemalloc.start()
    load(tmp_path / "x.skembed")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3.5 * size


# Writing


def test_save_failure_leaves_the_old_file_and_nothing_else(encoder, path, monkeypatch):
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        encoder.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["rents.skembed"]


def test_save_keeps_links_and_rights(encoder, path):
    path.chmod(0o640)
    link = path.parent / "link.skembed"
    link.symlink_to(path)
    encoder.save(link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


SAVE = """
import os, signal, sys
from skembed import NeuralEmbeddingEncoder
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
encoders = [NeuralEmbeddingEncoder.load(path) for path in sys.argv[2:]]
"""
FOR_EVER = """
print("ready", flush=True)
while True:
    for encoder in encoders:
        encoder.save(sys.argv[1])
"""


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_save_killed_before_the_last_step_leaves_the_old_file(path, call):
    before = path.read_bytes()
    code = f"{SAVE}\nos.{call} = kill\nencoders[0].set_output(transform='pandas').save(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", code, path, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before


def test_save_killed_at_any_moment_leaves_a_whole_file(encoder, path, rents, tmp_path, rounds):
    one, other = tmp_path / "one.skembed", tmp_path / "other.skembed"
    encoder.save(one)
    X, y = rents
    NeuralEmbeddingEncoder(crosses=None, **SETTINGS).fit(X, y).save(other)
    whole = {one.read_bytes(), other.read_bytes()}
    rng = np.random.default_rng(0)
    for _ in range(rounds(4, 200)):
        command = [sys.executable, "-c", SAVE + FOR_EVER, path, one, other]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(rng.uniform(0, 0.05))
            child.send_signal(signal.SIGKILL)
        assert path.read_bytes() in whole


# Other ways


def predictors():
    X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 20, "size": np.arange(60) % 7})
    settings = SETTINGS | {"crosses": [("city", "size")]}
    rent, sold = np.arange(60) % 7 + 0.5, np.arange(60) % 2
    for loss in ("squared_error", "poisson"):
        yield NeuralEmbeddingRegressor(loss=loss, **settings), X, rent
    quantile = {"loss": "quantile", "quantile": 0.4, "y_range": (0, 9)}
    yield NeuralEmbeddingRegressor(**quantile, **settings), X, rent
    yield NeuralEmbeddingRegressor(interaction="dot", **SETTINGS | {"crosses": None}), X, rent
    yield NeuralEmbeddingClassifier(**settings), X, sold
    yield NeuralEmbeddingClassifier(**settings), X, X["city"]
    yield make_pipeline(NeuralEmbeddingEncoder(**settings), Ridge()), X, rent


@pytest.mark.parametrize(("model", "X", "y"), list(predictors()))
def test_skops_and_joblib_keep_predictors_and_pipelines(model, X, y, tmp_path):
    expected = model.fit(X, y).predict(X.copy())
    skops.io.dump(model, tmp_path / "model.skops")
    loaded = skops.io.load(tmp_path / "model.skops", trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict(X.copy()), expected, strict=True)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict(X.copy()), expected, strict=True)


def test_trusted_types_are_types_of_this_package():
    for name in set(TRUSTED_TYPES) - {"numpy.dtype"}:
        module, _, kind = name.rpartition(".")
        assert isinstance(getattr(sys.modules[module], kind), type)


# Files of releases

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.skembed"))


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_release_files_load_to_the_bits_of_then(file):
    rows = pd.DataFrame(json.loads(file.with_suffix(".json").read_text()))
    expected = np.load(file.with_suffix(".npy"))
    np.testing.assert_array_equal(load(file).transform(rows), expected, strict=True)


@pytest.mark.parametrize("file", FIXTURES, ids=lambda file: file.stem)
def test_release_files_without_trained_tables_are_read_by_their_features(file):
    assert read_file(file)[0]["format"] == 1
    encoder = load(file)
    for name, table in encoder.tables_.items():
        np.testing.assert_array_equal(encoder.embedding(name).to_numpy(), table, strict=True)
        assert "rows" in encoder.nearest(name, table[0])


def test_save_holds_a_table_that_is_whole_once(tmp_path, rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(cv=None, embedding_dim=2, crosses=None, max_epochs=2).fit(X, y)
    encoder.save(tmp_path / "e.skembed")
    arrays = read_file(tmp_path / "e.skembed")[1]
    assert not [name for name in arrays if name.endswith("trained")]
    loaded = load(tmp_path / "e.skembed")
    assert loaded.trained_tables_["city"] is loaded.tables_["city"]


def test_release_files_exist():
    assert FIXTURES


OTHERS = {
    b"<!DOCTYPE html><html>" + b" " * 2000: "is a web page",
    b"\n <?xml version='1.0'?>": "is a web page or XML",
    b"PK\x03\x04" + b"\x00" * 99: "is a ZIP archive, .*skops.io.load",
    b"\x80\x05\x95" + b"\xff" * 99: "is a pickle, .*joblib.load",
    b"": "is empty",
    b"\xff" * 50: "was cut short to 50 bytes",
}


@pytest.mark.parametrize(("data", "told"), OTHERS.items(), ids=OTHERS.values())
def test_load_of_another_kind_of_file_says_what_it_is(tmp_path, data, told):
    (tmp_path / "e.skembed").write_bytes(data)
    with pytest.raises(InvalidFileError, match=told) as raised:
        NeuralEmbeddingEncoder.load(tmp_path / "e.skembed")
    assert "header" not in str(raised.value)


def test_save_into_a_folder_that_is_missing_names_the_folder(tmp_path, encoder):
    with pytest.raises(FileNotFoundError, match=r"^There is no folder '[^']*/nope' to write to"):
        encoder.save(tmp_path / "nope" / "x")
    assert not [*tmp_path.iterdir()]
