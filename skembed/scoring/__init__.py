"""Scoring in bounded memory: a file into a file, or batch by batch."""

from skembed.scoring._score_file import score_file
from skembed.scoring._scorer import Scorer

__all__ = ["Scorer", "score_file"]
