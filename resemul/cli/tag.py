"""`resemul tag`: the tags of audio files."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import new_parser
from resemul.errors import AudioError

if TYPE_CHECKING:
    from resemul.tagging import TaggedFile, Tagger

# In a folder, only files with these endings are tagged; a file that is named is
# tagged whatever its ending.
AUDIO_SUFFIXES = {
    *(".mp3", ".flac", ".wav", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff"),
    *(".wma", ".mp4", ".webm"),
}


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul tag`."""
    parser = new_parser(
        "Tags audio files, or all those in folders, with a trained model.",
        "Files that cannot be read are named on standard error; the exit status is "
        "then 1, and all other files are tagged.",
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help=".keras file, its card beside it"
    )
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="audio file or folder"
    )
    parser.add_argument(
        "--top", type=int, default=5, metavar="N", help="tags to show of each file"
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="P",
        help="show only tags at least this probable",
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "--csv",
        action="store_true",
        help="a table with every probability, one line a file",
    )
    output.add_argument(
        "--json", action="store_true", help="one JSON object a line, one line a file"
    )
    return parser


def main(args: argparse.Namespace) -> int:
    """Tags the files; prints each as soon as it is done."""
    paths = list(_find_audio(args.paths))
    from resemul.quiet import import_tensorflow

    import_tensorflow(spare_extras=True)
    from resemul.tagging import Tagger

    tagger = Tagger.from_file(args.model)
    if args.csv:
        csv.writer(sys.stdout).writerow(["path", *tagger.tags])
    num_failed = 0
    for tagged in tagger.tag_files(paths):
        if tagged.probabilities is None:
            num_failed += 1
            print(tagged.error, file=sys.stderr)
        else:
            _print_tagged(tagged, tagger, args)
    if num_failed:
        print(f"{num_failed} of {len(paths)} files could not be read", file=sys.stderr)
    return 1 if num_failed else 0


def _print_tagged(
    tagged: "TaggedFile", tagger: "Tagger", args: argparse.Namespace
) -> None:
    assert tagged.probabilities is not None
    values = [float(p) for p in tagged.probabilities]
    if args.csv:
        csv.writer(sys.stdout).writerow([tagged.path, *(f"{p:.4f}" for p in values)])
        return
    ranked = sorted(zip(tagger.tags, values, strict=True), key=lambda pair: -pair[1])
    shown = [(tag, p) for tag, p in ranked[: args.top] if p >= args.threshold]
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
