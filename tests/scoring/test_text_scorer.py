"""Rows of CSV are scored as the same values in memory are, and what is kept stays as written."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import NeuralEmbeddingEncoder
from skembed.scoring import score_file

QUICK = {"max_epochs": 5, "crosses": None, "random_state": 0}
Y = [3.0, 1.5, 4.2] * 40


@pytest.fixture(params=[None, "bad.csv"], ids=["strict", "quarantine"])
def scored(request, tmp_path, monkeypatch):
    """From an estimator and the lines of a CSV file to what `score_file` writes."""
    monkeypatch.chdir(tmp_path)

    def score(estimator, lines, out="out.parquet", **options):
        (tmp_path / "rows.csv").write_text(lines)
        score_file(estimator, "rows.csv", out, quarantine=request.param, **options)
        return pd.read_parquet(out) if out == "out.parquet" else (tmp_path / out).read_text()

    return score


@pytest.fixture(scope="module")
def lands():
    """An encoder that knows the word "NA" as a level, and levels that are numbers."""
    X = pd.DataFrame({"land": ["NA", "DE", "FR"] * 40, "shop": [1, 2, 3] * 40})
    return NeuralEmbeddingEncoder(categorical_features=["land", "shop"], **QUICK).fit(X, Y)


def test_score_file_csv_word_that_is_a_level_is_that_level(lands, scored):
    found = scored(lands, 'land,shop\nNA,1\n"NA",1\nnull,1\n"null",1\n,1\n"",1\n')
    same = pd.DataFrame({"land": ["NA", "NA", None, "null", None, None], "shop": 1})
    np.testing.assert_array_equal(found, lands.transform(same))


def test_score_file_csv_words_for_missing_are_those_given(lands, scored):
    found = scored(lands, "land,shop\nNA,1\n-,1\nnull,-\n,1\n", missing_values=["-", "NA"])
    same = pd.DataFrame({"land": [None, None, "null", None], "shop": [1, 1, None, 1]})
    np.testing.assert_array_equal(found, lands.transform(same))


def test_score_file_csv_quoted_number_and_quoted_missing_number(lands, scored):
    found = scored(lands, '"land","shop"\n"DE","1"\n"DE",""\n"DE","NA"\n"DE","3"\n')
    same = pd.DataFrame({"land": "DE", "shop": [1, None, None, 3]})
    np.testing.assert_array_equal(found, lands.transform(same))


def test_score_file_csv_id_that_is_no_number_is_an_unseen_level(lands, scored):
    found = scored(lands, "land,shop\nDE,1\nDE,N7\nDE, 2\nDE,\nDE,3.0\nDE,1_0\n")
    same = pd.DataFrame({"land": "DE", "shop": [1, "N7", 2, None, 3, "1_0"]})
    np.testing.assert_array_equal(found, lands.transform(same))


def test_score_file_csv_id_that_is_no_number_is_named_where_it_may_not_be(scored):
    X = pd.DataFrame({"shop": [1, 2, 3] * 40})
    strict = NeuralEmbeddingEncoder(
        categorical_features=["shop"], handle_unknown="error", **QUICK
    ).fit(X, Y)
    with pytest.raises(ValueError, match=r"Column 'shop' holds .* \['N7'\]|None of the 1 rows"):
        scored(strict, "shop\nN7\n")
    if Path("bad.csv").exists():
        assert "did not see: ['N7']" in Path("bad.csv").read_text()


def test_score_file_csv_rows_behind_a_bad_cell_are_as_before(lands, tmp_path, monkeypatch):
    monkeypatch.setattr("skembed._files.csv.BLOCK_BYTES", 64)  # several blocks
    shops = [*[1, 2, 3] * 30, "N7", *[3, 2, 1] * 30]
    rows = pd.DataFrame({"land": "FR", "shop": shops})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    score_file(lands, tmp_path / "rows.csv", tmp_path / "out.parquet", part_rows=50)
    found = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_array_equal(found, lands.transform(rows))


FIELDS = ["00501", "+4711", "12345678901234567890123", "NA", '"NA"', "1.50", "", '"a,""b"""']


