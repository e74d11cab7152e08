"""A model and its records in, predictions and scores of the test clips out."""

from collections.abc import Iterator
from pathlib import Path

import keras

from resemul import __version__
from resemul.checkpoints.card import ModelCard
from resemul.evaluation.clips import Clip, scoring_clips, scoring_scheme
from resemul.evaluation.partial import digest, predict_resumably
from resemul.prediction.fused import fuse_for_prediction
from resemul.prediction.labelled import LabelledPredictions, collect
from resemul.records import RecordSet
from resemul.weights.cache import cache_folder

# In the cache folder; a part is removed when its evaluation is done.
PARTS_FOLDER = "evaluations"


def predict_test_clips(
    model: keras.Model,
    card: ModelCard,
    records: RecordSet,
    scheme: str | None = None,
    batch_size: int | None = None,
    precision: str = "float32",
) -> LabelledPredictions:
    """Labels and probabilities of the test clips; goes on where a stop ended it.

    Args:
        model: of `card`.
        card: says over which segments of a clip to average, if `scheme` does not.
        records: that fit the card.
        scheme: which segments of a clip; see `audio.segments.choose_segments`.
        batch_size: most segments in a batch; None for what their length allows.
        precision: `float32` or `mixed_bfloat16`, of the model's arithmetic.
    """
    chosen, num_chunks = scoring_scheme(card, scheme)
    model = records.part_of(model)
    num_samples = int(model.input_shape[-1])
    clips: Iterator[Clip] = scoring_clips(
        records, "test", num_samples, "eval", chosen, num_chunks
    )
    facts = (__version__, chosen, num_chunks, precision, *_facts_of(records))
    part = cache_folder() / PARTS_FOLDER / f"{digest(model, facts)[:32]}.part"
    fused = fuse_for_prediction(model, precision)
    rows = predict_resumably(fused, clips, len(records.tags), part, batch_size)
    return collect(rows, records.clip_ids)


def _facts_of(records: RecordSet) -> tuple[object, ...]:
    """What tells the test clips of these records from all others."""
    return (
        str(records.folder.resolve()),
        records.dataset,
        records.split_name,
        records.tags,
        records.sample_rate,
        records.num_samples,
        sorted(records.reading.items()),
        records.clip_ids,
        [_file_facts(path) for path in records.files["test"]],
    )


def _file_facts(path: Path) -> tuple[object, ...]:
    if not path.is_file():  # of records that are decoded on the way
        return (path.name,)
    status = path.stat()
    return path.name, status.st_size, status.st_mtime_ns
