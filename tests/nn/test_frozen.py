import copy
import io
import itertools
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from torch import nn
from torch.nn import functional

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

CROSSES = [("education", "occupation"), ("occupation", "age"), ("sex", "race", "relationship")]


@pytest.fixture(scope="module", params=[None, CROSSES], ids=["plain", "crossed"])
def encoder(adult, request):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(
        crosses=request.param, remainder="drop", max_epochs=3, random_state=0
    )
    return encoder.fit(X, y)


@pytest.fixture
def rent_model(rents):
    X, y = rents
    return NeuralEmbeddingRegressor(crosses=[("city", "rooms")], random_state=0).fit(X, y)


def as_probabilities(vectors, inputs):
    """The codes among the inputs as one-hot rows."""
    sizes = dict(zip(vectors.embedding.names, vectors.embedding.sizes, strict=True))
    return {
        name: entry if entry.is_floating_point() else functional.one_hot(entry, sizes[name]).float()
        for name, entry in inputs.items()
    }


def strange(X):
    """Rows with unseen and missing levels and missing numbers."""
    X = X.copy()
    X.loc[X.index[:50], "education"] = "Kindergarten"
    X.loc[X.index[25:75], "occupation"] = None
    X["age"] = X["age"].astype(float)
    X.loc[X.index[60:90], "age"] = np.nan
    return X


def test_to_torch_codes_give_what_transform_gives(adult, encoder):
    X = strange(adult[1])
    vectors = encoder.to_torch()
    np.testing.assert_array_equal(vectors(vectors.inputs(X)).numpy(), encoder.transform(X))


def test_to_torch_one_hot_rows_give_what_transform_gives(adult, encoder):
    X = strange(adult[1])
    vectors = encoder.to_torch()
    found = vectors(as_probabilities(vectors, vectors.inputs(X)))
    np.testing.assert_allclose(found.numpy(), encoder.transform(X), rtol=1e-5, atol=1e-6)


def test_to_torch_leaves_out_columns_that_pass_through(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=2, embedding_dim=2, max_epochs=2, random_state=0)
    encoder.fit(X, y)
    names = encoder.get_feature_names_out()
    expected = encoder.transform(X.head(9))[:, names != "rooms"]
    vectors = encoder.to_torch()
    np.testing.assert_array_equal(vectors(vectors.inputs(X.head(9))).numpy(), expected)


def test_to_torch_cross_of_probabilities_is_the_expectation(rents):
    """Summed over all pairs of codes, unseen and missing ones among them."""
    X, y = rents
    X = X.replace({"kind": {"house": None}})
    encoder = NeuralEmbeddingEncoder(crosses=2, max_epochs=3, random_state=0).fit(X, y)
    vectors = encoder.to_torch()
    generator = torch.Generator().manual_seed(0)
    city, kind = (
        torch.randn(2, encoder.vocabularies_[name].n_codes, generator=generator).softmax(dim=1)
        for name in ("city", "kind")
    )
    expected = sum(
        city[:, [i]]
        * kind[:, [j]]
        * vectors({"city": torch.tensor([i]), "kind": torch.tensor([j])})
        for i, j in itertools.product(range(city.shape[1]), range(kind.shape[1]))
    )
    torch.testing.assert_close(vectors({"city": city, "kind": kind}), expected)


def test_to_torch_cross_of_probabilities_and_codes(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=2, max_epochs=3, random_state=0).fit(X, y)
    vectors = encoder.to_torch()
    kind = torch.tensor([3, 4])
    mixed = vectors({"city": torch.tensor([[0, 0, 0, 0.25, 0.75, 0, 0]] * 2), "kind": kind})
    bern = vectors({"city": torch.tensor([3, 3]), "kind": kind})
    kyiv = vectors({"city": torch.tensor([4, 4]), "kind": kind})
    torch.testing.assert_close(mixed, 0.25 * bern + 0.75 * kyiv)


