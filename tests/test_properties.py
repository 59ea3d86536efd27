"""What holds for any data: frames that hypothesis draws, and what it once found among them."""

import pickle
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.scoring import score_file

# What a column without information, a class of one row and a batch of other types call for.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PAYLOAD = np.array([0x7FF8000000000123], dtype=np.uint64).view(np.float64)[0]  # of a NaN
WORDS = st.text(st.characters(), max_size=6) | st.sampled_from(
    ["", "é", "e\u0301", "\u202e\u05e9", "\ud800", "\x00", "x\x00", "nan", "None", "1", "x" * 5000]
)
NUMBERS = {
    "integers": st.integers(-(2**63), 2**63 - 1),
    "floats": st.floats() | st.sampled_from([-0.0, 0.0, PAYLOAD, 5e-324]),
}
HUGE = st.integers() | st.sampled_from([2**63, -(2**64), 10**400])
MOMENTS = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
KINDS = {
    "words": WORDS,
    "strings": WORDS.map(lambda word: word.encode("utf-8", "ignore").decode()),
    **NUMBERS,
    "booleans": st.booleans(),
    "moments": MOMENTS,
    "huge": HUGE,
    "mixed": st.one_of(
        WORDS,
        *NUMBERS.values(),
        st.booleans(),
        MOMENTS.map(pd.Timestamp),
        MOMENTS.map(datetime.date),
        HUGE,
        st.decimals(allow_nan=False),
        st.binary(max_size=3),
        st.tuples(st.integers(0, 2), WORDS),
    ),
}
PLAIN = ("strings", "integers", "booleans", "moments")  # which every container holds
DTYPES = {
    "strings": "str",
    "integers": "Int64",
    "floats": "float64",
    "booleans": "boolean",
    "moments": "datetime64[us]",
}
MISSING = [None, np.nan, pd.NA, pd.NaT, PAYLOAD, Decimal("NaN")]


@st.composite
def columns(draw, n_rows, n_new, kinds=tuple(KINDS)):
    """A column to fit on and one to transform, which holds values of the first and others."""
    kind = draw(st.sampled_from(kinds))
    few = draw(st.lists(KINDS[kind], min_size=1, max_size=6))
    missing = st.sampled_from(MISSING if kind in ("mixed", "huge", "words") else [None])
    cell = st.one_of([st.sampled_from(few)] * 4 + [missing])
    fit = draw(st.lists(cell, min_size=n_rows, max_size=n_rows))
    new = draw(st.lists(cell | KINDS[kind], min_size=n_new, max_size=n_new))
    as_category = draw(st.booleans()) and kind in PLAIN
    return tuple(as_series(kind, values, as_category) for values in (fit, new))


def as_series(kind, values, as_category=False):
    if kind == "floats":
        values = [np.nan if value is None else value for value in values]
    series = pd.Series(values, dtype=DTYPES.get(kind, object))
    return series.astype("category") if as_category else series


@st.composite
def frames(draw, kinds=tuple(KINDS), max_new=10):
    """A frame to fit on, a target, and a frame to transform."""
    n_rows, n_new = draw(st.integers(8, 20)), draw(st.integers(0, max_new))
    names = draw(st.lists(st.text(max_size=4), min_size=1, max_size=3, unique=True))
    pairs = {name: draw(columns(n_rows, n_new, kinds)) for name in names}
    X, new = (pd.DataFrame({name: pair[i] for name, pair in pairs.items()}) for i in (0, 1))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    y = draw(st.sampled_from([rng.normal(size=n_rows), np.arange(n_rows) % 2 == 0]))
    if draw(st.booleans()):
        X.index, new.index = [7] * len(X), [7] * len(new)  # rows of one name
    return X, y, new


def fitted(X, y, **given):
    settings = {"cv": 2, "max_epochs": 1, "early_stopping": False, "random_state": 0}
    return NeuralEmbeddingEncoder(
        categorical_features=list(range(X.shape[1])), **settings | {"crosses": None} | given
    ).fit(X, y)


