"""`resemul tag`: the tags of audio files."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import add_trust, start_for_model
from resemul.cli.parser import new_parser
from resemul.constants import DEFAULT_THRESHOLD
from resemul.errors import AudioError

if TYPE_CHECKING:
    from resemul.tagging.tagger import TaggedFile, Tagger

# In a folder, only files with these endings are tagged; a file that is named is
# tagged whatever its ending.
AUDIO_SUFFIXES = {
    *(".mp3", ".flac", ".wav", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff"),
    *(".wma", ".mp4", ".webm"),
}

# Tags to show of each file, unless each tag has a threshold of its own.
_DEFAULT_TOP = 5
# The value of --threshold that stands for those in the model's card.
_FITTED = "fitted"


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul tag`."""
    parser = new_parser(
        "Tags audio files, or all those in folders, with a trained model.",
        "Files that cannot be read are named on standard error; the exit status is "
        "then 1, and all other files are tagged.",
    )
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="a .keras file, its card beside it, or a published name",
    )
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="audio file or folder"
    )
    parser.add_argument(
        "--top",
        type=int,
        metavar="N",
        help=f"tags to show of each file (default: {_DEFAULT_TOP}; with --threshold "
        f"{_FITTED}: all that reach theirs)",
    )
    parser.add_argument(
        "--threshold",
        type=_threshold,
        default=0.0,
        metavar="P",
        help=f"show only tags at least this probable; {_FITTED}: each at least as "
        "probable as the threshold that 'resemul thresholds' fitted for it "
        f"({DEFAULT_THRESHOLD} for tags that have none)",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--csv",
        action="store_true",
        help="a table with every probability, one line a file; --top and --threshold "
        "leave nothing out",
    )
    output.add_argument(
        "--json", action="store_true", help="one JSON object a line, one line a file"
    )
    add_trust(parser)
    return parser


def main(args: argparse.Namespace) -> int:
    """Tags the files; prints each as soon as it is done."""
    paths = list(_find_audio(args.paths))
    start_for_model(args.model)
    from resemul.checkpoints.model_file import open_model
    from resemul.tagging.tagger import Tagger

    tagger = Tagger(*open_model(args.model, trust=args.trust))
    top, thresholds = _limits(tagger, args)
    if args.csv:
        csv.writer(sys.stdout).writerow(["path", *tagger.tags])
    num_failed = 0
    for tagged in tagger.tag_files(paths):
        if tagged.probabilities is None:
            num_failed += 1
            print(tagged.error, file=sys.stderr)
        else:
            _print_tagged(tagged, tagger, top, thresholds, args)
    if num_failed:
        print(f"{num_failed} of {len(paths)} files could not be read", file=sys.stderr)
    return 1 if num_failed else 0


def _threshold(text: str) -> float | str:
    if text == _FITTED:
        return text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a number or {_FITTED!r}, got {text!r}"
        ) from None


def _limits(
    tagger: "Tagger", args: argparse.Namespace
) -> tuple[int | None, list[float]]:
    """How many tags to show of a file (None: any number), and each tag's threshold."""
    if args.threshold == _FITTED:
        return args.top, tagger.thresholds.tolist()
    top = _DEFAULT_TOP if args.top is None else args.top
    return top, [args.threshold] * len(tagger.tags)


def _print_tagged(
    tagged: "TaggedFile",
    tagger: "Tagger",
    top: int | None,
    thresholds: list[float],
    args: argparse.Namespace,
) -> None:
    assert tagged.probabilities is not None
    values = [float(p) for p in tagged.probabilities]
    if args.csv:
        csv.writer(sys.stdout).writerow([tagged.path, *(f"{p:.4f}" for p in values)])
        return
    reached = [
        (tag, p)
        for tag, p, threshold in zip(tagger.tags, values, thresholds, strict=True)
        if p >= threshold
    ]
    shown = sorted(reached, key=lambda pair: -pair[1])[:top]
    if args.json:
        print(json.dumps({"path": str(tagged.path), "tags": dict(shown)}))
    else:
        print(f"{tagged.path}: " + ", ".join(f"{tag} {p:.2f}" for tag, p in shown))


def _find_audio(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
        if not found:
            raise AudioError(
                f"{path} holds no audio file; looked for "
                f"{', '.join(sorted(AUDIO_SUFFIXES))}"
            )
        yield from found
