"""Opening what there is to read: records, or the audio files they would be made of."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resemul.configs import DEFAULT_MODEL, DatasetConfig, records_of_model
from resemul.configs.track_records import TrackChoice
from resemul.datasets import load_annotations
from resemul.errors import ConfigError, DatasetError
from resemul.records.audio_index import AUDIO_INDEX_FILE, write_audio_index
from resemul.records.audio_set import open_audio_set
from resemul.records.manifest import ShardResult
from resemul.records.manifest_checks import read_manifest
from resemul.records.plan import RECORDS_FOLDER
from resemul.records.record_set import RecordSet, describe_manifest
from resemul.records.track_set import TrackSet, find_format, open_track_set
from resemul.records.unlisted import describe_files
from resemul.runtime.files import ends_sha256

logger = logging.getLogger(__name__)


@contextmanager
def open_records(
    data_dir: Path,
    from_audio: bool = False,
    num_workers: int = 1,
    model: str = DEFAULT_MODEL,
    records_dir: Path | None = None,
    choice: TrackChoice | None = None,
    is_chosen: bool = False,
) -> Iterator[RecordSet]:
    """The records of a data set, or what decodes its audio files while it is open.

    Args:
        data_dir: folder of the data set.
        from_audio: decode the audio files instead of reading records. The clips of MTT
            are counted first, unless they have been; of other data sets, `resemul build
            --index-only` counts them.
        num_workers: processes that decode.
        model: in whose records the clips are counted, and which of two kinds of
            records of whole tracks to read.
        records_dir: folder of the records, or of the counts; None for the usual one in
            `data_dir`.
        choice: what to read of records of whole tracks.
        is_chosen: other records, of which nothing can be chosen, are an error.

    Raises:
        DatasetError: there is nothing to read, or it is not what it was.
        ConfigError: what is chosen is not there, or has no effect.
    """
    if not from_audio:
        records = read_record_set(data_dir, records_dir, model, choice)
        if is_chosen and not isinstance(records, TrackSet):
            raise ConfigError(
                f"{records.folder} holds no whole tracks: their tags and split were "
                "chosen by 'resemul build', and --top or --split-files would have "
                "no effect"
            )
        _tell_padding(records)
        yield records
        return
    index = Path(records_dir or data_dir) / AUDIO_INDEX_FILE
    if not index.exists():
        dataset = DatasetConfig(data_dir=data_dir)
        config = records_of_model(model)
        annotations = load_annotations(dataset)
        write_audio_index(annotations, index, config, num_workers, dataset=dataset)
    with open_audio_set(data_dir, num_workers, index) as audio:
        _tell_padding(audio)
        yield audio


def _tell_padding(records: RecordSet) -> None:
    """Models hear silence for what is missing: no score should hide that."""
    num_padded = sum(records.num_padded.values())
    if num_padded:
        logger.warning(
            "%d of %d clips are shorter than a segment of %.2f s and filled with "
            "silence",
            num_padded,
            sum(records.num_clips.values()),
            records.num_samples / records.sample_rate,
        )


def read_record_set(
    data_dir: Path,
    records_dir: Path | None = None,
    model: str = DEFAULT_MODEL,
    choice: TrackChoice | None = None,
) -> RecordSet:
    """Describes the shards of a data set.

    Without a manifest, as in folders that the original wrote, counts come from the
    files and tags from the annotations of MTT in `data_dir`.

    Args:
        data_dir: folder of the data set.
        records_dir: folder of the shards; None for `data_dir/tfrecord`, or for
            `data_dir` where that holds records of whole tracks.
        model: see `open_records`.
        choice: see `open_records`.

    Raises:
        DatasetError: there are no shards, some are missing, or they do not match
            their manifest or annotations.
    """
    folder = Path(records_dir or Path(data_dir) / RECORDS_FOLDER)
    if records_dir is None and not folder.is_dir() and find_format(data_dir, model):
        folder = Path(data_dir)
    if not folder.is_dir():
        raise DatasetError(f"{folder} does not exist; 'resemul build' writes it")
    manifest = read_manifest(folder)
    if manifest is None and (record_format := find_format(folder, model)):
        return open_track_set(folder, record_format, choice or TrackChoice())
    if manifest is None:
        return describe_files(folder, Path(data_dir))
    for shard in manifest.shards:
        _require_same(folder / shard.file, shard)
    return RecordSet(**describe_manifest(folder, manifest))


def _require_same(path: Path, shard: ShardResult) -> None:
    remedy = "run 'resemul build' again, it rewrites what is missing or damaged"
    if not path.is_file() or path.stat().st_size != shard.num_bytes:
        raise DatasetError(
            f"{path} is missing or not of the {shard.num_bytes} bytes in the manifest; "
            f"{remedy}"
        )
    if shard.ends_sha256 and ends_sha256(path) != shard.ends_sha256:
        raise DatasetError(f"{path} is not the shard that the build wrote; {remedy}")
