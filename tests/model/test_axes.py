import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skembed._model.axes import (
    FEWEST_LOOKED_AT,
    MOST_ROWS,
    WIDE,
    Axes,
    add_read_axes,
    draw_rows,
    find_axes,
    n_kept,
)
from skembed._model.decoder import MLP


def linear_net(*coefficients):
    """A decoder without hidden layers, an output for each row of coefficients."""
    return [(np.array(coefficients, dtype=np.float32), np.zeros(len(coefficients), np.float32))]


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)


def axes_of(vectors, layers, weight=None):
    context = np.empty((len(vectors), 0), dtype=np.float32)
    weight = np.ones(len(vectors)) if weight is None else weight
    return find_axes([vectors], context, weight, MLP(layers, [0]), random_state=0)[0]


def test_axes_of_one_direction_are_one_in_output_units(vectors):
    # The own effect adds 1 to the first coefficient.
    axes = axes_of(vectors, linear_net([1.0, -1.0, 3.0]))
    components = vectors @ axes.directions
    answer = vectors @ [2.0, -1.0, 3.0]
    np.testing.assert_allclose(components[:, 0] - components[0, 0], answer - answer[0], rtol=0.02)
    assert axes.strengths[0] == pytest.approx(answer.var(), rel=0.02)
    assert axes.strengths[1] < 1e-6


def test_axes_of_two_answers_by_two_directions_are_two(vectors):
    axes = axes_of(vectors, linear_net([1.0, 0.0, 0.0], [0.0, 0.5, 0.0]))
    assert axes.strengths[0] > axes.strengths[1] > 0.1 > 1e-6 > axes.strengths[2]


def test_axes_strengths_are_variances_over_the_rows(vectors):
    layers = [
        (np.random.default_rng(1).normal(size=(16, 3)).astype(np.float32), np.zeros(16)),
        (np.random.default_rng(2).normal(size=(1, 16)).astype(np.float32), np.zeros(1)),
    ]
    axes = axes_of(vectors, layers)
    np.testing.assert_allclose((vectors @ axes.directions).var(axis=0), axes.strengths, rtol=1e-4)
    assert (np.diff(axes.strengths) <= 0).all()


def test_axes_keep_the_direction_of_a_linear_model():
    """|a| moves by a in the decoder, but to a linear model only a square can tell it."""
    a = np.random.default_rng(0).normal(size=2000)
    vectors = np.column_stack([a, 0.1 * a**2, np.zeros(2000)]).astype(np.float32)
    bend = np.array([[1.0, 0, 0], [-1.0, 0, 0]], dtype=np.float32)
    # Minus the own effect, which adds a itself.
    layers = [
        (np.vstack([bend, [[0.0, 0, 0]]]), np.zeros(3)),
        (np.array([[0.5, 1.5, 0]]), np.zeros(1)),
    ]
    axes = axes_of(vectors, layers)
    (n,) = n_kept([axes.strengths], [1], [False])
    assert n == 2
    components = vectors @ axes.directions[:, :n]
    assert LinearRegression().fit(components, np.abs(a)).score(components, np.abs(a)) > 0.8


def test_axes_count_rows_by_their_weight(vectors):
    layers = linear_net([0.0, 1.0, 0.0])
    twice = axes_of(np.concatenate([vectors, vectors[:100]]), layers)
    weighted = axes_of(vectors, layers, np.repeat([2.0, 1.0], [100, 400]))
    np.testing.assert_allclose(weighted.strengths[0], twice.strengths[0], rtol=1e-2)


def test_axes_that_are_faint_are_left_out_unless_asked_for():
    strengths = [np.array([0.6, 0.001]), np.array([0.3, 0.1]), np.array([0.001])]
    crossed = [False, False, True]
    assert n_kept(strengths, [1, 1, 0], crossed) == [1, 2, 0]
    assert n_kept(strengths, [2, 2, 1], crossed) == [2, 2, 1]


def test_axes_of_a_cross_are_compared_with_all_crosses():
    strengths = [np.array([0.2, 0.004]), np.array([0.5, 0.004]), np.array([0.3])]
    assert n_kept(strengths, [1, 0, 0], [False, True, True]) == [2, 1, 1]


def test_axes_where_nothing_was_learned_are_one():
    assert n_kept([np.zeros(4), np.zeros(2)], [1, 0], [False, True]) == [1, 0]


def test_axes_rows_are_drawn_among_those_with_weight():
    weight = np.tile([0.0, 1.0], 2 * MOST_ROWS)
    rows = draw_rows(weight, 4, 0)
    assert len(np.unique(rows)) == MOST_ROWS
    assert weight[rows].all()
    np.testing.assert_array_equal(draw_rows(np.array([1.0, 0.0, 2.0]), 4, 0), [0, 2])