def by_way_of_a_file(encoder):
    """The encoder saved and loaded; None if a level has no form as data, and nothing is written."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "encoder.skembed")
        try:
            encoder.save(path)
        except ValueError as error:
            if "which a file cannot hold" not in str(error) or any(Path(folder).iterdir()):
                raise
            return None
        return NeuralEmbeddingEncoder.load(path)


def assert_same(left, right):
    np.testing.assert_array_equal(left, right, strict=True)


HUGE_LEVEL = pd.DataFrame({"id": pd.Series([10**400, 1, 1.5, "a"] * 2, dtype=object)})


@given(frames(), st.sampled_from([None, 2, "auto"]))
@example((HUGE_LEVEL, np.arange(8.0), HUGE_LEVEL), None).via("was an OverflowError of math.isnan")
def test_vectors_are_finite_for_any_frame(frame, crosses):
    X, y, new = frame
    encoder = fitted(X, y, crosses=None if X.shape[1] < 2 else crosses)
    features = encoder.transform(new)
    assert features.shape == (len(new), len(encoder.get_feature_names_out()))
    assert np.isfinite(features).all()


@given(frames(), st.randoms(use_true_random=False))
def test_transform_ignores_order_and_batches_of_rows(frame, random):
    X, y, new = frame
    encoder = fitted(X, y, crosses=2 if X.shape[1] > 1 else None)
    features = encoder.transform(new)
    order = random.sample(range(len(new)), len(new))
    assert_same(encoder.transform(new.iloc[order]), features[order])
    cut = random.randint(0, len(new))
    parts = [encoder.transform(part) for part in (new.iloc[:cut], new.iloc[cut:])]
    assert_same(np.concatenate(parts), features)


@given(frames(max_new=0))
def test_same_bits_from_the_same_seed(frame):
    X, y, _ = frame
    first, second = fitted(X, y), fitted(X.copy(), y.copy())
    assert first.vocabularies_ == second.vocabularies_
    for name, table in first.tables_.items():
        assert_same(second.tables_[name], table)
    assert_same(second.history_["out_of_fold_loss"], first.history_["out_of_fold_loss"])


@given(frames())
def test_transform_changes_neither_encoder_nor_rows(frame):
    X, y, new = frame
    encoder = fitted(X, y)
    before, rows = pickle.dumps(encoder), new.copy(deep=True)
    encoder.transform(new)
    assert pickle.dumps(encoder) == before
    pd.testing.assert_frame_equal(new, rows)


def to_polars(X):
    frame = pl.from_pandas(X)
    frame.columns = list(X)  # older versions give a column without a name one
    return frame


CONTAINERS = {
    "polars": to_polars,
    "pyarrow": lambda X: pa.Table.from_pandas(X, preserve_index=False),
}


NUL_IN_A_NAME = pd.DataFrame({"\x00": ["a", "b"] * 4})


@given(frames(PLAIN), st.sampled_from(list(CONTAINERS)))
@example((NUL_IN_A_NAME, np.arange(8.0), NUL_IN_A_NAME), "polars").via("was a panic of polars")
def test_containers_give_the_same_bits(frame, container):
    X, y, new = frame
    theirs = [CONTAINERS[container](part) for part in (X, new)]
    assert_same(fitted(theirs[0], y).transform(theirs[1]), fitted(X, y).transform(new))


@given(frames())
def test_save_holds_all_of_an_encoder_or_is_not_written(frame):
    X, y, new = frame
    encoder = fitted(X, y, crosses=2 if X.shape[1] > 1 else None)
    loaded = by_way_of_a_file(encoder)
    if loaded is not None:
        assert loaded.vocabularies_ == encoder.vocabularies_
        assert_same(loaded.transform(new), encoder.transform(new))


@given(frames())
def test_probabilities_sum_to_one(frame):
    X, _, new = frame
    model = NeuralEmbeddingClassifier(
        categorical_features=list(X), cv=2, max_epochs=1, crosses=None, random_state=0
    )
    probabilities = model.fit(X, np.arange(len(X)) % 3).predict_proba(new)
    assert probabilities.shape == (len(new), 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


@st.composite
def quantities(draw):
    """A column of numbers that is not embedded, as long as a frame to fit on."""
    kind = draw(st.sampled_from(["int8", "uint64", "float32", "float64", "Int64", "Float64"]))
    if "int" in kind.lower():
        info = np.iinfo(kind.lower())
        cells = st.integers(int(info.min), int(info.max))
    else:
        width = 32 if kind == "float32" else 64
        cells = st.floats(allow_nan=kind[0] == "f", allow_infinity=False, width=width)
    return pd.Series(draw(st.lists(cells, min_size=8, max_size=20)), dtype=kind)


@given(quantities(), st.sampled_from([None, [("city", "size")]]))
def test_numbers_pass_through_as_they_are(size, crosses):
    X = pd.DataFrame({"city": ["Oslo", "Rome"] * len(size), "size": [*size, *size]})
    X["size"] = X["size"].astype(size.dtype)
    encoder = NeuralEmbeddingEncoder(
        cv=2, max_epochs=1, crosses=crosses, embedding_dim=1, early_stopping=False, random_state=0
    )
    features = encoder.fit(X, np.arange(len(X)) % 3 * 1.0).transform(X.copy())
    expected = X["size"].to_numpy(features.dtype, na_value=np.nan)
    np.testing.assert_array_equal(features[:, 1], expected)
    assert np.isfinite(features[:, 0]).all()
    assert np.isfinite(encoder.history_["out_of_fold_loss"]).all()


CITIES = pd.DataFrame({"city": ["Oslo", "Rome", "1", "é"] * 5, "size": np.arange(20) % 5})
CELLS = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(
    ["Oslo", "1", "1e999", "inf", "-0", "", "NA", '"', '""', "\n", "\r\n", ",", "x" * 300]
)


@pytest.mark.filterwarnings(  # pyarrow's handler of lines that are no rows, and no text either
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
@given(
    st.lists(st.lists(CELLS, max_size=3).map(",".join), max_size=8).map("\n".join)
    | st.text(max_size=60).map(lambda text: text.encode("latin-1", "ignore")),
    st.booleans(),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_score_file_any_csv_is_scored_by_row_or_refused_whole(text, quarantined, mark):
    encoder = NeuralEmbeddingEncoder(cv=2, max_epochs=1, crosses=None, random_state=0)
    encoder.fit(CITIES, np.arange(20.0))
    data = mark + b"city,size\n" + (text if isinstance(text, bytes) else text.encode())
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rows.csv").write_bytes(data)
        bad = {"quarantine": folder / "bad.csv"} if quarantined else {}
        try:
            done = score_file(encoder, folder / "rows.csv", folder / "out.parquet", **bad)
        except ValueError:  # which those of pyarrow are, too
            assert not (folder / "out.parquet").exists()
        else:
            found = pd.read_parquet(folder / "out.parquet")
            # Lines that are no rows are among those set aside, but not among those read.
            assert done.rows_read - done.rows_quarantined <= len(found) <= done.rows_read
            assert np.isfinite(found["city_0"]).all()
        assert not [*folder.glob(".*")]


class EncoderLifecycle(RuleBasedStateMachine):
    """Whatever is done to an encoder, it gives the vectors of its last fit."""

    @initialize(frame=frames(max_new=6))
    def begin(self, frame):
        X, y, self.rows = frame
        self.encoder = fitted(X, y)
        self.expected = self.encoder.transform(self.rows)

    @rule(frame=frames(max_new=6))
    def fit_again(self, frame):
        X, y, self.rows = frame
        self.encoder.set_params(categorical_features=list(range(X.shape[1]))).fit(X, y)
        self.expected = fitted(X, y).transform(self.rows)

    @rule(frame=frames(max_new=6))
    def fail_to_fit(self, frame):
        X, y, _ = frame
        with pytest.raises(ValueError, match="y contains NaN"):
            self.encoder.fit(X, np.where(np.arange(len(X)) == 3, np.nan, y * 1.0))

    @rule(frame=frames(max_new=6))
    def transform_others(self, frame):
        others = frame[2].set_axis(range(frame[2].shape[1]), axis=1)
        if others.shape[1] == self.rows.shape[1]:
            self.encoder.transform(others.set_axis(self.rows.columns, axis=1))

    @rule(container=st.sampled_from(["default", "pandas", "polars"]))
    def set_output(self, container):
        self.encoder.set_output(transform=container)

    @rule()
    def pickle(self):
        self.encoder = pickle.loads(pickle.dumps(self.encoder))

    @rule()
    def save_and_load(self):
        self.encoder = by_way_of_a_file(self.encoder) or self.encoder

    @rule()
    def read_vectors(self):
        levels = self.encoder.inverse_transform(self.encoder.transform(self.rows))
        assert len(levels) == len(self.rows)

    @invariant()
    def gives_the_vectors_of_its_last_fit(self):
        features = self.encoder.transform(self.rows)
        np.testing.assert_array_equal(np.asarray(features), self.expected)


TestEncoderLifecycle = EncoderLifecycle.TestCase
TestEncoderLifecycle.settings = settings(max_examples=settings().max_examples // 6)
