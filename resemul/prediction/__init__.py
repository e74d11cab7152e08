"""Running a model over clips, as fast as the machine at hand allows."""

from resemul.prediction.batches import (
    BATCH_SIZE,
    choose_jit,
    predict_clips,
    predict_each,
    predict_segments,
)
from resemul.prediction.twin import copy_weights, make_prediction_twin

__all__ = [
    "BATCH_SIZE",
    "choose_jit",
    "copy_weights",
    "make_prediction_twin",
    "predict_clips",
    "predict_each",
    "predict_segments",
]
