"""TFRecord shards and audio: written from tracks, read as `tf.data`.

The names below are imported when they are first used: a worker that only decodes, or a
program that only looks at a manifest, does without TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resemul.records.audio_index import AUDIO_INDEX_FILE, write_audio_index
    from resemul.records.audio_set import AudioSet, open_audio_set
    from resemul.records.manifest import Manifest
    from resemul.records.opening import open_records, read_record_set
    from resemul.records.pipeline import (
        damage_named,
        iterate_clips,
        load_clips,
        load_segments,
        load_training_segments,
    )
    from resemul.records.plan import RECORDS_FOLDER, ShardJob, plan_shards
    from resemul.records.record_set import RecordSet
    from resemul.records.shards import write_shards

# Public name: the module that holds it.
_PUBLIC = {
    "AUDIO_INDEX_FILE": "audio_index",
    "RECORDS_FOLDER": "plan",
    "AudioSet": "audio_set",
    "Manifest": "manifest",
    "RecordSet": "record_set",
    "ShardJob": "plan",
    "damage_named": "pipeline",
    "iterate_clips": "pipeline",
    "load_clips": "pipeline",
    "load_segments": "pipeline",
    "load_training_segments": "pipeline",
    "open_audio_set": "audio_set",
    "open_records": "opening",
    "plan_shards": "plan",
    "read_record_set": "opening",
    "write_audio_index": "audio_index",
    "write_shards": "shards",
}

__all__ = [
    "AUDIO_INDEX_FILE",
    "RECORDS_FOLDER",
    "AudioSet",
    "Manifest",
    "RecordSet",
    "ShardJob",
    "damage_named",
    "iterate_clips",
    "load_clips",
    "load_segments",
    "load_training_segments",
    "open_audio_set",
    "open_records",
    "plan_shards",
    "read_record_set",
    "write_audio_index",
    "write_shards",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
