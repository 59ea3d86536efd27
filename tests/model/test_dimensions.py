import pytest

from skembed._model.dimensions import auto_dim, embedding_dims


def test_auto_dim_grows_slowly_and_ends():
    dims = [auto_dim(n) for n in range(1, 200)]
    assert dims == sorted(dims)
    assert dims[0] == dims[1] == 1
    assert dims[-1] == 4


def test_auto_dim_longest_may_be_given():
    assert [auto_dim(n, 16) for n in (2, 10, 10_000)] == [1, 6, 16]


def test_embedding_dims_dict_leaves_other_columns_at_default():
    assert embedding_dims({"a": 5}, ["a", "b"], [100, 2]) == [5, 1]


def test_embedding_dims_int_is_for_all_columns():
    assert embedding_dims(4, ["a", "b"], [100, 2]) == [4, 4]


def test_embedding_dims_callable_gets_the_number_of_levels():
    assert embedding_dims(lambda n: n // 10, ["a", "b"], [100, 20]) == [10, 2]


@pytest.mark.parametrize(
    ("rule", "dims"), [("fastai", [21, 2]), ("google", [3, 1]), ("half", [50, 1])]
)
def test_embedding_dims_rules_by_name(rule, dims):
    assert embedding_dims(rule, ["a", "b"], [100, 2]) == dims


def test_embedding_dims_of_dot_are_of_one_length():
    assert embedding_dims("auto", ["a", "b"], [100, 2], "dot") == [33, 33]
    assert embedding_dims({"b": 1}, ["a", "b"], [100, 2], "dot") == [33, 1]
    with pytest.raises(ValueError, match="one length for all"):
        embedding_dims("fastai", ["a", "b"], [100, 2], "dot")
