import numpy as np
import pytest
import torch

from skembed.nn import PackedEmbedding

NAN = float("nan")


def city():
    return PackedEmbedding([3, 2], [2, 1], names=["city", "kind"])


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([[0, 2]], "'kind' has the codes 0 to 1, but row 0 holds 2. Give what has no code"),
        ([[0, 1], [-1, 0]], "'city' has the codes 0 to 2, but row 1 holds -1"),
        ([[0, 1, 1]], r"codes must have the shape \(n_rows, 2\).*got \(1, 3\)"),
        ([0, 1], r"codes must have the shape \(n_rows, 2\).*got \(2,\)"),
    ],
)
def test_check_codes_in_range_and_shape(codes, message):
    with pytest.raises(ValueError, match=message):
        city()(torch.tensor(codes))


def test_check_code_of_the_next_column_is_out_of_range():
    """Code 3 of the first would be code 0 of the second in the packed weight."""
    with pytest.raises(ValueError, match="'city' has the codes 0 to 2, but row 0 holds 3"):
        PackedEmbedding([3, 2], 1, names=["city", "kind"])(torch.tensor([[3, 0]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_check_codes_must_be_integers(dtype):
    with pytest.raises(TypeError, match="codes must be integers, got torch"):
        city()(torch.zeros(1, 2, dtype=dtype))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.4, 0.0], "Row 0 of the probabilities of column 'city' sums to 0.9"),
        ([1.0, 0.5, -0.5], "'city' holds the negative value -0.5"),
        ([1.0, NAN, 0.0], "'city' holds NaN"),
        ([float("inf"), 0.0, 0.0], "'city' sums to inf"),
        ([0.5, 0.5], r"'city' has 3 codes, but its entry has the shape \(1, 2\)"),
    ],
)
def test_check_probabilities(row, message):
    with pytest.raises(ValueError, match=message):
        city()([torch.tensor([row]), torch.tensor([0])])


def test_check_names_the_row_that_is_wrong():
    rows = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [2.0, 0, 0]])
    with pytest.raises(ValueError, match="Row 2 of the probabilities of column 'city' sums to 2"):
        city()([rows, torch.zeros(3, dtype=torch.int64)])


def test_check_allows_the_rounding_of_a_softmax():
    logits = torch.randn(1000, 5000, generator=torch.Generator().manual_seed(0)) * 5
    PackedEmbedding([5000], 1)([logits.softmax(dim=1)])


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(
    ("members", "weights", "message"),
    [
        ([0, 1], [1.0, -2.0], "bags of column 'city' hold the weight -2"),
        ([0, 1], [1.0, NAN], "bags of column 'city' hold the weight nan"),
        ([0, 5], [1.0, 1.0], "'city' has the codes 0 to 2, but a bag holds 5"),
    ],
)
def test_check_bags(members, weights, message):
    bags = torch.sparse_csr_tensor(
        torch.tensor([0, 2]),
        torch.tensor(members),
        torch.tensor(weights),
        size=(1, 3),
        check_invariants=False,
    )
    with pytest.raises(ValueError, match=message):
        city()([bags, torch.tensor([0])])


def test_check_refuses_other_sparse_layouts():
    with pytest.raises(ValueError, match=r"'city' has the layout torch.sparse_coo.*to_sparse_csr"):
        city()([torch.eye(3).to_sparse(), torch.zeros(3, dtype=torch.int64)])


@pytest.mark.parametrize(
    ("entries", "error", "message"),
    [
        ([torch.tensor([0])], ValueError, r"2 columns, \['city', 'kind'\], but 1 entries"),
        ([torch.tensor([0]), [0]], TypeError, "'kind' must be given as a Tensor, got list"),
        ([torch.tensor([0]), torch.tensor([0, 1])], ValueError, "'city': 1, 'kind': 2"),
        ([torch.tensor([0]), torch.tensor([0.0])], TypeError, "'kind' must be integers"),
    ],
)
def test_check_entries_are_a_tensor_per_column(entries, error, message):
    with pytest.raises(error, match=message):
        city()(entries)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [3, 0]}, "sizes must hold ints of at least 1, got 0"),
        ({"dims": [1, 2.0]}, "dims must hold ints of at least 1, got 2.0"),
        ({"dims": [1]}, "an entry per column, got 2, 1 and 2"),
        ({"sizes": [], "dims": []}, "an entry per column, got 0, 0 and 0"),
        ({"names": ["a"]}, "an entry per column, got 2, 2 and 1"),
        ({"names": ["a", "a"]}, r"names must differ, got \['a', 'a'\]"),
        ({"hard": True}, "hard must be None or 'straight-through', got True"),
        ({"top_k": 0}, "top_k must be None or an int of at least 1, got 0"),
        ({"top_k": 1, "n_negatives": -1}, "n_negatives must be an int of at least 0, got -1"),
        ({"n_negatives": 3}, "n_negatives=3 was given without top_k"),
    ],
)
def test_check_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        PackedEmbedding(**{"sizes": [3, 2], "dims": 2, **options})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[1.0, 2.0], [3.0]], r"column 'city' must be numbers, all of one length.*\[1, 2\]"),
        ([1.0, 2.0], r"column 'city' must be a float array \(n_codes, dim\).*\(2,\)"),
        (np.array([[1, 2]]), "column 'city' must be a float array.*int64"),
        (np.empty((0, 2)), r"column 'city' must be a float array.*\(0, 2\)"),
        ([[1.0], [NAN]], "column 'city' must be finite, but that of code 1 is not"),
    ],
)
def test_check_pretrained_vectors(table, message):
    with pytest.raises(ValueError, match=message):
        PackedEmbedding.from_pretrained([table], names=["city"])


def test_check_pretrained_names_are_as_many_as_tables():
    with pytest.raises(ValueError, match="an entry per column, got 2, 2 and 1"):
        PackedEmbedding.from_pretrained([np.ones((2, 2)), np.ones((2, 2))], names=["city"])
