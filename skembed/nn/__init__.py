"""Torch modules for people who build nets: vectors of many columns, fitted estimators frozen."""

from skembed.nn._frozen import FrozenEncoder, FrozenPredictor
from skembed.nn._packed_embedding import PackedEmbedding

__all__ = ["FrozenEncoder", "FrozenPredictor", "PackedEmbedding"]
