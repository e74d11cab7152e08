"""A record set without records: its clips are decoded when they are needed."""

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from resemul.datasets import load_annotations
from resemul.errors import DatasetError
from resemul.records.audio_index import AUDIO_INDEX_FILE, AudioIndex, read_audio_index
from resemul.records.audio_source import AudioClip, AudioSource
from resemul.records.record_set import RecordSet, describe_manifest

logger = logging.getLogger(__name__)

# Of a clip whose decoding does not end; far more than any takes.
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class AudioSet(RecordSet):
    """What a build would hold, straight from the audio: the same batches, bit for bit.

    `files` are the shards that were never written.
    """

    source: AudioSource = None  # type: ignore[assignment]  # follows fields with defaults

    build_options: ClassVar[str] = " --index-only --overwrite"

    def read(
        self, files: list[Path], num_files_at_a_time: int = 1, block_length: int = 1
    ) -> tf.data.Dataset:
        """Pairs of waveform and labels, in the order of the records."""
        names = [path.name for path in files]
        return self.source.segments(names, num_files_at_a_time, block_length)

    def decode(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """The same with float32 labels."""
        return batches.map(lambda x, labels: (x, tf.cast(labels, tf.float32)))

    def decode_each(self, records: tf.data.Dataset) -> tf.data.Dataset:
        """The same with float32 labels."""
        return self.decode(records)

    def read_clips(self, files: list[Path]) -> tf.data.Dataset:
        """Pairs of waveforms `(segments, num_samples)` and labels, clip by clip."""
        return self.source.clips([path.name for path in files])

    def explain(self, error: Exception, split: str) -> DatasetError | None:
        """What went wrong while a clip was decoded, if that is what did."""
        if self.source.error is None:
            return None
        return DatasetError(f"a clip cannot be decoded: {self.source.error}")


@contextmanager
def open_audio_set(
    data_dir: Path, num_workers: int = 1, index: Path | None = None
) -> Iterator[AudioSet]:
    """Opens the audio of a data set by its index; worker processes end with the block.

    Args:
        data_dir: folder of the data set, which may have moved since it was counted.
        num_workers: processes that decode.
        index: the index; None for the one in `data_dir`.

    Raises:
        DatasetError: there is no index, or the annotations have changed since.
    """
    path = Path(index or Path(data_dir) / AUDIO_INDEX_FILE)
    if not path.exists():
        raise DatasetError(f"{path} does not exist; 'resemul build --index-only' does")
    content = read_audio_index(path)
    audio_dir = _find_audio(content, Path(data_dir), path)
    identity = content.manifest.identity
    source = AudioSource(
        _clips(content, audio_dir),
        dataclasses.replace(identity.config, encoding="float32"),
        len(identity.tags),
        num_workers,
        _TIMEOUT_SECONDS,
    )
    with closing(source):
        described = describe_manifest(path.parent, content.manifest)
        yield AudioSet(**{**described, "encoding": "float32"}, source=source)


def _find_audio(content: AudioIndex, data_dir: Path, path: Path) -> Path:
    """The folder of the audio; checks that annotations are those that were counted."""
    identity = content.manifest.identity
    again = "'resemul build --index-only --overwrite' with the options of then does"
    config = content.dataset_config(data_dir)
    if config is None:
        logger.info("whether the annotations have changed since %s is not known", path)
        audio_dir = content.audio_dir
        if not audio_dir.is_dir():  # the data set has moved
            audio_dir = data_dir / audio_dir.name
    else:
        annotations = load_annotations(config, require_files=False)
        found = (annotations.source_sha256, list(annotations.tags))
        if found != (identity.annotations_sha256, identity.tags):
            raise DatasetError(
                f"the annotations are not those that {path} was made of: count the "
                f"clips again; {again}"
            )
        audio_dir = annotations.audio_dir
    if not audio_dir.is_dir():
        raise DatasetError(f"{audio_dir} does not exist: no audio to read")
    return audio_dir


def _clips(content: AudioIndex, audio_dir: Path) -> dict[str, list[AudioClip]]:
    manifest = content.manifest
    return {
        shard.file: [
            _clip(content.tracks[clip_id], audio_dir, num_segments, manifest)
            for clip_id, num_segments in shard.clips
        ]
        for shard in manifest.shards
    }


def _clip(
    track: tuple[str, list[int]], audio_dir: Path, num_segments: int, manifest: Any
) -> AudioClip:
    path, positive = track
    labels = np.zeros(len(manifest.identity.tags), "uint8")
    labels[positive] = 1
    return AudioClip(audio_dir / path, labels, num_segments)