@pytest.mark.parametrize("crosses", [None, CROSSES])
def test_to_torch_net_of_a_classifier(adult, crosses):
    X, X_test, y, _ = adult
    model = NeuralEmbeddingClassifier(crosses=crosses, max_epochs=2, random_state=0).fit(X, y)
    net = model.to_torch()
    X_test = strange(X_test)
    np.testing.assert_allclose(
        net(net.inputs(X_test)).numpy(), model._output(X_test), rtol=1e-5, atol=1e-5
    )


def test_to_torch_net_of_many_classes(adult):
    X, X_test, _, _ = adult
    X, y, X_test = X.drop(columns="race"), X["race"], X_test.drop(columns="race")
    model = NeuralEmbeddingClassifier(crosses=None, max_epochs=2, random_state=0).fit(X, y)
    net = model.to_torch()
    found = net(net.inputs(X_test)).softmax(dim=1)
    np.testing.assert_allclose(found.numpy(), model.predict_proba(X_test), rtol=1e-4, atol=1e-6)


def test_to_torch_net_of_a_regressor_with_missing_numbers(rents):
    X, y = rents
    X["rooms"] = X["rooms"].astype(float).where(X.index % 7 > 0)
    model = NeuralEmbeddingRegressor(crosses=[("city", "rooms")], random_state=0, max_epochs=3)
    net = model.fit(X, y).to_torch()
    np.testing.assert_allclose(net(net.inputs(X)).numpy(), model._output(X), rtol=1e-5, atol=1e-5)


def test_to_torch_numbers_whose_squares_overflow(rent_model, rents):
    X = rents[0].head(3).assign(rooms=[-1e300, 0.0, 1e300])
    net = rent_model.to_torch()
    np.testing.assert_allclose(net(net.inputs(X)).numpy(), rent_model._output(X), rtol=1e-5)


def test_to_torch_gradients_reach_inputs_alone(rent_model):
    net = rent_model.to_torch().double()
    city = torch.randn(3, 7, generator=torch.Generator().manual_seed(0)).double().softmax(dim=1)
    rooms = torch.tensor([1.2, 3.1, 4.3], dtype=torch.double)

    def run(city, rooms):
        return net({"city": city, "kind": torch.tensor([3, 4, 0]), "rooms": rooms})

    assert torch.autograd.gradcheck(run, (city.requires_grad_(), rooms.requires_grad_()))
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_to_torch_missing_number_has_gradient_zero(rent_model):
    rooms = torch.tensor([2.0, float("nan")], requires_grad=True)
    codes = torch.tensor([3, 3])
    rent_model.to_torch()({"city": codes, "kind": codes, "rooms": rooms}).sum().backward()
    assert rooms.grad[0] != 0
    assert rooms.grad[1] == 0


def test_to_torch_trains_another_net_through_it(rents, rent_model):
    """A net that sees how far north a flat lies learns from rents alone which city it is in.

    Of the dearest and the cheapest, that is: those between have the rent of a mixture, too.
    """
    X, y = rents
    north = X["city"].map({"Bern": 46.9, "Oslo": 59.9, "Rome": 41.9, "Kyiv": 50.5})
    seen = torch.tensor((north.to_numpy("float32") - 50) / 10)[:, None]
    rent = torch.tensor(((y - y.mean()) / y.std(ddof=0)).to_numpy("float32"))[:, None]
    net1 = rent_model.to_torch()
    inputs, before = net1.inputs(X), copy.deepcopy(net1.state_dict())
    torch.manual_seed(0)
    net0 = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(dim=1))
    adam, losses = torch.optim.Adam(net0.parameters(), lr=0.01), []
    for _ in range(300):
        city = functional.pad(net0(seen), (3, 0))  # the reserved codes are not predicted
        loss = functional.mse_loss(net1(inputs | {"city": city}), rent)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    extreme = torch.tensor(X["city"].isin(["Bern", "Kyiv"]).to_numpy())
    assert torch.equal(city.argmax(dim=1)[extreme], inputs["city"][extreme])
    assert all(torch.equal(before[name], value) for name, value in net1.state_dict().items())


def test_to_torch_can_be_saved_and_loaded(rents, rent_model):
    X, _ = rents
    net, file = rent_model.to_torch(), io.BytesIO()
    torch.save(net, file)
    loaded = torch.load(io.BytesIO(file.getvalue()), weights_only=False)
    assert torch.equal(loaded(loaded.inputs(X)), net(net.inputs(X)))


