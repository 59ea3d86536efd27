"""Fitting on Parquet gives what fitting in memory gives."""

import sys
import tempfile
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

import skembed._fit.spilled_rows
from skembed import NeuralEmbeddingEncoder

DAYS = pd.date_range("2020-01-01", periods=9)


def sales(n_rows=3000):
    """Rows of a shop: strings, categories, days, integers, numbers with gaps; three targets."""
    rng = np.random.default_rng(0)
    city, kind = rng.integers(0, 40, n_rows), rng.integers(0, 4, n_rows)
    X = pd.DataFrame(
        {
            "city": pd.Series([f"city {c}" for c in city]).where(rng.random(n_rows) > 0.02),
            "price": np.where(rng.random(n_rows) < 0.1, np.nan, rng.lognormal(size=n_rows)),
            "kind": pd.Categorical.from_codes(kind, list("badc")),
            "day": DAYS[rng.integers(0, 9, n_rows)],
            "shop": rng.integers(0, 300, n_rows),
        }
    )
    effect = rng.normal(size=(40, 4))[city, kind] + 2 * rng.normal(size=40)[city]
    sold = np.array(["no", "yes"])[(rng.logistic(size=n_rows) < effect).astype(int)]
    stars = np.clip(np.round(3 + effect), 1, 5).astype(np.int32)
    return X.assign(sold=sold, stars=stars, amount=effect + rng.normal(size=n_rows))


TARGETS = ["sold", "stars", "amount"]


def dataset_of(frame):
    return pyarrow.dataset.dataset(pyarrow.Table.from_pandas(frame, preserve_index=False))


def encoder(**parameters):
    given = {"categorical_features": ["city", "kind", "day", "shop"], "crosses": None}
    return NeuralEmbeddingEncoder(**{**given, "max_epochs": 3, "random_state": 0, **parameters})


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(skembed._fit.spilled_rows, "BLOCK_ROWS", 500)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which temporary files are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def check_equal(stored, held, X):
    assert stored.vocabularies_ == held.vocabularies_
    for name, vocabulary in held.vocabularies_.items():
        np.testing.assert_array_equal(stored.vocabularies_[name].counts, vocabulary.counts)
    assert list(stored.tables_) == list(held.tables_)
    for name, table in held.tables_.items():
        assert len(np.unique(table, axis=0)) > 1
        np.testing.assert_array_equal(stored.tables_[name], table)
    for key in ("out_of_fold_loss", "table_loss"):
        np.testing.assert_array_equal(stored.history_[key], held.history_[key])
    np.testing.assert_array_equal(stored.transform(X), held.transform(X))
    np.testing.assert_array_equal(stored.get_feature_names_out(), held.get_feature_names_out())


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        ("sold", {}),
        ("stars", {}),
        ("amount", {}),
        ("sold", {"crosses": "auto"}),
        ("amount", {"crosses": "auto"}),
        ("amount", {"crosses": 2}),
        ("sold", {"crosses": [("city", "kind"), ("kind", "price")]}),
        ("stars", {"cv": None}),
        ("amount", {"cv": KFold(3, shuffle=True, random_state=0)}),
        ("sold", {"min_frequency": 12}),
        ("amount", {"use_context": False}),
    ],
    ids=str,
)
def test_fit_parquet_of_one_file_gives_the_bits_of_fit(target, parameters):
    rows = sales()
    others = [name for name in TARGETS if name != target]
    X, y = rows.drop(columns=TARGETS), rows[target]
    stored = encoder(**parameters).fit_parquet(dataset_of(rows.drop(columns=others)), target)
    held = encoder(**parameters).fit(X, y)
    check_equal(stored, held, X.head(100))
    np.testing.assert_array_equal(stored.classes_, held.classes_)
    np.testing.assert_array_equal(stored.feature_names_in_, held.feature_names_in_)
    assert stored.n_features_in_ == 5


