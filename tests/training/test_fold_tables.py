import numpy as np
import torch

from skembed._model.pretrained import Start
from skembed._training.fold_tables import FoldTables


def tables():
    """Two columns of 4 and 5 codes, vectors of 2 and 3, three folds, filled by hand."""
    tables = FoldTables([4, 5], [2, 3], n_folds=3)
    for weight in tables.weights:
        deviation = weight.deviation
        deviation.copy_(torch.arange(deviation.numel()).view(deviation.shape))
        deviation[0] = 0
    tables.prior.copy_(torch.arange(tables.padded))
    return tables


def test_fold_tables_pack_columns_of_like_length():
    made = FoldTables([4, 5, 6], [3, 3, 1], n_folds=3)
    short, long = made.pack(list(np.array([[0, 0, 0], [1, 1, 1], [3, 4, 5]]).T))
    assert short.tolist() == [[0], [1], [5]]
    assert long.tolist() == [[0, 0], [1, 4], [3, 7]]
    assert made.weights[1].deviation.shape == (8, 9)


def test_fold_tables_vectors_are_those_of_a_plain_lookup():
    made = tables()
    codes = np.array([[1, 4], [0, 2], [3, 0]])
    vectors = made.vectors(made.pack(list(codes.T))).numpy()
    priors, deviations = made.numpy()
    for row, fold in np.ndindex(3, 3):
        for column, (first, dim) in enumerate(zip(made.first, [2, 3], strict=True)):
            expected = priors[column] + deviations[column][codes[row, column], fold]
            np.testing.assert_array_equal(vectors[row, fold, first : first + dim], expected)


def test_fold_tables_unseen_code_is_the_prior_in_every_fold():
    _, deviations = tables().numpy()
    assert not any(deviation[0].any() for deviation in deviations)


def test_fold_tables_restore_gives_the_snapshot_back():
    made = tables()
    before = made.snapshot()
    for part in (made.prior, *(weight.deviation for weight in made.weights)):
        part += 1
    made.restore(before)
    assert torch.equal(made.prior, torch.arange(made.padded))
    assert made.weights[0].deviation[1, 0] == 6


def test_fold_tables_snapshot_may_be_taken_into_an_older_one():
    made = tables()
    older = made.snapshot()
    made.prior += 1
    assert made.snapshot(older) is older
    assert torch.equal(older[0], made.prior)


def test_fold_tables_step_moves_what_was_looked_up():
    made = FoldTables([4, 5], [2, 2], n_folds=3)
    packed = made.pack([np.array([1, 0]), np.array([2, 2])])
    made.step(packed, torch.ones(2, 3, 4), 0.1)
    _, deviations = made.numpy()
    assert deviations[0].any(axis=(1, 2)).tolist() == [False, True, False, False]
    assert deviations[1].any(axis=(1, 2)).tolist() == [False, False, True, False, False]
    assert made.prior.all()


def test_fold_tables_prior_of_frozen_vectors_does_not_move():
    made = FoldTables([5, 4], [3, 3], n_folds=2)
    made.start_at(0, Start(np.array([2]), np.ones((1, 3), dtype=np.float32), frozen=True))
    packed = made.pack([np.array([2]), np.array([1])])
    made.step(packed, torch.ones(1, 2, 6), 0.1)
    assert (made.prior != 0).tolist() == [False] * 3 + [True] * 3
    assert made.weights[0].fixed.nonzero().flatten().tolist() == [0, 2]


def test_fold_tables_products_start_random_and_equal_in_folds():
    made = FoldTables([4, 5, 3], [3, 3, 1], n_folds=2)
    made.start_products(0.1, torch.Generator().manual_seed(0))
    _, deviations = made.numpy()
    for deviation in deviations[:2]:
        assert np.array_equal(deviation[:, 0], deviation[:, 1])
        assert not deviation[0].any()
        assert not deviation[:, :, 0].any()
        assert deviation[1:, :, 1:].all()
    assert not deviations[2].any()


def started(*, frozen):
    """Two columns, of which the second starts at three vectors given for codes 3, 4 and 1."""
    made = FoldTables([4, 5], [2, 3], n_folds=2)
    vectors = np.array([[5, 6, 7], [7, 7, 8], [6, 5, 9]], dtype=np.float32)
    made.start_at(1, Start(np.array([3, 4, 1]), vectors, frozen))
    return made, vectors


def test_fold_tables_given_vectors_are_the_start_in_every_fold():
    made, vectors = started(frozen=False)
    priors, deviations = made.numpy()
    np.testing.assert_allclose(priors[1], vectors.mean(axis=0))
    table = priors[1] + deviations[1]
    np.testing.assert_allclose(table[[3, 4, 1]], np.repeat(vectors[:, None], 2, axis=1), rtol=1e-6)
    assert not deviations[1][[0, 2]].any()
    assert not deviations[0].any()
