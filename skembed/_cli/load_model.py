"""Saved encoders and models from their files, for the command line."""

from pathlib import Path

import joblib
from sklearn.base import is_classifier

import skembed
from skembed._persistence.encoder_state import put_together
from skembed._persistence.file_format import explained, read_file
from skembed._utils.optional_imports import MissingPackageError, needs
from skembed.persistence import TRUSTED_TYPES
from skembed.scoring._scorer import METHODS

CODE = (".joblib", ".pkl", ".pickle")


def load_model(path, *, trust=(), trust_code=False):
    """Load what `save`, skops, joblib or pickle has written, by the suffix.

    Parameters
    ----------
    path : str or PathLike
    trust : sequence of str
        Types that a .skops file may hold, beside those of scikit-learn and skembed.
    trust_code : bool
        Whether a file may be loaded that can run any code.

    Returns
    -------
    estimator

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not to be trusted, damaged, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if path.suffix == ".skembed":
        return load_saved(path)[0]
    if path.suffix not in (".skops", *CODE):
        raise ValueError(
            f"{str(path)!r} has the suffix {path.suffix!r}, but known are .skembed, .skops, "
            f"{', '.join(CODE)}."
        )
    if path.suffix in CODE and not trust_code:
        raise ValueError(
            f"{str(path)!r} can run any code when it is loaded. If nobody else can have written "
            "it, give --trust-code; otherwise save the model with skops."
        )
    try:
        model = joblib.load(path) if path.suffix in CODE else _load_skops(path, trust)
    except (UntrustedError, MissingPackageError):
        raise
    except Exception as error:  # a damaged file, or one of another version, raises anything
        raise ValueError(
            f"{str(path)!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if isinstance(model, type) or not any(hasattr(model, method) for method in METHODS):
        held = (
            f"the class {model.__name__}"
            if isinstance(model, type)
            else f"a {type(model).__name__}"
        )
        raise ValueError(
            f"{str(path)!r} holds {held}, which is no fitted model: give a file that holds an "
            f"estimator with one of the methods {', '.join(METHODS)}."
        )
    return model


def load_saved(path):
    """Load what `save` wrote, an encoder or a predictor.

    Parameters
    ----------
    path : str or PathLike

    Returns
    -------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
    content : dict
        What the file says beside the arrays.
    """
    content, arrays = read_file(path)
    with explained(path):
        kinds = {name: getattr(skembed, name) for name in skembed.__all__ if name[0].isupper()}
        return put_together(kinds[content["kind"]], content, arrays), content


def default_method(model):
    """What a model is asked for, unless something else is: probabilities of a classifier."""
    has_probabilities = is_classifier(model) and hasattr(model, "predict_proba")
    return "predict_proba" if has_probabilities else "predict"


class UntrustedError(ValueError):
    """A file that holds types which nobody has said to trust."""


def _load_skops(path, trust):
    with needs("A .skops file", "skops", extra="cli"):
        import skops.io
    unknown = {*skops.io.get_untrusted_types(file=path)} - {*TRUSTED_TYPES, *trust}
    if unknown:
        raise UntrustedError(
            f"{str(path)!r} holds types that are not trusted: {', '.join(sorted(unknown))}. To "
            f"trust them: {' '.join(f'--trust {name}' for name in sorted(unknown))}"
        )
    return skops.io.load(path, trusted=[*TRUSTED_TYPES, *trust])