def test_fit_parquet_auto_chooses_the_crosses_of_fit():
    rows = sales().drop(columns=["sold", "stars"])
    stored = encoder(crosses="auto", max_epochs=8).fit_parquet(dataset_of(rows), "amount")
    assert "city x kind" in stored.crosses_


@pytest.mark.parametrize(
    "cv", [StratifiedKFold(4, shuffle=True, random_state=1), KFold(15)], ids=["four", "many"]
)
def test_fit_parquet_splitter_splits_as_in_fit(cv):
    rows = sales().drop(columns=["stars", "amount"])
    X, y = rows.drop(columns="sold"), rows["sold"]
    stored = encoder(cv=cv).fit_parquet(dataset_of(rows), "sold")
    check_equal(stored, encoder(cv=cv).fit(X, y), X.head(100))


@pytest.mark.parametrize("target", TARGETS)
def test_fit_parquet_weights_weigh_as_in_fit(target):
    rows = sales()
    weight = np.random.default_rng(1).integers(0, 4, len(rows)) / 2
    X, y = rows.drop(columns=TARGETS), rows[target]
    stored = encoder().fit_parquet(dataset_of(X.assign(y=y, w=weight)), "y", sample_weight="w")
    check_equal(stored, encoder().fit(X, y, sample_weight=weight), X.head(100))


@pytest.mark.parametrize(
    ("loss", "given"),
    [("quantile", {"quantile": 0.8}), ("poisson", {}), ("squared_error", {"y_range": (-0.5, 60)})],
)
def test_fit_parquet_losses_are_those_of_fit(loss, given):
    rows = sales()
    X, y = rows.drop(columns=TARGETS), np.round(np.exp(rows["amount"].clip(upper=4)))
    stored = encoder(loss=loss, **given).fit_parquet(dataset_of(X.assign(y=y)), "y")
    check_equal(stored, encoder(loss=loss, **given).fit(X, y), X.head(100))


def test_fit_parquet_folder_is_read_as_one_file(tmp_path):
    rows = sales().drop(columns=["stars", "amount"])
    for i, at in enumerate((0, 1000, 2000)):
        rows[at : at + 1000].to_parquet(tmp_path / f"{i}.parquet", index=False, row_group_size=300)
    X, y = rows.drop(columns="sold"), rows["sold"]
    stored = encoder().fit_parquet(str(tmp_path), "sold")
    check_equal(stored, encoder().fit(X, y), X.head(100))


def test_fit_parquet_several_files_agree_but_for_noise(small_files):
    rows = sales().drop(columns=["sold", "stars", "shop"])
    X, y = rows.drop(columns="amount"), rows["amount"]
    given = {"categorical_features": ["city", "kind", "day"], "max_epochs": 20}
    stored = encoder(**given).fit_parquet(dataset_of(rows), "amount")
    held = encoder(**given).fit(X, y)
    losses = [fitted.history_["out_of_fold_loss"].min() for fitted in (stored, held)]
    assert losses[0] == pytest.approx(losses[1], rel=0.03)
    for column in ("city", "kind"):
        first = [fitted.embedding(column).iloc[3:, 0] for fitted in (stored, held)]
        assert np.corrcoef(*first)[0, 1] > 0.95


@pytest.mark.parametrize("crosses", ["auto", 2, [("city", "kind")]], ids=str)
def test_fit_parquet_crosses_hold_combinations_of_all_files(small_files, crosses):
    rows = sales()[["city", "kind", "price", "amount"]]
    X, y = rows.drop(columns="amount"), rows["amount"]
    given = {"categorical_features": ["city", "kind"], "crosses": crosses, "max_epochs": 8}
    stored = encoder(**given).fit_parquet(dataset_of(rows), "amount")
    (ours,) = (cross for name, cross in stored.crosses_.items() if name == "city x kind")
    held = encoder(**{**given, "crosses": [("city", "kind")]}).fit(X, y).crosses_["city x kind"]
    np.testing.assert_array_equal(ours.keys, held.keys)
    np.testing.assert_array_equal(ours.counts, held.counts)


