"""Where segments come from, by the options of a command."""

import argparse
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from resemul.cli.options import (
    add_data_dir,
    add_fields,
    add_from_audio,
    fields_given,
    require_at_least,
)
from resemul.configs.msd import is_settings_file, read_settings
from resemul.configs.msd_run import as_choice
from resemul.configs.track_records import TrackChoice

if TYPE_CHECKING:
    from resemul.records import RecordSet


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `open_records` reads."""
    add_data_dir(parser)
    add_from_audio(parser)
    group = parser.add_argument_group(
        "records of whole tracks",
        "of 'resemul msd records', or the original's: which of them, and which tags; "
        "by default as the model was trained, or as its --config says",
    )
    add_fields(group, TrackChoice)


def open_records(
    args: argparse.Namespace, model: str, reading: Mapping[str, Any] | None = None
) -> "AbstractContextManager[RecordSet]":
    """The records, or what decodes audio, that the options ask for.

    Args:
        args: parsed by a parser with `add_sources`.
        model: in whose records clips of audio are counted.
        reading: of a model's card, what it was trained on of records of whole tracks.
    """
    require_at_least(1, num_workers=args.num_workers)
    given = fields_given(args, TrackChoice)
    choice = TrackChoice.from_json(reading or {}, "the model's card: reading")
    config = getattr(args, "config", None)
    if config is not None and is_settings_file(config):
        choice = as_choice(read_settings(config))
    from resemul import records

    return records.open_records(
        args.data_dir,
        args.from_audio,
        args.num_workers,
        model,
        args.records_dir,
        replace(choice, **given),
        is_chosen=bool(given),
    )
