"""How long a vector should be: the rules for embedding dimensions, each with its source."""

from skembed._model.dimensions import auto_dim, fastai_dim, google_dim, half_dim

__all__ = ["auto_dim", "fastai_dim", "google_dim", "half_dim"]