def test_fit_parquet_reads_each_file_once_per_epoch(small_files, monkeypatch):
    read = []
    get = skembed._fit.spilled_rows.StoredBlocks.__getitem__
    monkeypatch.setattr(
        skembed._fit.spilled_rows.StoredBlocks,
        "__getitem__",
        lambda self, i: read.append(i) or get(self, i),
    )
    encoder(max_epochs=4).fit_parquet(dataset_of(sales().drop(columns=["sold", "stars"])), "amount")
    times = np.bincount(read)
    assert times.tolist() == [5, 4, 4, 4, 4, 4]  # the first once more, for what a sample tells


def test_fit_parquet_knows_what_one_file_alone_holds(small_files):
    rows = sales().drop(columns=["stars", "amount"])
    rows.loc[7, ["city", "sold"]] = ["Atlantis", "maybe"]
    stored = encoder().fit_parquet(dataset_of(rows), "sold")
    assert stored.classes_.tolist() == ["maybe", "no", "yes"]
    vocabulary = stored.vocabularies_["city"]
    assert vocabulary.counts[vocabulary.codes_of(["Atlantis"])[0]] == 1
    assert np.isfinite(stored.tables_["city"]).all()


def test_fit_parquet_sees_extremes_of_all_files(small_files):
    rows = sales().drop(columns=["stars", "sold"])
    bounded = encoder(y_range=(-99, rows["amount"].sort_values().iloc[-2]))
    with pytest.raises(ValueError, match="y_range"):
        bounded.fit_parquet(dataset_of(rows), "amount")


def test_fit_parquet_same_bits_from_the_same_seed(small_files):
    rows = sales().drop(columns=["stars", "sold"])
    X = rows.drop(columns="amount").head(100)
    first, second = (encoder().fit_parquet(dataset_of(rows), "amount") for _ in range(2))
    check_equal(first, second, X)


def test_fit_parquet_floats_are_no_classes():
    rows = sales().drop(columns="sold")
    fitted = encoder().fit_parquet(dataset_of(rows), "amount")
    assert fitted.target_type_ == "continuous"


def test_fit_parquet_decimals_are_quantities():
    rows = sales().drop(columns=["sold", "stars"])
    decimals = pa.array(map(Decimal, rows["amount"].round(2).astype(str)), pa.decimal128(9, 2))
    held = encoder().fit(rows.drop(columns="amount"), decimals.to_pandas())
    table = pa.Table.from_pandas(rows.drop(columns="amount"), preserve_index=False)
    stored = encoder().fit_parquet(
        pyarrow.dataset.dataset(table.append_column("amount", decimals)), "amount"
    )
    assert stored.target_type_ == "continuous"
    check_equal(stored, held, rows.drop(columns="amount").head(100))


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32(), pa.duration("s")], ids=str)
def test_fit_parquet_target_of_dates_is_refused(kind):
    rows = sales()[["city", "kind"]]
    table = pa.Table.from_pandas(rows, preserve_index=False)
    day = pa.array(np.arange(len(rows)) % 2, pa.int32() if pa.types.is_date(kind) else pa.int64())
    table = table.append_column("day", day.cast(kind))
    with pytest.raises(ValueError, match=r"target='day': y holds (dates|durations) \(its type"):
        encoder(categorical_features="auto").fit_parquet(pyarrow.dataset.dataset(table), "day")


def test_fit_parquet_removes_its_files(temporary):
    encoder().fit_parquet(dataset_of(sales()), "sold")
    assert list(temporary.iterdir()) == []


