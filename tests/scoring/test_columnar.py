import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed.scoring._columnar import feature_columns


@pytest.mark.parametrize("n_rows", [0, 1, 1000, 70_000])
@pytest.mark.parametrize("options", [{}, {"crosses": 2}, {"remainder": "drop"}])
def test_columnar_features_are_those_of_transform(adult, n_rows, options):
    X, X_test, y, _ = adult
    columns = ["age", "sex", "race", "occupation"]
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0, **options)
    encoder.fit(X[columns], y)
    rows = pd.concat([X_test[columns]] * 70, ignore_index=True).head(n_rows)
    rows.loc[rows.index[::3], "race"] = None
    rows.loc[rows.index[::5], "sex"] = "unseen"
    for frame in (rows, pa.Table.from_pandas(rows, preserve_index=False)):
        found = feature_columns(encoder, frame)
        np.testing.assert_array_equal(np.column_stack(found), encoder.transform(frame))


def test_columnar_vectors_are_float32_beside_whole_numbers(adult):
    X, X_test, y, _ = adult
    encoder = NeuralEmbeddingEncoder(max_epochs=1).fit(X[["age", "sex"]], y)
    age, sex, *_ = feature_columns(encoder, X_test[["age", "sex"]])
    assert (age.dtype, sex.dtype) == (np.float64, np.float32)


def test_columnar_features_of_bags():
    X = pa.table({"tags": [["a", "b"], ["b"], []] * 40})
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
    fresh = pa.table({"tags": [["b"], ["b", "c"], None]})
    found = np.column_stack(feature_columns(encoder, fresh))
    np.testing.assert_array_equal(found, encoder.transform(fresh))
