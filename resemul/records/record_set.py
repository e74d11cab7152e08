"""What there is to read: the shards of a folder, their sizes, their tags."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resemul.configs import BuildConfig, DatasetConfig
from resemul.constants import SAMPLE_RATE, SPLITS
from resemul.datasets import load_annotations
from resemul.errors import DatasetError
from resemul.records.audio_source import AudioSource
from resemul.records.manifest import Manifest, read_manifest
from resemul.records.plan import shard_file
from resemul.records.schema import peek_sizes

RECORDS_FOLDER = "tfrecord"
UNKNOWN_SPLIT_NAME = "unknown"


@dataclass(frozen=True)
class RecordSet:
    """The shards of one build.

    `num_clips` has no entry for a split in which clips cannot be told apart
    (training and validation shards without a manifest). `clip_ids` are those of
    the test clips in the order of the records; empty without a manifest.
    """

    folder: Path
    dataset: str
    split_name: str
    tags: tuple[str, ...]
    sample_rate: int
    num_samples: int
    files: dict[str, list[Path]]
    num_segments: dict[str, int]
    num_clips: dict[str, int]
    clip_ids: tuple[str, ...]
    num_skipped: dict[str, int]
    # How the samples are stored, a key of `configs.ENCODING_BYTES`.
    encoding: str = BuildConfig.encoding
    # Segments of each validation clip in the order of the records; empty without a
    # manifest, as the segments then cannot be told apart.
    val_clip_sizes: tuple[int, ...] = ()
    # Gives the clips themselves where there are no shards; see `open_audio_set`.
    audio: AudioSource | None = None


def read_record_set(data_dir: Path) -> RecordSet:
    """Describes the shards under `data_dir/tfrecord`.

    Without a manifest, as in folders that the original wrote, counts come from the
    files and tags from the annotations of MTT in `data_dir`.

    Raises:
        DatasetError: there are no shards, some are missing, or they do not match
            their manifest or annotations.
    """
    folder = Path(data_dir) / RECORDS_FOLDER
    if not folder.is_dir():
        raise DatasetError(f"{folder} does not exist; 'resemul build' writes it")
    manifest = read_manifest(folder)
    if manifest is None:
        return _describe_files(folder, Path(data_dir))
    for shard in manifest.shards:
        path = folder / shard.file
        if not path.is_file() or path.stat().st_size != shard.num_bytes:
            raise DatasetError(
                f"{path} is missing or not of the {shard.num_bytes} bytes in the "
                "manifest; run 'resemul build' again, it rewrites what is missing"
            )
    return describe_manifest(folder, manifest)


def describe_manifest(folder: Path, manifest: Manifest) -> RecordSet:
    """A record set of what a manifest lists, without a look at the files."""
    return RecordSet(
        folder=folder,
        dataset=manifest.identity.dataset,
        split_name=manifest.identity.split_name,
        tags=tuple(manifest.identity.tags),
        sample_rate=manifest.identity.options["sample_rate"],
        num_samples=manifest.identity.options["num_samples"],
        files={
            split: [folder / s.file for s in manifest.shards if s.split == split]
            for split in SPLITS
        },
        num_segments={split: manifest.num_segments(split) for split in SPLITS},
        num_clips={split: manifest.num_clips(split) for split in SPLITS},
        clip_ids=tuple(
            clip_id
            for shard in manifest.shards
            if shard.split == "test"
            for clip_id, _ in shard.clips
        ),
        num_skipped={
            split: sum(clip.split == split for clip in manifest.skipped())
            for split in SPLITS
        },
        encoding=manifest.encoding,
        val_clip_sizes=tuple(
            num_segments
            for shard in manifest.shards
            if shard.split == "val"
            for _, num_segments in shard.clips
        ),
    )


def _describe_files(folder: Path, data_dir: Path) -> RecordSet:
    files = {split: _find_shards(folder, split) for split in SPLITS}
    num_samples, num_tags = _peek_first(folder, files["train"] + files["val"])
    try:
        annotations = load_annotations(DatasetConfig(data_dir=data_dir))
    except DatasetError as error:
        raise DatasetError(
            f"{folder} has no manifest, so the tags come from the annotations: {error}"
        ) from error
    if len(annotations.tags) != num_tags:
        raise DatasetError(
            f"{folder} has records of {num_tags} labels, the annotations "
            f"{len(annotations.tags)} tags; build the records again"
        )
    sizes = {split: [_record_sizes(path) for path in files[split]] for split in SPLITS}
    test_sizes = [size for shard in sizes["test"] for size in shard]
    # A test record is its segments and less than one segment's bytes of framing.
    num_test_segments = sum(size // (4 * num_samples) for size in test_sizes)
    return RecordSet(
        folder=folder,
        dataset=annotations.dataset,
        split_name=UNKNOWN_SPLIT_NAME,
        tags=annotations.tags,
        sample_rate=SAMPLE_RATE,
        num_samples=num_samples,
        files=files,
        num_segments={
            "train": sum(map(len, sizes["train"])),
            "val": sum(map(len, sizes["val"])),
            "test": num_test_segments,
        },
        num_clips={"test": len(test_sizes)},
        clip_ids=(),
        num_skipped={},
    )


def _peek_first(folder: Path, paths: list[Path]) -> tuple[int, int]:
    """Samples and labels of the first record that there is."""
    for path in paths:
        for record in _read_records(path):
            try:
                return peek_sizes(record)
            except ValueError as error:
                raise DatasetError(
                    f"{path} holds other records than resemul's; run 'resemul build'"
                ) from error
    raise DatasetError(f"{folder}: no records in its shards; run 'resemul build'")


def _find_shards(folder: Path, split: str) -> list[Path]:
    paths = sorted(folder.glob(f"{split}-????-of-????*.tfrecord"))
    if not paths:
        raise DatasetError(f"{folder} holds no {split} shards; run 'resemul build'")
    num_shards = int(paths[0].name.split("-of-")[1][:4])
    expected = [folder / shard_file(split, i, num_shards) for i in range(num_shards)]
    if paths != expected:
        odd = sorted({p.name for p in paths} ^ {p.name for p in expected})
        raise DatasetError(
            f"{folder}: the {split} shards are not those of one build, see {odd[0]}; "
            "run 'resemul build'"
        )
    return paths


def _record_sizes(path: Path) -> list[int]:
    return [len_ for len_, _ in _scan(path)]


def _read_records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for size, offset in _scan(path):
            file.seek(offset)
            yield file.read(size)


def _scan(path: Path) -> Iterator[tuple[int, int]]:
    """Yields size and offset of each record, reading only the frames.

    A record is: length (8 bytes), checksum (4), the bytes, checksum (4).
    """
    total = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position < total:
            file.seek(position)
            header = file.read(8)
            size = struct.unpack("<Q", header)[0] if len(header) == 8 else total
            if position + size + 16 > total:
                raise DatasetError(f"{path} is cut off; build it again")
            yield size, position + 12
            position += size + 16
