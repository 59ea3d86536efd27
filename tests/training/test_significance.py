import numpy as np

from skembed._training.significance import is_evidence


def test_evidence_is_two_standard_errors():
    differences = np.array([-1.0, 1.0] * 50)  # standard error 0.1
    assert is_evidence(differences - 0.21)
    assert not is_evidence(differences - 0.19)
