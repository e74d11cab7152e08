"""Records of whole tracks as something to train on and to score by.

A track is one record, of any length, and as a waveform or a log-mel spectrogram.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from resemul.configs.msd_run import FRONT_ENDS
from resemul.configs.track_records import (
    FFT_SAMPLES,
    FORMATS,
    HOP_SAMPLES,
    LOG_MEL,
    RANGE_DB,
    WAVEFORM,
    TrackChoice,
)
from resemul.constants import SPLITS
from resemul.errors import ConfigError, DatasetError
from resemul.models.parts import after_log_mel
from resemul.records.record_set import RecordSet
from resemul.records.track_choice import (
    ChosenTags,
    TrackFacts,
    choose_files,
    choose_tags,
    describe_split,
    read_excluded,
    read_facts,
    which_are_used,
)
from resemul.records.track_features import TRACK_AUDIO
from resemul.records.track_index import TrackIndex, read_index
from resemul.records.track_schema import parse_track
from resemul.records.track_shards import sorted_files

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrackSet(RecordSet):
    """Whole tracks; `num_samples` is the length of the longest.

    Segments are what its readers cut of a track: samples, or frames.
    """

    record_format: str = WAVEFORM
    num_bands: int = 96
    all_tags: int = 0
    chosen: ChosenTags = None  # type: ignore[assignment]  # follows fields with defaults
    excluded: frozenset[str] = frozenset()
    # Of the used tracks of each split, in samples or frames, int64 `(tracks,)`.
    lengths: dict[str, np.ndarray] = field(default_factory=dict)
    # Of the audio of a track, numbers that it needs.
    min_values: int = 0
    # Lengths of segments of which it was said that tracks are shorter.
    _told: set[int] = field(default_factory=set)

    has_one_length: ClassVar[bool] = False
    remedy: ClassVar[str] = "'resemul msd records'"
    split_remedy: ClassVar[str] = (
        "part the files otherwise (--split-files), or make more of them"
    )

    def part_of(self, model: keras.Model) -> keras.Model:
        """The model, or what follows its spectrogram; says how many tracks are short.

        Raises:
            DatasetError: the model has no such spectrogram.
        """
        if self.record_format == LOG_MEL:
            model = self._after_spectrogram(model)
        length = int(model.input_shape[-1])
        everything = np.concatenate(list(self.lengths.values()))
        if length not in self._told and (everything < length).any():
            self._told.add(length)
            logger.warning(
                "%d of %d tracks are shorter than a segment and filled with silence; "
                "--min-seconds leaves them out",
                (everything < length).sum(),
                len(everything),
            )
        return model

    def _after_spectrogram(self, model: keras.Model) -> keras.Model:
        expected = {
            "sample_rate": self.sample_rate,
            "fft_size": FFT_SAMPLES,
            "hop": HOP_SAMPLES,
            "num_bands": self.num_bands,
            "power": 2.0,
            "log": "db",
            "top_db": RANGE_DB,
        }
        try:
            return after_log_mel(model, expected)
        except ConfigError as error:
            raise DatasetError(
                f"{self.folder} holds spectrograms, which do not fit: {error}"
            ) from error

    def num_examples(self, num_samples: int | None, crop: str) -> int:
        """A segment per track, or all whole ones; of a short track one."""
        if num_samples is None or crop != "segments":
            return self.num_segments["train"]
        return int(np.maximum(self.lengths["train"] // num_samples, 1).sum())

    def read(
        self, files: list[Path], num_files_at_a_time: int = 1, block_length: int = 1
    ) -> tf.data.Dataset:
        """Pairs of float32 audio, `(n,)` or `(bands, n)`, and labels `(tags,)`."""
        data = super().read(files, num_files_at_a_time, block_length)
        data = data.map(
            lambda record: parse_track(record, self.all_tags),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        if self.excluded:
            excluded = _table(self.excluded)
            data = data.filter(lambda track: excluded.lookup(track["tid"]) == 0)
        if self.min_values:
            data = data.filter(
                lambda track: tf.shape(track["audio"])[0] >= self.min_values
            )
        data = data.map(self._shape)
        if self.chosen.is_needed:
            data = data.filter(lambda audio, labels: tf.reduce_any(labels > 0))
        return data

    def decode(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """What `read` gives is decoded."""
        return batches

    def decode_each(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """What `read` gives is decoded."""
        return records

    def read_clips(self, files: list[Path]) -> tf.data.Dataset:
        """Pairs of one piece `(1, n)` or `(1, bands, n)`, and labels `(tags,)`."""
        return self.read(files).map(lambda audio, labels: (audio[tf.newaxis], labels))

    def val_clips(self, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Those of `read_clips` of the validation."""
        yield from self.read_clips(self.files["val"]).as_numpy_iterator()

    def _shape(self, track: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        audio, labels = track["audio"], track["tags"]
        if self.record_format == LOG_MEL:
            audio = tf.reshape(audio, (self.num_bands, -1))
        for group in self.chosen.groups:
            has_any = tf.reduce_max(tf.gather(labels, group))
            places = tf.constant([[place] for place in group])
            values = tf.fill([len(group)], has_any)
            labels = tf.tensor_scatter_nd_update(labels, places, values)
        labels = tf.gather(labels, tf.constant(self.chosen.places))
        return audio, tf.cast(labels, tf.float32)


def _table(tids: frozenset[str]) -> tf.lookup.StaticHashTable:
    keys = tf.constant(sorted(tids))
    values = tf.ones(len(tids), tf.int64)
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(keys, values), 0
    )


