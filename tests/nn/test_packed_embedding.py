import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from skembed.nn import PackedEmbedding

SIZES, DIMS = [4, 6, 5], [2, 3, 2]


def make(**options):
    """Three columns, two of which have vectors of one length; in double, for gradcheck."""
    torch.manual_seed(0)
    return PackedEmbedding(SIZES, DIMS, **options).double()


def draw_codes(n_rows=7):
    generator = torch.Generator().manual_seed(1)
    return torch.stack([torch.randint(n, (n_rows,), generator=generator) for n in SIZES], dim=1)


def draw_probabilities(size, n_rows=7):
    logits = torch.randn(n_rows, size, generator=torch.Generator().manual_seed(2))
    return logits.double().softmax(dim=1).requires_grad_()


def test_packed_codes_give_what_one_embedding_per_column_gives():
    packed, codes = make(), draw_codes()
    plain = [nn.Embedding.from_pretrained(t.detach(), freeze=False) for t in packed.tables()]
    expected = torch.cat([module(codes[:, i]) for i, module in enumerate(plain)], dim=1)
    assert torch.equal(packed(codes), expected)


def test_packed_gradient_is_that_of_one_embedding_per_column():
    packed, codes = make(), draw_codes()
    plain = [nn.Embedding.from_pretrained(t.detach(), freeze=False) for t in packed.tables()]
    outer = torch.randn(7, 7, dtype=torch.double)
    expected = torch.cat([module(codes[:, i]) for i, module in enumerate(plain)], dim=1)
    (expected * outer).sum().backward()
    (packed(codes) * outer).sum().backward()
    packed.weight.data = packed.weight.grad  # to see it column by column
    for module, gradient in zip(plain, packed.tables(), strict=True):
        torch.testing.assert_close(gradient, module.weight.grad)


@pytest.mark.parametrize("dims", [3, [2, 3]])
def test_packed_tables_beyond_the_cache_give_the_same(dims):
    packed = PackedEmbedding([600_000, 400_000], dims)
    codes = torch.tensor([[0, 399_999], [599_999, 0], [5, 7]])
    tables = packed.tables()
    expected = torch.cat([tables[0][codes[:, 0]], tables[1][codes[:, 1]]], dim=1)
    assert torch.equal(packed(codes), expected)


def test_packed_one_length_costs_one_gather():
    packed = PackedEmbedding([4, 5, 6], 3)
    with torch.profiler.profile() as profile:
        packed(torch.zeros(2, 3, dtype=torch.int64))
    gathers = [event for event in profile.events() if event.name == "aten::index_select"]
    assert len(gathers) == 1


def test_packed_small_integers_are_codes():
    packed, codes = make(), draw_codes()
    assert torch.equal(packed(codes.to(torch.int16)), packed(codes))


def test_packed_list_of_codes_is_the_matrix_of_codes():
    packed, codes = make(), draw_codes()
    assert torch.equal(packed(list(codes.unbind(1))), packed(codes))


def test_packed_one_hot_rows_are_a_linear_layer():
    packed, codes = make(), draw_codes()
    one_hot = [functional.one_hot(codes[:, i], n) for i, n in enumerate(SIZES)]
    expected = []
    for rows, table in zip(one_hot, packed.tables(), strict=True):
        linear = nn.Linear(*table.shape, bias=False).double()
        linear.weight.data = table.detach().T
        expected.append(linear(rows.double()))
    torch.testing.assert_close(packed(one_hot), torch.cat(expected, dim=1))
    torch.testing.assert_close(packed(one_hot), packed(codes))


def test_packed_probabilities_give_the_mean_vector():
    packed, codes = make(), draw_codes()
    p = draw_probabilities(6)
    out = packed([codes[:, 0], p, codes[:, 2]])
    torch.testing.assert_close(out[:, 2:5], p @ packed.tables()[1])
    assert torch.equal(out[:, :2], packed(codes)[:, :2])


def test_packed_gradients_reach_probabilities_and_vectors():
    packed, codes, p = make(), draw_codes(), draw_probabilities(6)

    def run(p, weight):
        entries = [codes[:, 0], p, codes[:, 2]]
        return torch.func.functional_call(packed, {"weight": weight}, (entries,))

    assert torch.autograd.gradcheck(run, (p, packed.weight.detach().requires_grad_()))


