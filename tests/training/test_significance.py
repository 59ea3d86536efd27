import numpy as np
import pytest

from skembed._training.significance import count_errors


def test_count_errors_is_the_mean_over_its_standard_error():
    differences = np.array([-1.0, 1.0] * 50)  # standard error 0.1
    assert count_errors(differences - 0.25) == pytest.approx(-2.5)


def test_count_errors_of_equal_losses_is_zero():
    assert count_errors(np.zeros(10)) == 0
