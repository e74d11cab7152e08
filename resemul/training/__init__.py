"""Training by a recipe, resumable after every epoch."""

from resemul.training.files import delete_run, find_best_checkpoint
from resemul.training.run import train
from resemul.training.stages import TrainingRun, train_in_stages
from resemul.training.start import prepare_model
from resemul.training.strategies import is_first_process, start_strategy

__all__ = [
    "TrainingRun",
    "delete_run",
    "find_best_checkpoint",
    "is_first_process",
    "prepare_model",
    "start_strategy",
    "train",
    "train_in_stages",
]
