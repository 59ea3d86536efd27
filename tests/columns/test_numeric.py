import numpy as np

from skembed._columns.numeric import MOST_BINS, Bins, Context
from skembed._columns.vocabulary import MISSING

# Bins, by which numbers are crossed


def fit(numbers):
    return Bins.fit(np.asarray(numbers, dtype=float), np.ones(len(numbers), dtype=bool))


def test_bins_of_few_values_hold_one_each():
    bins = fit([5, 7, 5, 6, 7])
    assert bins.encode(np.array([5.0, 6.0, 7.0])).tolist() == [3, 4, 5]
    assert bins.n_codes == 3 + 3


def test_bins_of_many_values_hold_equally_many_rows():
    numbers = np.random.default_rng(0).lognormal(size=3200)
    codes = fit(numbers).encode(numbers)
    np.testing.assert_allclose(np.bincount(codes)[3:], 100, atol=1)
    assert codes.max() == 2 + MOST_BINS


def test_bins_value_of_most_rows_is_one_bin():
    bins = fit([0.0] * 900 + list(range(100)))
    codes = bins.encode(np.arange(100.0))
    assert codes[0] == 3
    assert (codes[1:] > 3).all()


def test_bins_numbers_beyond_fit_fall_into_the_outer_ones():
    bins = fit([1, 2, 3])
    assert bins.encode(np.array([-np.inf, -5.0, 99.0])).tolist() == [3, 3, 5]


def test_bins_missing_has_its_own_code():
    bins = fit([1.0, np.nan, 2.0])
    assert bins.encode(np.array([np.nan, 1.0])).tolist() == [MISSING, 3]


def test_bins_column_without_numbers_is_one_bin():
    bins = fit([np.nan, np.nan])
    assert bins.encode(np.array([np.nan, 1.0])).tolist() == [MISSING, 3]


def test_bins_ignore_rows_that_do_not_count():
    bins = Bins.fit(np.array([1.0, 2.0, 50.0]), np.array([True, True, False]))
    assert bins.n_codes == 3 + 2


def test_bins_edges_rise_between_adjacent_floats():
    one, most = 1.0, np.finfo(np.float64).max
    above = np.nextafter(one, 2)
    bins = fit([one, above, np.nextafter(above, 2), most / 2, most])
    assert (np.diff(bins.edges) > 0).all()
    assert np.isfinite(bins.edges).all()


# Context, as which the net sees numbers

ONES = np.ones(5)


def context_matrix(numbers, weight):
    return Context.fit(numbers, weight).matrix(numbers, len(weight))


def test_context_is_centred_and_scaled_by_quartiles():
    x = np.array([10.0, 20, 30, 40, 50])  # quartiles 20 and 40
    expected = np.array([-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(
        context_matrix([x], ONES)[:, 0], expected / np.sqrt(1 + (expected / 3) ** 2), rtol=1e-6
    )


def test_context_tails_are_bent():
    x = np.array([1.0, 2, 3, 4, 1e9])
    assert context_matrix([x], ONES).max() <= 3


def test_context_missing_becomes_median_and_indicator():
    x = np.array([10.0, np.nan, 30, 40, 20])
    context = context_matrix([x], ONES)
    assert context[:, 0].tolist() == [0, 1, 0, 0, 0]
    assert context[1, 1] == 0


def test_context_of_mostly_one_value_is_scaled():
    x = np.array([0.0, 0, 0, 0, 9])  # both quartiles are 0
    np.testing.assert_allclose(context_matrix([x], ONES)[4, 0], 2 / np.sqrt(1 + 4 / 9), rtol=1e-6)


def test_context_of_a_constant_column_is_zero():
    assert not context_matrix([np.full(5, 7.0)], ONES).any()


def test_context_without_any_value_is_its_indicator():
    assert context_matrix([np.full(5, np.nan)], ONES).tolist() == [[1]] * 5


def test_context_ignores_rows_of_weight_zero():
    x = np.array([10.0, 20, 30, 40, 50])
    context = context_matrix([np.append(x, 1e9)], np.array([1.0, 1, 1, 1, 1, 0]))
    np.testing.assert_array_equal(context[:5], context_matrix([x], ONES))


def test_context_of_no_column_is_empty():
    assert context_matrix([], ONES).shape == (5, 0)


def test_context_scales_new_rows_as_training_rows():
    context = Context.fit([np.array([10.0, 20, 30, 40, 50])], ONES)
    assert context.matrix([np.array([30.0, np.nan])], 2).tolist() == [[0], [0]]


def test_context_missing_in_new_rows_alone_is_the_median():
    context = Context.fit([np.array([10.0, np.nan, 30, 40, 20])], ONES)
    assert context.matrix([np.array([20.0, np.nan])], 2).tolist() == [[0, 0], [1, 0]]


def test_context_weight_is_a_number_of_rows():
    rng = np.random.default_rng(0)
    column, weight = rng.normal(size=50), rng.integers(0, 4, 50)
    column[:5] = np.nan
    weighted = Context.fit([column], weight.astype(float)).columns
    assert weighted == Context.fit([column.repeat(weight)], np.ones(weight.sum())).columns


def test_context_has_no_indicator_for_rows_of_weight_zero():
    context = Context.fit([np.array([1.0, 2.0, np.nan])], np.array([1.0, 1.0, 0.0]))
    assert context.matrix([np.array([1.0])], 1).shape == (1, 1)


def test_context_of_overflowing_numbers_keeps_their_sign():
    most = np.finfo(np.float64).max
    x = np.array([-most, 10.0, 20, 30, most])
    np.testing.assert_allclose(context_matrix([x], ONES)[[0, 4], 0], [-3, 3])
    whole_range = np.array([-most, -most, 0.0, most, most])
    assert np.isfinite(context_matrix([whole_range], ONES)).all()
