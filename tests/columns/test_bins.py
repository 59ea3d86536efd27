import numpy as np

from skembed._columns.bins import MOST_BINS, Bins
from skembed._columns.vocabulary import MISSING


def fit(numbers):
    return Bins.fit(np.asarray(numbers, dtype=float), np.ones(len(numbers), dtype=bool))


def test_few_values_have_a_bin_each():
    bins = fit([5, 7, 5, 6, 7])
    assert bins.encode(np.array([5.0, 6.0, 7.0])).tolist() == [3, 4, 5]
    assert bins.n_codes == 3 + 3


def test_many_values_share_bins_of_as_many_rows():
    numbers = np.random.default_rng(0).lognormal(size=3200)
    codes = fit(numbers).encode(numbers)
    np.testing.assert_allclose(np.bincount(codes)[3:], 100, atol=1)
    assert codes.max() == 2 + MOST_BINS


def test_a_value_of_most_rows_is_one_bin():
    bins = fit([0.0] * 900 + list(range(100)))
    codes = bins.encode(np.arange(100.0))
    assert codes[0] == 3
    assert (codes[1:] > 3).all()


def test_numbers_beyond_those_of_fit_fall_into_the_outer_bins():
    bins = fit([1, 2, 3])
    assert bins.encode(np.array([-np.inf, -5.0, 99.0])).tolist() == [3, 3, 5]


def test_missing_has_a_code_of_its_own():
    bins = fit([1.0, np.nan, 2.0])
    assert bins.encode(np.array([np.nan, 1.0])).tolist() == [MISSING, 3]


def test_a_column_without_numbers_is_one_bin():
    bins = fit([np.nan, np.nan])
    assert bins.encode(np.array([np.nan, 1.0])).tolist() == [MISSING, 3]


def test_rows_that_do_not_count_make_no_bin():
    bins = Bins.fit(np.array([1.0, 2.0, 50.0]), np.array([True, True, False]))
    assert bins.n_codes == 3 + 2


def test_edges_rise_where_no_number_lies_between_values():
    one, most = 1.0, np.finfo(np.float64).max
    above = np.nextafter(one, 2)
    bins = fit([one, above, np.nextafter(above, 2), most / 2, most])
    assert (np.diff(bins.edges) > 0).all()
    assert np.isfinite(bins.edges).all()