def test_to_torch_is_not_changed_by_a_later_fit(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=1, random_state=0).fit(X, y)
    vectors = encoder.to_torch()
    before = vectors(vectors.inputs(X))
    encoder.fit(X.replace({"city": {"Oslo": "Aachen"}}), -y)
    assert torch.equal(vectors(vectors.inputs(X)), before)


def test_to_torch_draws_nothing_from_the_global_generator(rent_model):
    state = torch.get_rng_state()
    rent_model.to_torch()
    assert torch.equal(torch.get_rng_state(), state)


def codes():
    return {"city": torch.tensor([3]), "kind": torch.tensor([3]), "rooms": torch.tensor([2.0])}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"town": torch.tensor([0])}, ValueError, r"lack the columns \[\] and hold \['town'\]"),
        ({"city": None}, TypeError, "'city' must be given as a Tensor, got NoneType"),
        ({"city": torch.tensor([7])}, ValueError, "'city' has the codes 0 to 6, but row 0 holds 7"),
        ({"city": torch.ones(1, 4)}, ValueError, "'city' has 7 codes, but its entry has the shape"),
        ({"city": torch.ones(1, 7)}, ValueError, "probabilities of column 'city' sums to 7"),
        ({"rooms": torch.ones(1, 1)}, ValueError, r"'rooms' must be a Tensor of numbers \(n_rows,"),
        ({"rooms": torch.tensor([np.inf])}, ValueError, "'rooms' holds an infinite value"),
        ({"rooms": torch.ones(2)}, ValueError, "as many rows, got .*'rooms': 2"),
    ],
)
def test_to_torch_bad_inputs_are_an_error(rent_model, change, error, message):
    with pytest.raises(error, match=message):
        rent_model.to_torch()(codes() | change)


@pytest.mark.filterwarnings("ignore:Sparse")
def test_to_torch_bag_for_a_column_of_levels_is_an_error(rent_model):
    bag = torch.eye(7)[:1].to_sparse_csr()
    with pytest.raises(ValueError, match=r"'city' has the layout .*codes or dense"):
        rent_model.to_torch()(codes() | {"city": bag})


def test_to_torch_absent_column_is_an_error(rent_model):
    inputs = codes()
    del inputs["city"]
    with pytest.raises(ValueError, match=r"lack the columns \['city'\]"):
        rent_model.to_torch()(inputs)


def test_to_torch_checks_frames_as_transform_does(rent_model):
    with pytest.raises(ValueError, match="feature names"):
        rent_model.to_torch().inputs(pd.DataFrame({"town": ["Bern"]}))


@pytest.mark.parametrize("estimator", [NeuralEmbeddingEncoder(), NeuralEmbeddingClassifier()])
def test_to_torch_without_torch_says_what_to_install(rents, estimator, monkeypatch):
    X, y = rents
    model = clone(estimator).set_params(crosses=None, max_epochs=1).fit(X, y > y.median())
    for name in [name for name in sys.modules if name.startswith("skembed.nn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"to_torch needs PyTorch.*skembed\[torch\]"):
        model.to_torch()


def test_to_torch_net_of_dot_products(rents):
    X, y = rents
    model = NeuralEmbeddingRegressor(interaction="dot", max_epochs=3, random_state=0).fit(X, y)
    net = model.to_torch()
    output = net(net.inputs(X)).numpy()
    np.testing.assert_allclose(output, model._output(X), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_to_torch_bags_are_sparse_matrices_of_weights(rents):
    X, y = rents
    X = X.assign(words=[["sea", "view"], ["sea"], [], ["view", "view", "garden"]] * 100)
    encoder = NeuralEmbeddingEncoder(remainder="drop", crosses=None, random_state=0).fit(X, y)
    vectors = encoder.to_torch()
    given = vectors.inputs(X.head(20))
    assert given["words"].layout == torch.sparse_csr
    np.testing.assert_allclose(vectors(given).numpy(), encoder.transform(X.head(20)), rtol=1e-5)
