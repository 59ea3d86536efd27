"""MLflow: a Pipeline with the encoder, logged and loaded.

    pip install mlflow skops "skembed[torch]"
    python docs/recipes/mlflow_model.py

torch is for the fit alone: what loads the model goes without.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.persistence import TRUSTED_TYPES


def log(model, X):
    """Log a fitted Pipeline; X is some rows that it was fitted on."""
    return mlflow.sklearn.log_model(
        model,
        name="income",
        signature=infer_signature(X, model.predict(X)),
        serialization_format="skops",
        skops_trusted_types=TRUSTED_TYPES,
        pip_requirements=["skembed", "skops"],
    )


def main():
    X, X_new, y, _ = load_adult()
    model = make_pipeline(
        NeuralEmbeddingEncoder(random_state=0), StandardScaler(), LogisticRegression()
    ).fit(X, y)
    with TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("skembed", artifact_location=Path(folder, "models").as_uri())
        mlflow.set_experiment("skembed")
        with mlflow.start_run():
            logged = log(model, X)
        assert [
            column["name"] for column in logged.signature.inputs.to_dict()
        ] == X.columns.tolist()
        as_sklearn = mlflow.sklearn.load_model(logged.model_uri)
        as_function = mlflow.pyfunc.load_model(logged.model_uri)
        np.testing.assert_array_equal(as_sklearn.predict_proba(X_new), model.predict_proba(X_new))
        np.testing.assert_array_equal(as_function.predict(X_new), model.predict(X_new))
    print(f"MLflow's predictions of {len(X_new):,} rows are those of the Pipeline.")


if __name__ == "__main__":
    main()
