"""TFRecord shards: written from tracks, read as `tf.data`. The home of TensorFlow."""

# ruff: noqa: E402
from resemul.runtime.tensorflow import import_tensorflow

# Before the imports below, which would do it noisily, in every worker process too.
import_tensorflow()

from resemul.records.audio_index import (
    AUDIO_INDEX_FILE,
    open_audio_set,
    write_audio_index,
)
from resemul.records.manifest import Manifest
from resemul.records.pipeline import (
    count_examples,
    damage_named,
    iterate_clips,
    load_clips,
    load_segments,
    load_training_segments,
)
from resemul.records.plan import ShardJob, plan_shards
from resemul.records.record_set import RECORDS_FOLDER, RecordSet, read_record_set
from resemul.records.shards import write_shards

__all__ = [
    "AUDIO_INDEX_FILE",
    "RECORDS_FOLDER",
    "Manifest",
    "RecordSet",
    "ShardJob",
    "count_examples",
    "damage_named",
    "iterate_clips",
    "load_clips",
    "load_segments",
    "load_training_segments",
    "open_audio_set",
    "plan_shards",
    "read_record_set",
    "write_audio_index",
    "write_shards",
]
