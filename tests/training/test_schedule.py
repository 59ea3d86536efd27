"""The length of a training run, and the learning rates of its steps."""

import numpy as np
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed._training.monitor import Monitor
from skembed._training.schedule import (
    Schedule,
    choose_batch_size,
    choose_n_epochs,
    make_schedule,
    one_cycle,
    stop_if_diverged,
)
from skembed._training.settings import read_settings


def settings(**parameters):
    return read_settings(NeuralEmbeddingEncoder(**parameters), 7, Monitor())


def test_what_is_given_is_taken():
    schedule = make_schedule(1000, settings(batch_size=300, max_epochs=5, learning_rate=0.5))
    assert schedule == Schedule(batch_size=300, n_epochs=5, n_steps=20, learning_rate=0.5)


@pytest.mark.parametrize(("interaction", "n_epochs"), [("mlp", 8), ("dot", 20)])
def test_auto_depends_on_the_rows_and_the_net(interaction, n_epochs):
    schedule = make_schedule(100_000, settings(interaction=interaction))
    assert schedule[:3] == (1024, n_epochs, n_epochs * 98)


def test_both_rates_have_their_peaks_after_a_quarter():
    rates = Schedule(batch_size=1, n_epochs=1, n_steps=100, learning_rate=0.5).rates(25)
    assert rates == pytest.approx((0.5, 0.1))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run(loss):
    schedule = Schedule(batch_size=1, n_epochs=9, n_steps=9, learning_rate=0.5)
    stop_if_diverged("loss", 1e30, 3, schedule)
    with pytest.raises(ValueError, match=rf"the loss of epoch 3 is {loss}.* lower .* than 0\.5"):
        stop_if_diverged("loss", loss, 3, schedule)


def test_schedule_one_cycle_rises_and_falls_to_zero():
    rates = [one_cycle(step / 100) for step in range(101)]
    assert int(np.argmax(rates)) == 25
    assert rates[0] == pytest.approx(0.04)
    assert rates[25] == pytest.approx(1)
    assert rates[100] == pytest.approx(0)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "epochs"),
    [(1, 32, 40), (1000, 32, 16), (24_576, 512, 11), (3_000_000, 1024, 8)],
)
def test_schedule_steps_grow_more_slowly_than_rows(n_rows, batch_size, epochs):
    assert choose_batch_size(n_rows) == batch_size
    assert choose_n_epochs(-(-n_rows // batch_size)) == epochs
