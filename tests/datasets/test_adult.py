from skembed.datasets import load_adult


def test_load_adult_is_what_uci_describes():
    X_train, X_test, y_train, y_test = load_adult()
    assert X_train.shape == (32561, 14)
    assert X_test.shape == (16281, 14)
    assert y_train.sum() == 7841
    assert y_test.sum() == 3846
    assert X_train["native-country"].nunique() == 41
    assert X_train["occupation"].isna().sum() == 1843
    assert X_train.index.tolist() == list(range(32561))
    assert X_test.index.equals(y_test.index)
