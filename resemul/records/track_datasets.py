"""Records of whole tracks as `tf.data`: segments of them, tags chosen and merged."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from resemul.configs.track_records import LOG_MEL, TrackReadConfig
from resemul.errors import ConfigError, DatasetError
from resemul.records.track_choice import part_files
from resemul.records.track_schema import parse_track
from resemul.records.track_shards import manifest_name, sorted_files

# Added to a variance.
_EPSILON = 1e-6

Track = Mapping[str, tf.Tensor]


def generate_datasets(
    files: Sequence[Path],
    config: TrackReadConfig,
    split: Sequence[float] | None = None,
    tags: Sequence[str] | None = None,
) -> list[tf.data.Dataset | None]:
    """Batches of each part of the files.

    The first part is for training. The others are read in order, and of their tracks
    the middle, so that scores can be repeated.

    Args:
        files: in the order in which they are parted.
        config: what to read. A last batch that is not full is dropped.
        split: percent of the files if the sum is 100, else numbers of files; the rest
            is not used. A part of 0 is None. Without a split there is one part.
        tags: names, for tags that `config` calls by them.

    Returns:
        Of each part pairs of audio, float32 `(batch, samples)` or `(batch, bands,
        frames)`, and labels `(batch, tags)`, the tags in the order of their numbers.

    Raises:
        ConfigError: the split does not fit, or there is no such tag.
    """
    chosen = _numbers(config.with_tags, tags, config.num_tags)
    merged = [_numbers(group, tags, config.num_tags) for group in config.merge_tags]
    return [
        _read(part, config, chosen, merged, is_first=number == 0) if part else None
        for number, part in enumerate(part_files(files, split))
    ]


def generate_datasets_from_dir(
    folder: Path, config: TrackReadConfig, split: Sequence[float] | None = None
) -> list[tf.data.Dataset | None]:
    """`generate_datasets` of a folder's files, which a manifest may describe.

    Raises:
        DatasetError: there are none, or the manifest says that they are others.
    """
    files = sorted_files(folder, config.format)
    if not files:
        raise DatasetError(f"{folder} holds no {config.format}_*.tfrecord")
    return generate_datasets(files, config, split, check_manifest(folder, config))


def check_manifest(folder: Path, config: TrackReadConfig) -> list[str] | None:
    """The names of the tags, if there is a manifest.

    Raises:
        DatasetError: rate, bands or the number of tags are others than `config` says.
    """
    path = folder / manifest_name(config.format)
    if not path.is_file():
        return None
    try:
        manifest = json.loads(path.read_text("utf-8"))
        tags: list[str] = manifest["tags"]
    except (ValueError, KeyError) as error:
        raise DatasetError(f"{path} cannot be read: {error!r}") from error
    names = ["sample_rate", "num_tags"]
    names += ["num_bands"] if config.format == LOG_MEL else []
    for name in names:
        if manifest.get(name) != getattr(config, name):
            raise DatasetError(
                f"{path}: the records have {name} {manifest.get(name)}, not "
                f"{getattr(config, name)}"
            )
    return tags


def _numbers(
    wanted: Sequence[int | str] | None, tags: Sequence[str] | None, num_tags: int
) -> list[int] | None:
    """Places of tags, from 0, in their order and each once."""
    if wanted is None:
        return None
    places = set()
    for one in wanted:
        if isinstance(one, str):
            if tags is None:
                raise ConfigError(
                    f"the tag {one!r} cannot be found by its name, as the records have "
                    "no manifest; give its number"
                )
            if one not in tags:
                raise ConfigError(f"the records have no tag {one!r}")
            places.add(list(tags).index(one))
        elif 1 <= one <= num_tags:
            places.add(int(one) - 1)
        else:
            raise ConfigError(f"tags have the numbers 1 to {num_tags}, got {one}")
    return sorted(places)


def _read(
    files: list[Path],
    config: TrackReadConfig,
    chosen: list[int] | None,
    merged: list[Any],
    is_first: bool,
) -> tf.data.Dataset:
    """One part: the order of what is done is that of the original."""
    data = tf.data.Dataset.from_tensor_slices([str(path) for path in files])
    data = data.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(config.cycle_length, len(files)),
        block_length=config.block_length,
    )
    data = data.map(lambda record: parse_track(record, config.num_tags))
    if config.shuffle and is_first:
        data = data.shuffle(config.shuffle_buffer, seed=config.seed)
    if chosen is not None:
        data = _choose_tags(data, chosen, merged)
    if config.with_tids is not None:
        tids = tf.constant(list(config.with_tids))
        data = data.filter(lambda track: tf.reduce_any(tids == track["tid"]))
    data = _cut(data, config, config.random and is_first)
    data = data.batch(config.batch_size, drop_remainder=True)
    data = data.map(lambda batch: {**batch, "audio": _scale(batch["audio"], config)})
    if config.as_tuple:
        data = data.map(lambda batch: (batch["audio"], batch["tags"]))
    if config.repeat != 1:
        data = data.repeat(config.repeat)
    return data.prefetch(tf.data.AUTOTUNE)


def _choose_tags(
    data: tf.data.Dataset, chosen: list[int], merged: list[Any]
) -> tf.data.Dataset:
    """Tracks with one of the tags, with these tags as labels."""
    for group in merged:
        data = data.map(lambda track, group=group: _merge(track, group))
    places = tf.constant(chosen)
    data = data.filter(
        lambda track: tf.reduce_any(tf.gather(track["tags"], places) > 0)
    )
    return data.map(lambda t: {**t, "tags": tf.gather(t["tags"], places)})


def _merge(track: Track, group: list[int]) -> Track:
    """A track with one tag of a group gets all of them."""
    places = tf.constant([[place] for place in group])
    has_any = tf.reduce_max(tf.gather_nd(track["tags"], places))
    values = tf.fill([len(group)], has_any)
    return {**track, "tags": tf.tensor_scatter_nd_update(track["tags"], places, values)}


def _cut(
    data: tf.data.Dataset, config: TrackReadConfig, is_random: bool
) -> tf.data.Dataset:
    """One segment of each track: anywhere, or its middle."""
    length, bands = config.length, config.num_bands
    is_mel = config.format == LOG_MEL
    if is_mel:
        shaped = [bands, -1]
        data = data.map(lambda t: {**t, "audio": tf.reshape(t["audio"], shaped)})
    if config.short == "skip":
        data = data.filter(lambda track: tf.shape(track["audio"])[-1] >= length)
    draws = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True)
    shape = [bands, length] if is_mel else [length]

    def cut(track: Track, draw: tf.Tensor) -> Track:
        audio = track["audio"]
        num_left = tf.maximum(tf.shape(audio, tf.int64)[-1] - length, 0)
        # The middle as the original has it, of odd lengths too.
        total = num_left + length
        middle = total // 2 - length // 2
        start = draw % (num_left + 1) if is_random else middle
        piece = audio[..., start : start + length]
        missing = length - tf.shape(piece)[-1]
        after = [[0, 0], [0, missing]] if is_mel else [[0, missing]]
        return {**track, "audio": tf.ensure_shape(tf.pad(piece, after), shape)}

    return tf.data.Dataset.zip(data, draws).map(cut)


def _scale(audio: tf.Tensor, config: TrackReadConfig) -> tf.Tensor:
    """Mean 0 and variance 1, of each segment or of each place in the batch."""
    axes = [0] if config.scaling == "batch" else list(range(1, audio.shape.rank))
    mean, variance = tf.nn.moments(audio, axes, keepdims=True)
    return (audio - mean) / tf.sqrt(variance + _EPSILON)
