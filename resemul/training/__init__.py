"""Staged SGD with patience, resumable after every epoch."""

from resemul.training.files import delete_run, find_best_checkpoint
from resemul.training.stages import TrainingRun, train_in_stages

__all__ = ["TrainingRun", "delete_run", "find_best_checkpoint", "train_in_stages"]