@pytest.mark.filterwarnings("ignore:Sparse")
def test_packed_bags_are_a_linear_layer_without_bias():
    packed, codes = make(), draw_codes(3)
    dense = torch.tensor([[0, 2.0, 0, 0.5, 0, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 3]]).double()
    linear = nn.Linear(6, 3, bias=False).double()
    linear.weight.data = packed.tables()[1].detach().T
    out = packed([codes[:, 0], dense.to_sparse_csr(), codes[:, 2]])
    torch.testing.assert_close(out[:, 2:5], linear(dense))


@pytest.mark.filterwarnings("ignore:Sparse")
def test_packed_gradients_reach_the_weights_of_bags():
    packed, codes = make(), draw_codes(2)
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.double, requires_grad=True)
    bag = torch.sparse_csr_tensor(
        torch.tensor([0, 2, 3]), torch.tensor([0, 4, 1]), weights, size=(2, 6)
    )
    packed([codes[:, 0], bag, codes[:, 2]]).sum().backward()
    torch.testing.assert_close(weights.grad, packed.tables()[1][[0, 4, 1]].detach().sum(dim=1))


def test_straight_through_gives_the_most_probable_vector():
    packed, codes, p = make(hard="straight-through"), draw_codes(), draw_probabilities(6)
    out = packed([codes[:, 0], p, codes[:, 2]])
    assert torch.equal(out[:, 2:5], packed.tables()[1][p.argmax(dim=1)])


def test_straight_through_has_the_gradient_of_the_mean():
    codes, p = draw_codes(), draw_probabilities(6)
    outer = torch.randn(7, 7, dtype=torch.double)
    gradients = [
        torch.autograd.grad((make(hard=hard)([codes[:, 0], p, codes[:, 2]]) * outer).sum(), p)[0]
        for hard in (None, "straight-through")
    ]
    torch.testing.assert_close(*gradients)


def test_straight_through_trains_the_vector_it_gave():
    packed = PackedEmbedding([3], 1, hard="straight-through")
    packed([torch.tensor([[0.2, 0.7, 0.1]])]).sum().backward()
    assert packed.weight.grad.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(("top_k", "n_negatives"), [(6, 0), (4, 2), (50, 3)])
def test_top_k_of_all_codes_is_the_whole_product(top_k, n_negatives):
    codes, p = draw_codes(), draw_probabilities(6)
    entries = [codes[:, 0], p, codes[:, 2]]
    some = make(top_k=top_k, n_negatives=n_negatives)
    torch.testing.assert_close(some(entries), make()(entries))


def test_top_k_alone_is_scaled_to_sum_to_one():
    packed = PackedEmbedding.from_pretrained([[[1.0], [10.0], [100.0]]], top_k=2)
    mean = packed([torch.tensor([[0.1, 0.2, 0.7]])])
    assert mean.item() == pytest.approx((0.2 * 10 + 0.7 * 100) / 0.9)


def many_draws(top_k, n_negatives, n_rows=200_000):
    """One row of probabilities over 12 codes, often; and what it should give."""
    generator = torch.Generator().manual_seed(3)
    p = torch.randn(1, 12, generator=generator, dtype=torch.double).softmax(dim=1)
    table = torch.randn(12, 2, generator=generator, dtype=torch.double) + 5
    packed = PackedEmbedding.from_pretrained(
        [table], freeze=False, top_k=top_k, n_negatives=n_negatives
    )
    torch.manual_seed(4)
    return packed, p.expand(n_rows, -1).clone().requires_grad_(), p @ table


@pytest.mark.parametrize(("top_k", "n_negatives"), [(3, 2), (1, 5)])
def test_negatives_are_right_in_the_mean_over_draws(top_k, n_negatives):
    packed, p, expected = many_draws(top_k, n_negatives)
    out = packed([p]).detach()
    standard_error = out.std(dim=0) / len(out) ** 0.5
    assert ((out.mean(dim=0) - expected[0]).abs() < 4 * standard_error).all()
    assert (out.std(dim=0) > 0.01).all()


def test_negatives_gradients_are_right_in_the_mean_over_draws():
    packed, p, _ = many_draws(top_k=3, n_negatives=4)
    gradient = torch.autograd.grad(packed([p]).sum(), p)[0]
    expected = packed.tables()[0].detach().sum(dim=1)
    # Rows sum to one, so a constant added to the gradient is no difference.
    found = gradient.mean(dim=0)
    torch.testing.assert_close(found - found.mean(), expected - expected.mean(), atol=0.1, rtol=0)


