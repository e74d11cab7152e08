"""`resemul export`: a model for another runtime."""

import argparse
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import add_trust, start_for_model
from resemul.cli.parser import new_parser
from resemul.errors import ConfigError
from resemul.export.exporters import EXPORTERS, find_exporter, format_of

if TYPE_CHECKING:
    import numpy as np

    from resemul.checkpoints.card import ModelCard

# Segments to compare on; one of FCN-5 has 29 s.
_MAX_SEGMENTS = 4


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul export`."""
    parser = new_parser(
        "Writes a model for another runtime, with its card as <name>.json, and "
        "prints how far its probabilities are from the model's. One that is too far "
        "off is not kept.",
        examples=(
            "resemul export log/best.keras best.onnx",
            "resemul export log/best.keras --format tflite --audio song.mp3",
        ),
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    parser.add_argument(
        "out",
        type=Path,
        nargs="?",
        metavar="OUT",
        help="where to write; by default beside MODEL, with the suffix of the format",
    )
    # As it used to be said.
    parser.add_argument("--out", type=Path, dest="out_option", help=argparse.SUPPRESS)
    parser.add_argument(
        "--format",
        choices=EXPORTERS,
        help="what for; by default what the suffix of OUT says",
    )
    parser.add_argument(
        "--audio",
        type=Path,
        metavar="FILE",
        help="compare on this audio file; by default on noise",
    )
    add_trust(parser)
    return parser


def main(args: argparse.Namespace) -> None:
    """Exports the model; prints the largest difference."""
    out = args.out or args.out_option
    if args.format is None and out is None:
        raise ConfigError(f"say what for: --format {', '.join(EXPORTERS)}, or name OUT")
    format = args.format or format_of(out)
    target = out or args.path.with_suffix(EXPORTERS[format].suffix)
    find_exporter(format, target)
    start_for_model(args.path)
    from resemul.checkpoints.model_file import open_model
    from resemul.export.exporting import export_model, noise_for

    model, card = open_model(args.path, trust=args.trust)
    if args.audio is None:
        audio, waveforms = "noise", noise_for(card)
    else:
        audio, waveforms = args.audio.name, _load_segments(args.audio, card)
    difference = export_model(model, card, target, format, waveforms, audio)
    print(
        f"{target}: probabilities differ by at most {difference:.1e} "
        f"({len(waveforms)} segments of {audio})"
    )


def _load_segments(audio: Path, card: "ModelCard") -> "np.ndarray":
    import numpy as np

    from resemul.audio.stream import stream_segments

    segments = stream_segments(audio, card.audio, card.num_samples, tail="drop")
    found = list(islice(segments, _MAX_SEGMENTS))
    if not found or found[0].is_short:
        raise ConfigError(
            f"{audio} is too short; this model needs "
            f"{card.num_samples / card.sample_rate:.1f} s"
        )
    return np.stack([segment.samples for segment in found])
