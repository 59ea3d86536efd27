"""Scoring a file into a file, batch by batch, in bounded memory."""

from skembed.scoring._score_file import score_file

__all__ = ["score_file"]
