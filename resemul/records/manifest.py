"""`manifest.json`: what a folder of shards holds, for readers and for people."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resemul.configs import BuildConfig
from resemul.constants import SPLITS
from resemul.errors import DatasetError
from resemul.runtime.files import atomic_write

MANIFEST_FILE = "manifest.json"
FORMAT = 1

# Options that a manifest holds only if they have another value than this: builds of
# before there was a choice do not say it, and are the same builds.
UNWRITTEN = {
    name: getattr(BuildConfig, name) for name in ("encoding", "mix", "resampler")
}


@dataclass(frozen=True)
class SkippedClip:
    """A clip that is in no shard, and why."""

    clip_id: str
    path: str
    split: str
    reason: str


@dataclass(frozen=True)
class ShardResult:
    """What one shard holds: `(clip_id, segments)` in the order of its records.

    `padded` are the clips, by id and seconds of audio, that were shorter than a segment
    and are filled with silence.
    """

    file: str
    split: str
    num_bytes: int
    clips: list[tuple[str, int]]
    skipped: list[SkippedClip]
    padded: list[tuple[str, float]] = field(default_factory=list)
    # Of the whole file, and of its beginning and end, which are read in a moment; empty
    # in builds that did not take them.
    sha256: str = ""
    ends_sha256: str = ""


@dataclass(frozen=True)
class BuildIdentity:
    """All that decides the bytes of the shards; equal identities, equal bytes."""

    dataset: str
    split_name: str
    annotations_sha256: str
    tags: list[str]
    options: dict[str, Any]

    @property
    def config(self) -> BuildConfig:
        """The options, with those that a manifest leaves out."""
        return BuildConfig(**self.options)

    def difference(self, other: "BuildIdentity") -> str:
        """Says in words how this build differs from `other`; empty if it does not."""
        parts = []
        for name in ("dataset", "split_name", "annotations_sha256", "tags"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                described = name in ("dataset", "split_name")
                parts.append(f"{name} {theirs} -> {mine}" if described else name)
        for name in sorted(self.options.keys() | other.options.keys()):
            mine, theirs = (
                build.options.get(name, UNWRITTEN.get(name)) for build in (self, other)
            )
            if mine != theirs:
                parts.append(f"{name} {theirs} -> {mine}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Manifest:
    """A finished build."""

    identity: BuildIdentity
    shards: list[ShardResult]
    versions: dict[str, str] = field(default_factory=dict)

    def num_clips(self, split: str) -> int:
        """Clips in the shards of a split."""
        return sum(len(s.clips) for s in self.shards if s.split == split)

    def num_segments(self, split: str) -> int:
        """Segments in the shards of a split."""
        return sum(n for s in self.shards if s.split == split for _, n in s.clips)

    def skipped(self) -> list[SkippedClip]:
        """All clips that could not be used."""
        return [clip for shard in self.shards for clip in shard.skipped]

    def padded(self) -> list[tuple[str, str, float]]:
        """`(clip_id, split, seconds)` of clips that are filled with silence."""
        return [(i, s.split, seconds) for s in self.shards for i, seconds in s.padded]

    def short(self) -> list[tuple[str, str, int]]:
        """`(clip_id, split, segments)` of clips used with fewer segments than full."""
        full = self.full_segments()
        return [
            (clip_id, shard.split, n)
            for shard in self.shards
            for clip_id, n in shard.clips
            if n < full
        ]

    def full_segments(self) -> int:
        """Whole segments in a clip of full length."""
        return self.identity.config.segments_per_clip


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Writes `manifest.json`, with counts that people look for at its top."""
    counts = {
        split: {
            "clips": manifest.num_clips(split),
            "segments": manifest.num_segments(split),
            "shards": sum(s.split == split for s in manifest.shards),
        }
        for split in SPLITS
    }
    content = {
        "format": FORMAT,
        "counts": counts,
        "num_skipped": len(manifest.skipped()),
        "num_short": len(manifest.short()),
        "num_padded": len(manifest.padded()),
        **manifest_to_json(manifest),
    }
    write_json(content, folder / MANIFEST_FILE)


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON, with a checksum that tells of changes by hand."""
    content = dataclasses.asdict(manifest)
    return {**content, "checksum": checksum(content)}


def checksum(content: dict[str, Any]) -> str:
    """SHA-256 of the identity and the shards of a manifest, as read from JSON."""
    parts = [content["identity"], content["shards"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_json(content: Any, path: Path) -> None:
    """Writes JSON: whole, even through a power cut, or not at all."""
    with atomic_write(path, durable=True) as file:
        file.write(json.dumps(content, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Reads JSON.

    Raises:
        DatasetError: the file is broken, or cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not valid JSON: {error}") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
