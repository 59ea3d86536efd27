import numpy as np
import torch

from skembed._model.pretrained import Start
from skembed._training.fold_tables import FoldTables
from skembed._training.rows import TableShape


def shapes(sizes, dims, starts=()):
    """Shapes of columns, of which the first have these starts."""
    starts = [*starts, *[None] * (len(sizes) - len(starts))]
    return [TableShape("", *shape) for shape in zip(sizes, dims, starts, strict=True)]


def tables():
    """Two columns of 4 and 5 codes, vectors of 2 and 3, three folds, filled by hand."""
    tables = FoldTables(shapes([4, 5], [2, 3]), n_folds=3)
    for pack in tables.packs:
        deviation = pack.deviation
        deviation.copy_(torch.arange(deviation.numel()).view(deviation.shape))
        deviation[0] = 0
    tables.prior.copy_(torch.arange(tables.padded))
    return tables


def test_fold_tables_pack_columns_of_like_length():
    made = FoldTables(shapes([4, 5, 6], [3, 3, 1]), n_folds=3)
    short, long = made.pack(list(np.array([[0, 0, 0], [1, 1, 1], [3, 4, 5]]).T))
    assert short.tolist() == [[0], [1], [5]]
    assert long.tolist() == [[0, 0], [1, 4], [3, 7]]
    assert made.packs[1].deviation.shape == (8, 9)


def test_fold_tables_vectors_are_those_of_a_plain_lookup():
    made = tables()
    codes = np.array([[1, 4], [0, 2], [3, 0]])
    vectors = made.look_up(made.pack(list(codes.T))).numpy()
    each = list(zip(made.columns, codes.T, made.to_numpy(), strict=True))
    for row, fold in np.ndindex(3, 3):
        for column, of_column, (prior, deviations) in each:
            expected = prior + deviations[of_column[row], fold]
            np.testing.assert_array_equal(vectors[row, fold, column.place], expected)


def test_fold_tables_unseen_code_is_the_prior_in_every_fold():
    assert not any(table.deviations[0].any() for table in tables().to_numpy())


def test_fold_tables_restore_gives_the_snapshot_back():
    made = tables()
    before = made.snapshot()
    for part in (made.prior, *(pack.deviation for pack in made.packs)):
        part += 1
    made.restore(before)
    assert torch.equal(made.prior, torch.arange(made.padded))
    assert made.packs[0].deviation[1, 0] == 6


def test_fold_tables_snapshot_may_be_taken_into_an_older_one():
    made = tables()
    older = made.snapshot()
    made.prior += 1
    assert made.snapshot(older) is older
    assert torch.equal(older[0], made.prior)


def test_fold_tables_step_moves_what_was_looked_up():
    made = FoldTables(shapes([4, 5], [2, 2]), n_folds=3)
    packed = made.pack([np.array([1, 0]), np.array([2, 2])])
    made.step(packed, torch.ones(2, 3, 4), 0.1)
    moved = [table.deviations.any(axis=(1, 2)).tolist() for table in made.to_numpy()]
    assert moved[0] == [False, True, False, False]
    assert moved[1] == [False, False, True, False, False]
    assert made.prior.all()


def test_fold_tables_prior_of_frozen_vectors_does_not_move():
    start = Start(np.array([2]), np.ones((1, 3), dtype=np.float32), frozen=True)
    made = FoldTables(shapes([5, 4], [3, 3], [start]), n_folds=2)
    packed = made.pack([np.array([2]), np.array([1])])
    made.step(packed, torch.ones(1, 2, 6), 0.1)
    assert (made.prior != 0).tolist() == [False] * 3 + [True] * 3
    assert made.packs[0].fixed.nonzero().flatten().tolist() == [0, 2]


def test_fold_tables_products_start_random_and_equal_in_folds():
    made = FoldTables(shapes([4, 5, 3], [3, 3, 1]), n_folds=2)
    made.start_products(0.1, torch.Generator().manual_seed(0))
    deviations = [table.deviations for table in made.to_numpy()]
    for deviation in deviations[:2]:
        assert np.array_equal(deviation[:, 0], deviation[:, 1])
        assert not deviation[0].any()
        assert not deviation[:, :, 0].any()
        assert deviation[1:, :, 1:].all()
    assert not deviations[2].any()


def started(*, frozen):
    """Two columns, of which the second starts at three vectors given for codes 3, 4 and 1."""
    vectors = np.array([[5, 6, 7], [7, 7, 8], [6, 5, 9]], dtype=np.float32)
    start = Start(np.array([3, 4, 1]), vectors, frozen)
    return FoldTables(shapes([4, 5], [2, 3], [None, start]), n_folds=2), vectors


def test_fold_tables_given_vectors_are_the_start_in_every_fold():
    made, vectors = started(frozen=False)
    plain, (prior, deviations) = made.to_numpy()
    np.testing.assert_allclose(prior, vectors.mean(axis=0))
    given = (prior + deviations)[[3, 4, 1]]
    np.testing.assert_allclose(given, np.repeat(vectors[:, None], 2, axis=1), rtol=1e-6)
    assert not deviations[[0, 2]].any()
    assert not plain.deviations.any()


def test_tables_come_in_the_order_of_the_columns_however_they_are_packed():
    sizes, dims = [4, 5, 3, 6], [5, 1, 2, 9]
    made = FoldTables(shapes(sizes, dims), n_folds=2, bags=[2])
    assert [pack.columns for pack in made.packs] == [[1], [0], [3], [2]]
    tables = made.to_numpy()
    assert [table.prior.shape for table in tables] == [(dim,) for dim in dims]
    expected = [(size, 2, dim) for size, dim in zip(sizes, dims, strict=True)]
    assert [table.deviations.shape for table in tables] == expected
    assert made.fixed_prior.nonzero().flatten().tolist() == [15, 16]  # of the bag, placed last
