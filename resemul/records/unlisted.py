"""Shards without a manifest, as the original wrote them: described by their files."""

import struct
from collections.abc import Iterator
from pathlib import Path

from resemul.configs import DatasetConfig
from resemul.constants import SAMPLE_RATE, SPLITS
from resemul.datasets import load_annotations
from resemul.errors import DatasetError
from resemul.records.decoding import peek_sizes
from resemul.records.plan import shard_file
from resemul.records.record_set import RecordSet

UNKNOWN_SPLIT_NAME = "unknown"


def describe_files(folder: Path, data_dir: Path) -> RecordSet:
    """A record set of the shards in a folder, with the tags of MTT in `data_dir`.

    Raises:
        DatasetError: shards are missing or cut off, or hold something else.
    """
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