def bad(column, row, value):
    rows = sales()
    rows.loc[row, column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "target", "parameters", "message"),
    [
        (sales(), "sales", {}, "target='sales' is not a column"),
        (sales().head(0), "sold", {}, "0 sample"),
        (bad("sold", 2900, None), "sold", {}, "'sold' is missing in row 2900"),
        (bad("amount", 2900, np.nan), "amount", {}, "'amount' is missing in row 2900"),
        (bad("amount", 2900, -np.inf), "amount", {}, "'amount' is infinite in row 2900"),
        (bad("price", 2900, np.inf), "sold", {}, r"'price' holds an infinite value \(row 2900\)"),
        (sales().assign(sold="yes"), "sold", {}, "one class"),
        (sales(), "sold", {"target_type": "continuous"}, "'sold' must hold numbers"),
        (sales(), "sold", {"target_type": "multilabel"}, "target_type='multilabel'"),
        (sales(), "sold", {"handle_missing": "error"}, "'city' is missing in row"),
        (sales(), "sold", {"categorical_features": ["town"]}, "'town'"),
        (sales(), "sold", {"cv": GroupKFold(3)}, "groups"),
        (sales(), "sold", {"cv": [([0], [1])]}, "looks at all rows"),
        (sales(), "sold", {"pretrained": {"city": {"city 1": [1.0]}}}, "pretrained"),
        (
            sales()[["sold"]].assign(tags=[["a"]] * 3000),
            "sold",
            {"categorical_features": "auto"},
            "'tags'",
        ),
        (sales().assign(note="x y"), "sold", {}, "'note' is not embedded"),
        (sales(), "sold", {"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        (sales().drop(columns="sold"), "stars", {"interaction": "dot"}, "interaction='dot'"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_fit_parquet_error_leaves_nothing(temporary, rows, target, parameters, message):
    fitted = encoder().set_params(**parameters)
    fitted.earlier_ = "kept"
    rows = rows if target.startswith("s") else rows.drop(columns="sold")
    with pytest.raises(ValueError, match=message):
        fitted.fit_parquet(dataset_of(rows), target)
    assert [name for name in vars(fitted) if name.endswith("_")] == ["earlier_"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("tons", "sample_weight='tons' is not a column"),
        ("sold", "target and sample_weight are both 'sold'"),
        ("kind", "'kind' must hold numbers"),
        ("amount", "'amount' is negative in row"),
        ("price", "'price' is missing in row"),
    ],
)
def test_fit_parquet_bad_weights_are_an_error(weight, message):
    rows = sales().filter(dict.fromkeys(["city", "shop", "sold", weight]))
    with pytest.raises(ValueError, match=message):
        encoder(categorical_features=["city", "shop"]).fit_parquet(
            dataset_of(rows), "sold", sample_weight=weight
        )


def test_fit_parquet_weights_all_zero_are_an_error():
    with pytest.raises(ValueError, match="'w' is 0 in all rows"):
        encoder().fit_parquet(dataset_of(sales().assign(w=0.0)), "sold", sample_weight="w")


def test_fit_parquet_leaves_out_id_columns():
    rows = sales()[["city", "kind", "price", "sold"]]
    rows["note"] = [f"note {i}" for i in range(len(rows))]
    with pytest.warns(UserWarning, match="'note'") as caught:
        fitted = encoder(categorical_features="auto").fit_parquet(dataset_of(rows), "sold")
    assert "note" not in fitted.vocabularies_
    assert {warning.filename for warning in caught} == {__file__}


def test_fit_parquet_without_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'skembed\[parquet\]'"):
        encoder().fit_parquet("sales.parquet", "sold")


def test_fit_parquet_takes_a_file_of_pandas(tmp_path):
    pq.write_table(pyarrow.Table.from_pandas(sales()), tmp_path / "sales.parquet")
    fitted = encoder().fit_parquet(tmp_path / "sales.parquet", "sold")
    assert fitted.transform(sales().drop(columns="sold").head(7)).shape[0] == 7


@pytest.mark.parametrize("crosses", [None, [("city", "kind"), ("kind", "price")]], ids=str)
def test_fit_transform_parquet_writes_fit_transform_features(tmp_path, crosses):
    rows = sales().drop(columns=["sold", "stars"])
    X, y = rows.drop(columns="amount"), rows["amount"]
    encoder(crosses=crosses).fit_transform_parquet(dataset_of(rows), "amount", tmp_path / "out")
    held = encoder(crosses=crosses).set_output(transform="pandas")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out"), held.fit_transform(X, y))


def test_leak_absent_from_fit_transform_parquet(small_files, tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"id": rng.integers(0, 600, 3000).astype(str), "y": rng.normal(size=3000)})
    given = {"categorical_features": ["id"], "early_stopping": False, "embedding_dim": 1}
    fitted = encoder(**given).fit_transform_parquet(dataset_of(rows), "y", tmp_path / "out")
    written = pd.read_parquet(tmp_path / "out")["id_0"]
    assert np.corrcoef(fitted.transform(rows[["id"]])[:, 0], rows["y"])[0, 1] > 0.2
    assert abs(np.corrcoef(written, rows["y"])[0, 1]) < 0.06  # 3 standard errors


def test_fit_transform_parquet_out_in_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        encoder().fit_transform_parquet(dataset_of(sales()), "sold", tmp_path / "no" / "out")


@pytest.mark.parametrize(("read", "out"), [("a", "a"), ("", "a"), ("", "b")])
def test_fit_transform_parquet_out_among_inputs_is_an_error(tmp_path, read, out):
    sales().to_parquet(tmp_path / "a")
    with pytest.raises(ValueError, match="give another name or folder"):
        encoder().fit_transform_parquet(tmp_path / read, "sold", tmp_path / out)


def test_fit_parquet_auto_takes_no_cross_larger_than_a_file(monkeypatch):
    monkeypatch.setattr(skembed._fit.spilled_rows, "BLOCK_ROWS", 1500)
    rows = sales()[["city", "kind", "shop", "amount"]]
    given = {"categorical_features": ["city", "kind", "shop"], "max_epochs": 1}
    asked = [("city", "kind"), ("city", "shop")]
    monkeypatch.setattr("skembed._fit.train.choose_crosses", lambda *rest: asked)
    monkeypatch.setattr("skembed._fit.train.count_errors", lambda differences: -9.0)
    chosen = encoder(crosses="auto", embedding_dim=1, **given)
    found = []
    chosen._finish = lambda learned, columns: found.append(learned)
    chosen.fit_parquet(dataset_of(rows), "amount")
    assert [cross.name for cross in found[0].row_encoder.crosses] == ["city x kind"]
    named = encoder(crosses=asked, **given).fit_parquet(dataset_of(rows), "amount")
    assert list(named.crosses_) == ["city x kind", "city x shop"]


# Columns of rare names and types


@pytest.mark.parametrize("renamed", ["city", "price", "amount"])
def test_fit_parquet_takes_a_column_without_a_name(tmp_path, renamed):
    rows = sales().drop(columns=["sold", "stars"]).rename(columns={renamed: ""})
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    target = rows.columns[-1]
    named = [name for name in rows.columns[:-1] if name != "price"]
    stored = encoder(categorical_features=named).fit_parquet(tmp_path / "rows.parquet", target)
    X, y = rows.drop(columns=target), rows[target]
    check_equal(stored, encoder(categorical_features=named).fit(X, y), X.head(100))


def rare_columns():
    """Ids and numbers of types that some functions of Arrow do not know."""
    ids = sales()["shop"].to_numpy()
    texts = pa.array([f"{i:03}" for i in ids])
    found = {
        "bytes": texts.cast(pa.binary()),
        "bytes of one length": pa.array([b"%03d" % i for i in ids], pa.binary(3)),
        "views of bytes": texts.cast(pa.binary_view()),
        "dictionary of ints": pa.array(ids).dictionary_encode(),
        "dictionary of floats": pa.array(ids / 2).dictionary_encode(),
        "days": pa.array(ids.astype("M8[D]"), pa.date32()),
        "moments of days": pa.array(ids.astype("M8[D]"), pa.date32()).cast(pa.date64()),
        "decimals": pa.array(ids).cast(pa.decimal256(40, 2)),
    }
    if hasattr(pa, "json_"):
        given = [UUID(int=int(i)).bytes for i in ids]
        found["UUIDs"] = pa.array(given, pa.uuid())
        found["JSON"] = pa.ExtensionArray.from_storage(pa.json_(), texts)
        found["booleans of a byte"] = pa.ExtensionArray.from_storage(
            pa.bool8(), pa.array(ids % 2, pa.int8())
        )
    if hasattr(pa, "decimal32"):
        found["small decimals"] = (
            pa.array(ids % 90).cast(pa.decimal128(21, 2)).cast(pa.decimal32(4, 2))
        )
    return found


@pytest.mark.parametrize("kind", rare_columns())
def test_fit_parquet_takes_columns_of_rare_types_as_fit_does(kind):
    rows = sales().drop(columns=["sold", "stars", "day", "shop"])
    table = pa.Table.from_pandas(rows, preserve_index=False).append_column(
        "rare", rare_columns()[kind]
    )
    parameters = {"categorical_features": ["city", "kind", "rare"], "max_epochs": 1}
    stored = encoder(**parameters).fit_parquet(pyarrow.dataset.dataset(table), "amount")
    X = table.drop_columns(["amount"])
    check_equal(stored, encoder(**parameters).fit(X, rows["amount"]), X[:100])


@pytest.mark.parametrize("kind", ["decimals", "small decimals"])
def test_fit_parquet_reads_decimals_as_numbers(kind):
    if kind not in rare_columns():
        pytest.skip("this pyarrow has no such type")
    rows = sales().drop(columns=["sold", "stars", "day", "shop"])
    table = pa.Table.from_pandas(rows, preserve_index=False).append_column(
        "rare", rare_columns()[kind]
    )
    parameters = {"categorical_features": ["city", "kind"], "max_epochs": 1}
    stored = encoder(**parameters).fit_parquet(pyarrow.dataset.dataset(table), "amount")
    X = table.drop_columns(["amount"])
    check_equal(stored, encoder(**parameters).fit(X, rows["amount"]), X[:100])


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64()], ids=str)
def test_fit_parquet_takes_targets_and_weights_that_are_dictionaries(kind):
    rows = sales()
    X, amount = rows.drop(columns=TARGETS), rows["amount"].round()
    weight = np.random.default_rng(1).integers(0, 4, len(rows))
    table = pa.Table.from_pandas(X, preserve_index=False)
    for name, values in (("y", amount), ("w", weight)):
        table = table.append_column(name, pa.array(values).cast(kind).dictionary_encode())
    settings = {"target_type": "continuous", "max_epochs": 1}
    stored = encoder(**settings).fit_parquet(pyarrow.dataset.dataset(table), "y", sample_weight="w")
    check_equal(stored, encoder(**settings).fit(X, amount, sample_weight=weight), X.head(100))


def test_fit_parquet_floats_of_a_dictionary_are_quantities():
    rows = sales().drop(columns=["sold", "stars"])
    table = pa.Table.from_pandas(rows.drop(columns="amount"), preserve_index=False)
    table = table.append_column("amount", pa.array(rows["amount"]).dictionary_encode())
    stored = encoder(max_epochs=1).fit_parquet(pyarrow.dataset.dataset(table), "amount")
    assert stored.target_type_ == "continuous"


@pytest.mark.skipif(not hasattr(pa, "bool8"), reason="this pyarrow has no such type")
def test_fit_parquet_takes_a_target_of_arrow_booleans_of_a_byte():
    rows = sales().drop(columns=["stars", "amount"])
    X, sold = rows.drop(columns="sold"), (rows["sold"] == "yes").to_numpy()
    bytes_ = pa.ExtensionArray.from_storage(pa.bool8(), pa.array(sold.astype(np.int8)))
    table = pa.Table.from_pandas(X, preserve_index=False).append_column("sold", bytes_)
    stored = encoder(max_epochs=1).fit_parquet(pyarrow.dataset.dataset(table), "sold")
    check_equal(stored, encoder(max_epochs=1).fit(X, sold), X.head(100))