def test_score_file_csv_kept_fields_are_the_same_bytes(lands, scored):
    lines = "id,land,shop\n" + "".join(f"{field},DE,1\n" for field in FIELDS)
    told = scored(lands, lines, "out.csv", keep=["id", "land"], part_rows=3).splitlines()
    assert told[0].startswith('"id","land","land_0"')
    assert [line.split(",DE,")[0] for line in told[1:]] == FIELDS


def test_score_file_csv_kept_fields_stay_between_quotes(lands, scored):
    lines = '"id","land","shop"\n"007","DE",1\nNA,"FR",1\n'
    told = scored(lands, lines, "out.csv", keep=["id", "land", "shop"])
    rows = [line.split(",")[:3] for line in told.splitlines()]
    assert rows == [line.split(",") for line in lines.splitlines()]


def test_score_file_csv_kept_fields_are_texts_in_parquet(lands, scored):
    lines = "id,land,shop\n" + "".join(f"{field},DE,1\n" for field in FIELDS)
    found = scored(lands, lines, keep=["id", "shop"])
    texts = ["00501", "+4711", "12345678901234567890123", "NA", "NA", "1.50", "-", 'a,"b"']
    assert found["id"].fillna("-").tolist() == texts
    assert found["shop"].tolist() == ["1"] * len(FIELDS)


def test_score_file_csv_kept_fields_keep_their_lines(lands, scored):
    told = scored(lands, 'id;land;shop\n"a\nb";DE;1\nc,d;FR;2\n', "out.csv", keep=["id"])
    assert [row[0] for row in csv.reader(told.splitlines(keepends=True))] == ["id", "a\nb", "c,d"]


def test_score_file_csv_quarantined_fields_are_as_written(tmp_path):
    X = pd.DataFrame({"zip": ["00501", "00502", "NA"] * 40, "area": Y})
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, Y)
    (tmp_path / "rows.csv").write_text('zip,area\n00501,1\nNA,two\n"NA",two\n00502,one,more\n')
    score_file(
        encoder, tmp_path / "rows.csv", tmp_path / "out.csv", quarantine=tmp_path / "bad.csv"
    )
    lines = (tmp_path / "bad.csv").read_text().splitlines()
    fault = "\"Column 'area': Failed to parse string: 'two' as a scalar of type double.\""
    assert lines == [
        '"row","reason","zip","area","text"',
        f"1,{fault},NA,two,",
        f'2,{fault},"NA",two,',
        '3,"3 fields instead of 2",,,"00502,one,more"',
    ]


def test_score_file_csv_types_are_found_in_a_column_transformer(scored):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"zip": rng.choice(["00501", "00502", "10000"], 300), "area": 1.5})
    y = X["zip"] == "00501"
    inside = make_column_transformer(
        (NeuralEmbeddingEncoder(**QUICK), ["zip"]), (StandardScaler(), ["area"])
    )
    model = make_pipeline(inside, LogisticRegression()).fit(X, y)
    found = scored(model, X.to_csv(index=False), method="predict_proba")
    np.testing.assert_array_equal(found, model.predict_proba(X))


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.bz2"])
def test_score_file_csv_may_be_compressed(lands, tmp_path, suffix):
    rows = pd.DataFrame({"land": ["DE", "NA"], "shop": [1, 2]})
    rows.to_csv(tmp_path / f"rows{suffix}", index=False)
    score_file(lands, tmp_path / f"rows{suffix}", tmp_path / "out.parquet")
    found = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_array_equal(found, lands.transform(rows))
    with pytest.raises(ValueError, match=rf"out{suffix}' has the suffix"):
        score_file(lands, tmp_path / f"rows{suffix}", tmp_path / f"out{suffix}")


def test_score_file_csv_separator_may_be_another(lands, tmp_path):
    rows = pd.DataFrame({"land": ["DE", "NA"], "shop": [1, 2]})
    for name, sign in (("rows.tsv", "\t"), ("rows.csv", ";")):
        rows.to_csv(tmp_path / name, index=False, sep=sign, encoding="utf-8-sig")
        score_file(lands, tmp_path / name, tmp_path / "out.parquet")
        found = pd.read_parquet(tmp_path / "out.parquet")
        np.testing.assert_array_equal(found, lands.transform(rows))
