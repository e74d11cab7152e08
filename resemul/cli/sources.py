"""Where segments come from, by the options of a command."""

import argparse
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from resemul.cli.options import require_at_least

if TYPE_CHECKING:
    from resemul.records import RecordSet


def open_records(
    args: argparse.Namespace, model: str
) -> "AbstractContextManager[RecordSet]":
    """The records, or what decodes audio, that the options ask for.

    Args:
        args: parsed by a parser with `add_data_dir` and `add_from_audio`.
        model: in whose records clips of audio are counted.
    """
    require_at_least(1, num_workers=args.num_workers)
    from resemul import records

    return records.open_records(
        args.data_dir, args.from_audio, args.num_workers, model, args.records_dir
    )
