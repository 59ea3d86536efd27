"""Scoring in bounded memory: a file into a file, or batch by batch."""

from skembed.scoring._job_folder import remove_stopped_jobs
from skembed.scoring._score_file import score_file
from skembed.scoring._scorer import Scorer

__all__ = ["Scorer", "remove_stopped_jobs", "score_file"]