def test_negatives_weights_sum_to_one():
    packed = PackedEmbedding.from_pretrained([np.ones((9, 1))], top_k=2, n_negatives=3)
    torch.testing.assert_close(
        packed([draw_probabilities(9)]), torch.ones(7, 1, dtype=torch.double)
    )


def test_negatives_give_a_certain_row_a_finite_gradient():
    packed = PackedEmbedding([9], 2, top_k=2, n_negatives=3)
    p = functional.one_hot(torch.tensor([4, 4]), 9).float().requires_grad_()
    packed([p]).sum().backward()
    assert p.grad.isfinite().all()


def test_packed_eval_takes_all_codes():
    some, p = make(top_k=1, n_negatives=1).eval(), draw_probabilities(6)
    codes = draw_codes()
    entries = [codes[:, 0], p, codes[:, 2]]
    torch.testing.assert_close(some(entries), make()(entries))


def test_negatives_cost_does_not_grow_with_the_table():
    """What is gathered of the table has top_k + n_negatives vectors per row."""
    packed = PackedEmbedding([10_000], 4, top_k=3, n_negatives=5)
    p = torch.full((2, 10_000), 1e-4)
    with torch.profiler.profile(record_shapes=True) as profile:
        packed([p])
    names = {event.name for event in profile.events()}
    bag = next(e for e in profile.events() if e.name == "aten::embedding_bag")
    assert bag.input_shapes[1] == [16]
    assert "aten::mm" not in names


def test_from_pretrained_keeps_the_vectors_in_their_order():
    tables = [np.arange(8.0).reshape(4, 2), np.ones((6, 3)), torch.full((5, 2), 7.0)]
    packed = PackedEmbedding.from_pretrained(tables)
    for ours, given in zip(packed.tables(), tables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), given)


def test_from_pretrained_copies():
    table = torch.zeros(3, 2)
    packed = PackedEmbedding.from_pretrained([table])
    table += 1
    assert not packed.weight.any()


@pytest.mark.parametrize("freeze", [True, False])
def test_from_pretrained_freeze_stops_training(freeze):
    packed = PackedEmbedding.from_pretrained([np.ones((3, 2))], freeze=freeze)
    assert packed.weight.requires_grad is not freeze


def test_from_pretrained_draws_nothing_from_global_generator():
    state = torch.get_rng_state()
    PackedEmbedding.from_pretrained([np.ones((3, 2))])
    assert torch.equal(torch.get_rng_state(), state)


def test_packed_state_can_be_saved_and_loaded():
    packed, other, file = make(), PackedEmbedding(SIZES, DIMS).double(), io.BytesIO()
    torch.save(packed.state_dict(), file)
    other.load_state_dict(torch.load(io.BytesIO(file.getvalue())))
    assert torch.equal(other(draw_codes()), packed(draw_codes()))


def test_packed_nearest_of_a_vector():
    packed = PackedEmbedding.from_pretrained([np.array([[0.0, 0], [3, 4], [6, 8]])], names=["city"])
    codes, distances = packed.nearest("city", [3.0, 3.0], k=2)
    assert codes.tolist() == [1, 0]
    assert distances.tolist() == pytest.approx([1.0, 18**0.5])


def test_packed_nearest_of_a_code_leaves_it_out():
    packed = PackedEmbedding.from_pretrained([np.array([[0.0, 0], [3, 4], [6, 9]])])
    codes, distances = packed.nearest(0, 0, k=2)
    assert codes.tolist() == [1, 2]
    assert distances.tolist() == pytest.approx([5.0, 117**0.5])


@pytest.mark.parametrize(
    ("column", "query", "k", "message"),
    [
        ("town", 0, 1, r"no column 'town'. The columns are \['city'\]"),
        ("city", 0, 3, "k must be between 1 and 2 for column 'city', got 3"),
        ("city", 3, 1, "'city' has the codes 0 to 2, but row 0 holds 3"),
        ("city", [1.0], 1, r"'city' have length 2, but query has the shape \(1,\)"),
    ],
)
def test_packed_nearest_says_what_is_wrong(column, query, k, message):
    packed = PackedEmbedding([3], 2, names=["city"])
    with pytest.raises(ValueError, match=message):
        packed.nearest(column, query, k)


def test_packed_no_rows_give_no_vectors():
    assert make()(torch.empty(0, 3, dtype=torch.int64)).shape == (0, 7)


def test_packed_repr_says_what_there_is():
    assert repr(make()) == "PackedEmbedding(3 columns, 15 codes, 7 components)"
