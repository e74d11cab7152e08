"""Where segments come from: the records of a build, or the audio files themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import require_at_least
from resemul.configs import DatasetConfig, records_of_model

if TYPE_CHECKING:
    from resemul.records import RecordSet


@contextmanager
def open_records(
    data_dir: Path, from_audio: bool, num_workers: int, model: str
) -> Iterator["RecordSet"]:
    """The records in `data_dir`, or what decodes its audio files while it is open.

    The clips of MTT are counted first, unless they have been, in records as `model`
    needs them.
    """
    require_at_least(1, num_workers=num_workers)
    from resemul.datasets import load_annotations
    from resemul.records import (
        AUDIO_INDEX_FILE,
        open_audio_set,
        read_record_set,
        write_audio_index,
    )

    if not from_audio:
        yield read_record_set(data_dir)
        return
    index = data_dir / AUDIO_INDEX_FILE
    if not index.exists():
        annotations = load_annotations(DatasetConfig(data_dir=data_dir))
        write_audio_index(annotations, index, records_of_model(model), num_workers)
    with open_audio_set(data_dir, num_workers) as records:
        yield records
