"""`resemul export`: a model for another runtime."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import add_trust, start_for_model
from resemul.cli.parser import new_parser
from resemul.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from resemul.checkpoints.card import ModelCard

# As in `export.EXPORTERS`, which is not imported for a parser.
_FORMATS = ("onnx", "tflite", "savedmodel")
# Segments to compare on; one of FCN-5 has 29 s.
_MAX_SEGMENTS = 4


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul export`."""
    parser = new_parser(
        "Writes a model for another runtime, with its card as <name>.json, and "
        "prints how far its probabilities are from the model's.",
        epilog="onnx needs the packages onnx and onnxruntime.",
    )
    parser.add_argument("path", type=Path, metavar="MODEL", help="the model to export")
    parser.add_argument("--format", choices=_FORMATS, required=True, help="what for")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="where to write; by default beside MODEL, with the suffix .onnx, .tflite "
        "or .savedmodel",
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
    start_for_model(args.path)
    from resemul.checkpoints.model_file import find_model, load_model
    from resemul.export import EXPORTERS, export_model

    path = find_model(args.path)
    model, card = load_model(path, trust=args.trust)
    target = args.out or args.path.with_suffix(EXPORTERS[args.format][0])
    waveforms = _load_segments(args.audio, card)
    audio = "noise" if args.audio is None else args.audio.name
    difference = export_model(model, card, target, args.format, waveforms, audio)
    print(
        f"{target}: probabilities differ by at most {difference:.1e} "
        f"({len(waveforms)} segments of {audio})"
    )


def _load_segments(audio: Path | None, card: "ModelCard") -> "np.ndarray":
    import numpy as np

    from resemul.audio import load_waveform, split_segments

    if audio is None:
        noise = np.random.default_rng(0).normal(0, 0.1, (1, card.num_samples))
        return noise.astype("float32")
    waveform = load_waveform(audio, card.sample_rate, max_seconds=None)
    segments = split_segments(waveform, card.num_samples)[:_MAX_SEGMENTS]
    if not len(segments):
        raise ConfigError(
            f"{audio} lasts {len(waveform) / card.sample_rate:.1f} s; this model needs "
            f"{card.num_samples / card.sample_rate:.1f} s"
        )
    return segments
