"""`manifest.json`: what a folder of shards holds, for readers and for people."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resemul.configs import BuildConfig
from resemul.constants import SPLITS
from resemul.errors import DatasetError

MANIFEST_FILE = "manifest.json"
FORMAT = 1

# Options that a manifest holds only if they have another value than this.
_UNWRITTEN = {"encoding": BuildConfig.encoding}


@dataclass(frozen=True)
class SkippedClip:
    """A clip that is in no shard, and why."""

    clip_id: str
    path: str
    split: str
    reason: str


@dataclass(frozen=True)
class ShardResult:
    """What one shard holds: `(clip_id, segments)` in the order of its records."""

    file: str
    split: str
    num_bytes: int
    clips: list[tuple[str, int]]
    skipped: list[SkippedClip]


@dataclass(frozen=True)
class BuildIdentity:
    """All that decides the bytes of the shards; equal identities, equal bytes."""

    dataset: str
    split_name: str
    annotations_sha256: str
    tags: list[str]
    options: dict[str, Any]

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
                build.options.get(name, _UNWRITTEN.get(name)) for build in (self, other)
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

    @property
    def encoding(self) -> str:
        """How the samples are stored, a key of `configs.ENCODING_BYTES`."""
        return self.identity.options.get("encoding", _UNWRITTEN["encoding"])

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
        """Whole segments in a clip of full length, as `BuildConfig` counts them."""
        options = self.identity.options
        if options["clip_seconds"] is None:
            return options["min_segments"]
        num_read = int(options["clip_seconds"] * options["sample_rate"])
        return num_read // options["num_samples"]


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
        **dataclasses.asdict(manifest),
    }
    write_json(content, folder / MANIFEST_FILE)


def read_manifest(folder: Path) -> Manifest | None:
    """Reads `manifest.json`; None if there is none.

    Raises:
        DatasetError: the file is not one that `write_manifest` wrote.
    """
    path = folder / MANIFEST_FILE
    if not path.exists():
        return None
    content = read_json(path)
    if isinstance(content, dict) and content.get("format", FORMAT) != FORMAT:
        raise DatasetError(
            f"{path} has format {content['format']}, this version reads {FORMAT}; "
            "build the records again with --overwrite"
        )
    return manifest_from_json(content, path)


def manifest_from_json(content: dict[str, Any], path: Path) -> Manifest:
    """Undoes `dataclasses.asdict` of a `Manifest`; `path` is where it was."""
    try:
        return Manifest(
            identity=BuildIdentity(**content["identity"]),
            shards=[shard_result_from_json(shard) for shard in content["shards"]],
            versions=content["versions"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} is not a manifest of resemul: {error!r}") from error


def shard_result_from_json(content: dict[str, Any]) -> ShardResult:
    """Undoes `dataclasses.asdict` of a `ShardResult`."""
    return ShardResult(
        file=content["file"],
        split=content["split"],
        num_bytes=content["num_bytes"],
        clips=[(clip_id, n) for clip_id, n in content["clips"]],
        skipped=[SkippedClip(**clip) for clip in content["skipped"]],
    )


def write_json(content: Any, path: Path) -> None:
    """Writes JSON under a temporary name, then renames it."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def read_json(path: Path) -> Any:
    """Reads JSON; a broken file is a `DatasetError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path} is not valid JSON: {error}") from error
