"""Which clip goes into which shard."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from resemul.audio.source import printable, source_name
from resemul.configs import BuildConfig
from resemul.constants import SPLITS
from resemul.datasets import Annotations, Track
from resemul.errors import DatasetError
from resemul.records.manifest import SkippedClip

SHARD_SEED = 0
# In the folder of a data set.
RECORDS_FOLDER = "tfrecord"
# Appended to a shard's name: what it holds, while the build is not finished.
RESULT_SUFFIX = ".json"


@dataclass(frozen=True)
class ShardJob:
    """One output file and the tracks that go into it, in order."""

    file: str
    split: str
    tracks: list[Track]
    audio_dir: Path
    config: BuildConfig
    # Clips to leave out, with what became of the worker process that decoded them.
    bad_clips: Mapping[str, str] = field(default_factory=dict)


def plan_shards(annotations: Annotations, config: BuildConfig) -> list[ShardJob]:
    """Deals each split's tracks out to shards, exactly as the published system.

    One legacy NumPy generator, seeded once, permutes the shard numbers of train,
    val and test in that order. A split smaller than a shard gets one shard.

    Raises:
        DatasetError: there is no track at all.
    """
    if not annotations.tracks:
        raise DatasetError(f"{annotations.audio_dir.parent}: no track has any tag")
    random = np.random.RandomState(SHARD_SEED)
    jobs = []
    for split in SPLITS:
        tracks = [track for track in annotations.tracks if track.split == split]
        if not tracks:
            continue
        shard_of_track = _assign(len(tracks), config.num_audios_per_shard, random)
        num_shards = int(shard_of_track.max()) + 1
        for shard in range(num_shards):
            jobs.append(
                ShardJob(
                    file=shard_file(split, shard, num_shards),
                    split=split,
                    tracks=[tracks[i] for i in np.flatnonzero(shard_of_track == shard)],
                    audio_dir=annotations.audio_dir,
                    config=config,
                )
            )
    return jobs


def shard_file(split: str, shard: int, num_shards: int) -> str:
    """The file name of a shard; test records are sequences, and named so."""
    sequence = ".seq" if split == "test" else ""
    return f"{split}-{shard:04d}-of-{num_shards:04d}{sequence}.tfrecord"


def skip(track: Track, job: ShardJob, message: str) -> SkippedClip:
    """What a manifest says of a clip that cannot be used."""
    # The manifest must not depend on where the data set lies.
    shown = source_name(job.audio_dir / track.path)
    reason = message.replace(shown, printable(track.path.as_posix()))
    return SkippedClip(track.clip_id, track.path.as_posix(), job.split, reason)


def _assign(
    num_tracks: int, num_per_shard: int, random: np.random.RandomState
) -> np.ndarray:
    num_shards = max(1, num_tracks // num_per_shard)
    num_dealt = num_shards * num_per_shard if num_tracks >= num_per_shard else 0
    shards = np.concatenate(
        [
            np.arange(num_dealt) % num_shards,
            np.arange(num_tracks - num_dealt) % num_shards,
        ]
    )
    return random.permutation(shards)