# Many columns


def many(n_columns, monkeypatch):
    """Vectors of columns, of which the first five move the answer, and their axes both ways."""
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=(800, 2)).astype(np.float32) for _ in range(n_columns)]
    vectors[1] += vectors[0]
    coefficients = np.zeros(2 * n_columns)
    coefficients[:10] = rng.normal(size=10)
    context, weight = np.ones((800, 1), dtype=np.float32), rng.integers(0, 3, 800).astype(float)
    net = MLP(linear_net([*coefficients, 0.5]), list(range(0, 2 * n_columns, 2)))
    whole = find_axes(vectors, context, weight, net, random_state=0)
    monkeypatch.setattr("skembed._model.axes.WIDE", 10)
    monkeypatch.setattr("skembed._model.axes._ridge", None)
    return vectors, whole, find_axes(vectors, context, weight, net, random_state=0)


def test_axes_of_many_columns_are_those_of_the_whole_solution(monkeypatch):
    vectors, whole, by_steps = many(60, monkeypatch)
    for part, expected, axes in zip(vectors, whole, by_steps, strict=True):
        np.testing.assert_allclose(axes.strengths, expected.strengths, rtol=1e-3, atol=1e-6)
        components = part @ axes.directions[:, 0]
        np.testing.assert_allclose(components, part @ expected.directions[:, 0], atol=1e-3)


def test_axes_of_many_columns_make_no_matrix_of_all_by_all():
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=(30, 4)).astype(np.float32) for _ in range(WIDE // 4 + 1)]
    net = MLP(linear_net(rng.normal(size=WIDE + 4)), list(range(0, WIDE + 4, 4)))
    tracemalloc.start()
    find_axes(vectors, np.empty((30, 0), dtype=np.float32), np.ones(30), net, random_state=0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < WIDE**2 * 8 / 4


def test_axes_of_many_columns_look_at_fewer_rows():
    weight = np.ones(3 * MOST_ROWS)
    numbers = [n * len(draw_rows(weight, n, 0)) for n in (WIDE, 2 * WIDE, 4 * WIDE)]
    assert numbers == [MOST_ROWS * WIDE] * 3
    assert len(draw_rows(weight, 1000 * WIDE, 0)) == FEWEST_LOOKED_AT


# Several outputs


@pytest.fixture
def components():
    return np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)


def read_axes(components, residual, weight=None, context=None):
    """Axes that are kept of a column of four components, of which one is kept anyway."""
    axes = [Axes(np.eye(4, dtype=np.float32), np.ones(4))]
    weight = np.ones(len(components)) if weight is None else weight
    context = np.empty((len(components), 0), dtype=np.float32) if context is None else context
    return add_read_axes([1], [components], axes, context, weight, residual)


def noise(n_outputs):
    return np.random.default_rng(2).normal(size=(2000, n_outputs))


def test_axes_read_for_one_class_among_many_are_kept(components):
    residual = noise(8)
    residual[:, 5] += 0.2 * components[:, 2]
    assert read_axes(components, residual) == [3]


@pytest.mark.parametrize("n_outputs", [2, 8, 100])
def test_axes_read_for_no_output_are_left_out(components, n_outputs):
    residual = noise(n_outputs)
    residual[:, 1] += components[:, 0]
    assert read_axes(components, residual) == [1]


def test_axes_read_in_rows_without_weight_alone_are_left_out(components):
    residual, weight = noise(8), np.repeat([1.0, 0.0], 1000)
    residual[1000:] += components[1000:, [3]]
    assert read_axes(components, residual, weight) == [1]


def test_axes_read_are_those_of_rows_given_as_often_as_their_weight_says(components):
    components, residual = components[:200], np.random.default_rng(4).normal(size=(200, 8))
    residual[:, 5] += 0.15 * components[:, 2]  # seen in 400 rows, not in 200
    assert read_axes(components, residual) == [1]
    assert read_axes(np.repeat(components, 2, axis=0), np.repeat(residual, 2, axis=0)) == [3]
    assert read_axes(components, residual, np.full(200, 2.0)) == [3]


def test_axes_read_from_the_context_are_left_out(components):
    residual = noise(8)
    residual[:, 0] += components[:, 3]
    assert read_axes(components, residual) == [4]
    assert read_axes(components, residual, context=components[:, [3]]) == [1]


def test_axes_read_beside_very_many_are_found_by_steps(components, monkeypatch):
    residual = noise(8)
    residual[:, 5] += 0.2 * components[:, 2]
    monkeypatch.setattr("skembed._model.axes.WIDE", 0)
    monkeypatch.setattr("skembed._model.axes._ridge", None)
    assert read_axes(components, residual) == [3]
