import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor


def test_predict_forward_pass_is_the_trained_decoder(rents):
    import torch

    from skembed._training.decoders import Decoder
    from skembed._training.fold_tables import FoldTables
    from skembed._training.rows import TableShape

    X, y = rents
    model = NeuralEmbeddingRegressor(crosses=None, random_state=0, max_epochs=5).fit(X, y)
    shapes = [TableShape(name, *table.shape) for name, table in model.tables_.items()]
    tables = FoldTables(shapes, n_folds=1)
    bias = np.zeros(1, dtype=np.float32)
    net = Decoder(tables, 1, (64, 32), bias, dropout=0.0, generator=torch.Generator())
    with torch.no_grad():
        seen = [*tables.kept, *range(tables.padded, net.layers[0].in_features)]
        for i, (weight, bias) in enumerate(model.decoder_.layers):
            net.layers[i].weight[:, seen if i == 0 else slice(None)] = torch.from_numpy(weight)
            net.layers[i].bias.copy_(torch.from_numpy(bias))
        flat = torch.zeros(len(X), tables.padded)
        for column, (name, table) in zip(tables.columns, model.tables_.items(), strict=True):
            codes = model.vocabularies_[name].codes_of(X[name].tolist())
            flat[:, column.place] = torch.from_numpy(table[codes])
        context = model.row_encoder_.context.matrix([X["rooms"].to_numpy(float)], len(X))
        context = torch.from_numpy(context)
        expected = net(flat, context)[:, 0].numpy() * y.std(ddof=0) + y.mean()
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-5)


def test_predict_takes_unseen_and_missing_levels(rents):
    X, y = rents
    model = NeuralEmbeddingRegressor(random_state=0).fit(X, y)
    strange = X.replace({"city": {"Oslo": "Lima", "Rome": None}})
    assert np.isfinite(model.predict(strange)).all()


def test_predict_takes_missing_numbers(rents):
    X, y = rents
    gaps = X.assign(rooms=X["rooms"].where(X.index % 5 > 0))
    model = NeuralEmbeddingRegressor(random_state=0).fit(gaps, y)
    assert r2_score(y, model.predict(gaps)) > 0.8


@pytest.mark.parametrize("use_context", [True, False])
def test_predict_sees_context_or_not(rents, use_context):
    X, y = rents
    model = NeuralEmbeddingRegressor(random_state=0, use_context=use_context).fit(X, y)
    moved = X.assign(rooms=6 - X["rooms"])
    assert np.array_equal(model.predict(X), model.predict(moved)) != use_context


def test_predict_noise_gives_the_constant_answer():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": rng.permutation(np.arange(2000) % 1000).astype(str)})
    y = rng.normal(5.0, 1.0, size=2000)
    with pytest.warns(UserWarning, match="found nothing in X that predicts y"):
        model = NeuralEmbeddingRegressor(random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y.mean(), rtol=1e-6)


def test_predictor_takes_groups_and_weights(rents):
    X, y = rents
    model = NeuralEmbeddingRegressor(cv=GroupKFold(4), max_epochs=3, random_state=0)
    model.fit(X, y, sample_weight=np.ones(400), groups=X["rooms"] % 4)
    assert model.predict(X).shape == (400,)


def test_predictor_trains_as_the_encoder(rents):
    X, y = rents
    net = NeuralEmbeddingRegressor(random_state=0).fit(X, y)
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        net.history_["out_of_fold_loss"], encoder.history_["out_of_fold_loss"]
    )


def test_predict_works_without_torch(rents, tmp_path):
    X, y = rents
    model = NeuralEmbeddingRegressor(random_state=0, max_epochs=2).fit(X, y)
    (tmp_path / "model").write_bytes(pickle.dumps((model, X)))
    code = (
        "import pickle, sys; model, X = pickle.load(open(sys.argv[1], 'rb')); model.predict(X); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "model"], check=True)