def find_format(folder: Path, model: str | None) -> str | None:
    """Which of the track records in a folder a model reads; None if there are none.

    Those that its front end takes, where there are both.
    """
    found = [name for name in FORMATS if sorted_files(folder, name)]
    of_model = {ours: theirs for theirs, ours in FRONT_ENDS.items()}.get(model or "")
    return of_model if of_model in found else next(iter(found), None)


def open_track_set(folder: Path, record_format: str, choice: TrackChoice) -> TrackSet:
    """Describes the records of a format in a folder.

    Raises:
        DatasetError: a file is broken, or none of the tracks is used.
        ConfigError: tags or files that the choice names are not there.
    """
    facts = read_facts(folder, record_format, choice)
    files = choose_files(folder, record_format, choice)
    tags, excluded = choose_tags(facts, choice), read_excluded(choice)
    is_mel = record_format == LOG_MEL
    per_unit = facts.num_bands if is_mel else 1
    hop = HOP_SAMPLES if is_mel else 1
    min_length = int(choice.min_seconds * facts.sample_rate) // hop
    tids: dict[str, list[str]] = {split: [] for split in SPLITS}
    lengths: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    for split in SPLITS:
        for path in files[split]:
            index = read_index(path)
            _require_fit(path, index, facts, per_unit)
            own = index.values // per_unit
            used = which_are_used(index, tags, excluded, own, min_length)
            tids[split] += list(compress(index.tids, used))
            lengths[split].append(own[used])
    all_lengths = {
        split: np.concatenate([np.zeros(0, "int64"), *parts])
        for split, parts in lengths.items()
    }
    longest = max((int(own.max(initial=0)) for own in all_lengths.values()), default=0)
    if not longest:
        raise DatasetError(
            f"{folder}: no {record_format} record is used; see --split-files, "
            "--with-tags, --exclude and --min-seconds"
        )
    counts = {split: len(names) for split, names in tids.items()}
    num_skipped = {
        split: sum(facts.num_skipped.get(path.name, 0) for path in files[split])
        for split in SPLITS
    }
    return TrackSet(
        folder=folder,
        dataset="msd",
        split_name=describe_split(choice),
        tags=tags.names,
        sample_rate=facts.sample_rate,
        # Frames stand for all samples up to the next one.
        num_samples=longest * hop + hop - 1,
        files=files,
        num_segments=counts,
        num_clips=counts,
        clip_ids=tuple(tids["test"]),
        num_skipped=num_skipped,
        val_clip_sizes=(1,) * counts["val"],
        mix=TRACK_AUDIO.mix,
        resampler=TRACK_AUDIO.resampler,
        reading=choice.as_json(),
        record_format=record_format,
        num_bands=facts.num_bands,
        all_tags=len(facts.tags),
        chosen=tags,
        excluded=excluded,
        lengths=all_lengths,
        min_values=min_length * per_unit,
    )


def _require_fit(
    path: Path, index: TrackIndex, facts: TrackFacts, per_unit: int
) -> None:
    """Checks that a file holds what its manifest says.

    Raises:
        DatasetError: another number of tags or bands.
    """
    problem = None
    if index.tids and index.labels.shape[1] != len(facts.tags):
        problem = f"{index.labels.shape[1]} tags, not {len(facts.tags)}"
    elif (index.values % per_unit).any():
        problem = f"spectrograms of another number of bands than {per_unit}"
    elif len(index.values) and not index.values.all():
        problem = "tracks without audio"
    if problem:
        raise DatasetError(f"{path} has {problem}; see its manifest, or --tag-db")
