"""Pictures of a fitted encoder or predictor, as Display objects of scikit-learn's kind."""

from skembed.plotting._displays import EmbeddingDisplay, SimilarityDisplay, TrainingDisplay

__all__ = ["EmbeddingDisplay", "SimilarityDisplay", "TrainingDisplay"]
