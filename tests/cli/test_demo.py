import joblib
import pytest
from rich.console import Console
from sklearn.pipeline import make_pipeline
from xgboost import XGBClassifier

from skembed import NeuralEmbeddingEncoder
from skembed.__main__ import main
from skembed._cli import demo
from skembed._cli.rivals import encoders


def test_demo_ends_well_on_few_rows(adult, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "load_adult", lambda: adult)
    monkeypatch.setattr(demo, "Console", lambda: Console(width=120))
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--out", str(tmp_path / "out")])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for name in (*encoders(), *demo.models()):
        assert name in printed
    assert "100 of them with a country never seen; scores are equal" in printed.replace("\n", " ")
    assert (tmp_path / "out" / "education.png").read_bytes().startswith(b"\x89PNG")
    assert joblib.load(tmp_path / "out" / "pipeline.joblib").predict(adult[1]).shape == (1000,)


def test_demo_sees_scores_that_differ(adult, tmp_path, monkeypatch):
    X_train, X_test, y_train, _ = adult
    model = make_pipeline(NeuralEmbeddingEncoder(max_epochs=1, random_state=0), XGBClassifier())
    model.fit(X_train, y_train)
    assert demo.scores_equal_elsewhere(model, X_test, tmp_path)
    monkeypatch.setattr(demo, "SCORE", demo.SCORE.replace("[:, 1]", "[:, 0]"))
    assert not demo.scores_equal_elsewhere(model, X_test, tmp_path)
