"""Reading manifests: nothing in them is taken at its word.

A manifest decides how bytes are read and which score goes to which clip; a wrong one
gives wrong results without an error. Those of older builds lack some fields.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from resemul.configs import BuildConfig
from resemul.constants import SPLITS
from resemul.errors import ConfigError, DatasetError
from resemul.records.manifest import (
    FORMAT,
    MANIFEST_FILE,
    BuildIdentity,
    Manifest,
    ShardResult,
    SkippedClip,
    checksum,
    read_json,
)
from resemul.records.sizes import shard_bytes

_SHA256 = re.compile(r"[0-9a-f]{64}|")


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
            f"{path} has format {content['format']!r}, this version reads {FORMAT}; "
            "build the records again with --overwrite"
        )
    manifest = manifest_from_json(content, path)
    for shard in manifest.shards:
        expected = shard_bytes(manifest.identity, shard)
        if shard.num_bytes != expected:
            raise DatasetError(
                f"{path}: {shard.file} has {shard.num_bytes} bytes, what is listed of "
                f"it makes {expected}; build the records again with --overwrite"
            )
    return manifest


def manifest_from_json(content: Any, path: Path) -> Manifest:
    """Undoes `manifest_to_json`, and checks every field.

    Args:
        content: what was read.
        path: where, for messages.

    Raises:
        DatasetError: a field has a value that `write_manifest` does not write.
    """
    try:
        _require(isinstance(content, dict), "it is not an object")
        identity = identity_from_json(content["identity"])
        shards = [
            shard_result_from_json(shard) for shard in _list(content, "shards", dict)
        ]
        _check_shards(shards, identity)
        if "checksum" in content:
            same = content["checksum"] == checksum(content)
            _require(same, "it was changed after it was written")
        versions = content.get("versions", {})
        _require(isinstance(versions, dict), "versions is not an object")
    except KeyError as error:
        raise _refusal(path, f"it has no {error.args[0]}") from error
    except (ConfigError, ValueError) as error:
        raise _refusal(path, str(error)) from error
    return Manifest(identity, shards, versions)


def identity_from_json(content: Any) -> BuildIdentity:
    """Undoes `dataclasses.asdict` of a `BuildIdentity`.

    Raises:
        KeyError: a field is missing.
        ValueError: a field has a value that cannot be.
    """
    _require(isinstance(content, dict), "identity is not an object")
    options = content["options"]
    _require(isinstance(options, dict), "options is not an object")
    tags = _list(content, "tags", str)
    _require(bool(tags), "tags is empty")
    _require(not (twice := _first_double(tags)), f"the tag {twice!r} is there twice")
    identity = BuildIdentity(
        dataset=_text(content, "dataset"),
        split_name=_text(content, "split_name"),
        annotations_sha256=_text(content, "annotations_sha256"),
        tags=tags,
        options=options,
    )
    for name in ("sample_rate", "num_samples", "clip_seconds", "min_segments"):
        if name not in options:
            raise KeyError(name)
    try:
        BuildConfig(**options)
    except TypeError as error:
        raise ValueError(f"options: {error}") from error
    return identity


def shard_result_from_json(content: dict[str, Any]) -> ShardResult:
    """Undoes `dataclasses.asdict` of a `ShardResult`; raises as `identity_from_json`.

    Fields that older builds do not have are empty.
    """
    file, split = _text(content, "file"), _text(content, "split")
    _require(split in SPLITS, f"{file}: there is no split {split!r}")
    _require(
        bool(re.fullmatch(rf"{split}-\d+-of-\d+(\.seq)?\.tfrecord", file)),
        f"{file!r} is not the name of a {split} shard",
    )
    num_bytes = content["num_bytes"]
    _require(
        _is_count(num_bytes, 0), f"{file}: num_bytes is {num_bytes!r}, not a count"
    )
    hashes = {name: content.get(name, "") for name in ("sha256", "ends_sha256")}
    for name, value in hashes.items():
        is_hash = isinstance(value, str) and _SHA256.fullmatch(value)
        _require(bool(is_hash), f"{file}: {name} is no SHA-256")
    clips = [_pair(pair, file, "clips") for pair in _list(content, "clips", list)]
    for clip_id, num_segments in clips:
        _require(
            _is_count(num_segments, 1),
            f"{file}: clip {clip_id} has {num_segments!r} segments",
        )
    padded = [
        _pair(pair, file, "padded")
        for pair in _list({"padded": [], **content}, "padded", list)
    ]
    return ShardResult(
        file,
        split,
        num_bytes,
        clips,
        [_skipped(clip) for clip in _list(content, "skipped", dict)],
        padded,
        **hashes,
    )


def _check_shards(shards: list[ShardResult], identity: BuildIdentity) -> None:
    _require(bool(shards), "it lists no shards")
    twice = _first_double(shard.file for shard in shards)
    _require(not twice, f"{twice} is listed twice")
    twice = _first_double(clip_id for shard in shards for clip_id, _ in shard.clips)
    _require(not twice, f"clip {twice!r} is listed twice")
    config = identity.config
    most = None if config.clip_seconds is None else config.segments_per_clip
    for shard in shards:
        for clip_id, num_segments in shard.clips:
            _require(
                most is None or num_segments <= max(most, 1),
                f"clip {clip_id} has {num_segments} segments, a whole one {most}",
            )


def _skipped(content: dict[str, Any]) -> SkippedClip:
    names = ("clip_id", "path", "split", "reason")
    return SkippedClip(**{name: _text(content, name) for name in names})


def _text(content: dict[str, Any], name: str) -> str:
    value = content[name]
    _require(isinstance(value, str), f"{name} is {value!r}, not a text")
    return value


def _list(content: dict[str, Any], name: str, item: type) -> list[Any]:
    values = content[name]
    is_list = isinstance(values, list | tuple)
    if item is list:
        item = list | tuple  # type: ignore[assignment]
    _require(
        is_list and all(isinstance(value, item) for value in values),
        f"{name} is not a list of what it should hold",
    )
    return list(values)


def _pair(pair: Any, file: str, name: str) -> tuple[str, Any]:
    _require(
        len(pair) == 2 and isinstance(pair[0], str),
        f"{file}: {name} holds {pair!r}, not a clip and a number",
    )
    return pair[0], pair[1]


def _is_count(value: Any, minimum: int) -> bool:
    return type(value) is int and value >= minimum


def _first_double(values: Iterable[str]) -> str:
    return next((value for value, n in Counter(values).items() if n > 1), "")


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)


def _refusal(path: Path, complaint: str) -> DatasetError:
    return DatasetError(
        f"{path} is not a manifest of resemul: {complaint}; build again with "
        "--overwrite"
    )
