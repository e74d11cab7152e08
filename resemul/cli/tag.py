"""`resemul tag`: the tags of audio files."""

import argparse
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from resemul.cli.options import add_fields, fields_given, in_typed_words
from resemul.cli.parser import new_parser
from resemul.configs.tagging import (
    DEFAULT_MODELS,
    DEFAULT_TOP_K,
    MODEL_VARIABLE,
    RUNTIMES,
    HearingConfig,
    LibraryConfig,
    ShowConfig,
)
from resemul.errors import ConfigError

if TYPE_CHECKING:
    from resemul.tagging.choosing import Chooser
    from resemul.tagging.decoding import SpareDecoders
    from resemul.tagging.outputs import Outputs
    from resemul.tagging.results import TagResult
    from resemul.tagging.summary import Summary
    from resemul.tagging.tagger import Tagger
    from resemul.tagging.writers import Format, WriteOptions

logger = logging.getLogger(__name__)

_FORMAT_HELP = (
    "table (for people), json, jsonl, csv, parquet, npz, or audacity (label files); "
    "by default what OUT ends in, else table"
)

_EPILOG = (
    "A file that cannot be read has a row that says why, and the exit status is then 1."
)
_EXAMPLES = (
    "resemul tag song.mp3",
    "resemul tag Music -o tags.csv --resume",
    "resemul tag song.mp3 --model mtt-musicnn --plot song.png",
    "find . -name '*.flac' -print0 | resemul tag --list - --format jsonl",
)


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul tag`."""
    parser = new_parser(
        "Tags audio files, or all those in folders.", _EPILOG, _EXAMPLES
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="audio file, folder, or pattern"
    )
    parser.add_argument(
        "--list",
        metavar="FILE",
        help="a file with more paths, one a line; - reads them",
    )
    models = parser.add_argument_group("models")
    models.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="published name or model file, may be repeated (default: what "
        f"{MODEL_VARIABLE} says, else {' and '.join(DEFAULT_MODELS)})",
    )
    models.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default=RUNTIMES[0],
        help="auto: ONNX Runtime where the model has such a file, else Keras",
    )
    models.add_argument(
        "--trust", action="store_true", help="a model file may name code of its own"
    )
    add_fields(parser.add_argument_group("hearing"), HearingConfig)
    shown = parser.add_argument_group("tags")
    add_fields(shown, ShowConfig)
    shown.add_argument(
        "--map",
        type=Path,
        metavar="FILE",
        help="lines of tag,name: other names for tags; one name for several merges "
        "them, none drops a tag",
    )
    _add_output(parser.add_argument_group("output"))
    library = parser.add_argument_group("many files")
    library.add_argument(
        "--resume",
        action="store_true",
        help="remember finished files beside OUT, and leave out those that are",
    )
    add_fields(library, LibraryConfig)
    return parser


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", metavar="FORMAT", help=_FORMAT_HELP)
    group.add_argument("-o", "--out", type=Path, metavar="OUT", help="file or folder")
    group.add_argument(
        "--timeline", action="store_true", help="scores along time, segment by segment"
    )
    group.add_argument(
        "--plot",
        type=Path,
        metavar="FILE|DIR",
        help="pictures of the tags by time: a .png, .pdf or .svg, or a folder",
    )
    group.add_argument(
        "--embeddings", type=Path, metavar="OUT.npz", help="the layer before the tags"
    )


def main(args: argparse.Namespace) -> int:
    """Tags the files; writes each as soon as it is done."""
    hearing = HearingConfig(**fields_given(args, HearingConfig))
    library = LibraryConfig(**fields_given(args, LibraryConfig))
    with in_typed_words(ShowConfig):
        show = ShowConfig(**fields_given(args, ShowConfig))
    from resemul.tagging.choosing import check_names, read_names
    from resemul.tagging.opening import names_of_models
    from resemul.tagging.outputs import Outputs

    models = names_of_models(args.model)
    names = read_names(args.map) if args.map else None
    paths = _find(args)
    outputs = Outputs(
        args.out, args.format, args.timeline, args.plot, args.embeddings, args.resume
    )
    outputs.check(paths, show)

    from resemul.tagging.choosing import Chooser
    from resemul.tagging.decoding import SpareDecoders

    # It starts while the models are loaded, which takes about as long.
    with SpareDecoders(1) as spare:
        taggers = _open_taggers(args, models, hearing)
        check_names(taggers, names, show.tags)
        default_top_k = DEFAULT_TOP_K if outputs.written.is_for_people else None
        choosers = [Chooser(tagger, show, names, default_top_k) for tagger in taggers]
        try:
            return _run(outputs, taggers, choosers, paths, library, show, spare)
        except KeyboardInterrupt:
            if outputs.resume:
                logger.info("finished files are kept; the same command goes on there")
            raise


def _open_taggers(
    args: argparse.Namespace, models: Sequence[str], hearing: HearingConfig
) -> "list[Tagger]":
    from resemul.tagging.tagger import Tagger

    return [
        Tagger(
            name,
            runtime=args.runtime,
            hop=hearing.hop,
            tail=hearing.tail,
            trust=args.trust,
        )
        for name in models
    ]


def _run(
    outputs: "Outputs",
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
    paths: list[str],
    library: LibraryConfig,
    show: ShowConfig,
    spare: "SpareDecoders",
) -> int:
    from resemul.tagging.choosing import choose_all
    from resemul.tagging.embeddings import write_embeddings
    from resemul.tagging.outputs import draw
    from resemul.tagging.resume import Parts, tag_with_parts
    from resemul.tagging.summary import Summary

    summary, written = Summary(), outputs.written
    options = _write_options(outputs, taggers, choosers)
    with ExitStack() as stack:
        parts = embeddings = None
        if outputs.resume and outputs.out:
            parts = stack.enter_context(Parts.beside(outputs.out))
        opened = written.open(outputs.out, options, _stdout(written))
        writer = stack.enter_context(opened)
        if outputs.embeddings:
            archive = write_embeddings(outputs.embeddings, options.models)
            embeddings = stack.enter_context(archive)
        results = tag_with_parts(
            taggers,
            paths,
            library,
            parts,
            with_embeddings=outputs.embeddings is not None,
            with_envelope=outputs.plot is not None,
            spare=spare,
        )
        pictures = outputs.pictures(paths)
        watched = _watched(results, summary, len(paths), outputs)
        for of_file in choose_all(watched, choosers, show):
            for result in of_file:
                writer.write(result)
                if embeddings is not None:
                    embeddings.write(result)
            draw(of_file, next(pictures), show)
    share_heard = min(tagger.listening.share_heard for tagger in taggers)
    logger.info("%s", summary.describe(share_heard))
    return 1 if summary.num_failed else 0


def _find(args: argparse.Namespace) -> list[str]:
    from resemul.audio.source import printable
    from resemul.tagging.library import find_audio, read_list
    from resemul.tagging.opening import looks_like_model_file

    for path in args.paths:
        if looks_like_model_file(path):
            raise ConfigError(
                f"{printable(path)} is a model, not a song; it is an option now: "
                f"resemul tag PATH... --model {printable(path)}"
            )
    listed: list[str] = []
    if args.list == "-":
        listed = read_list(sys.stdin.buffer)
    elif args.list:
        try:
            with Path(args.list).open("rb") as file:
                listed = read_list(file)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise ConfigError(f"--list {printable(args.list)} {reason}") from error
    if not args.paths and not args.list:
        raise ConfigError("name a file or a folder with music, or a --list of them")
    return find_audio([*args.paths, *listed])


def _write_options(
    outputs: "Outputs",
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
) -> "WriteOptions":
    from resemul.tagging.writers import WriteOptions

    is_terminal = outputs.out is None and sys.stdout.isatty()
    no_colour = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    encoding = "utf-8" if outputs.out else sys.stdout.encoding or "ascii"
    return WriteOptions(
        models=tuple(tagger.name for tagger in taggers),
        tags=tuple(dict.fromkeys(tag for c in choosers for tag in c.tags)),
        with_timeline=outputs.with_timeline,
        in_colour=is_terminal and not no_colour,
        in_unicode=encoding.lower().replace("-", "") == "utf8",
    )


def _stdout(written: "Format") -> TextIO:
    """Standard output that takes any name: escaped for people, else as its bytes."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None and written.is_for_people:
        reconfigure(errors="backslashreplace")
    elif reconfigure is not None:
        reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    return sys.stdout


def _watched(
    results: "Iterable[tuple[list[TagResult], bool]]",
    summary: "Summary",
    total: int,
    outputs: "Outputs",
) -> "Iterator[list[TagResult]]":
    """Counts, shows the progress, and names files that failed."""
    from resemul.runtime.progress import Progress
    from resemul.tagging.results import FAILED

    # Two things at once on one terminal would be a mess.
    is_quiet = total == 1 or (outputs.out is None and sys.stdout.isatty())
    with ExitStack() as stack:
        progress = None
        if not is_quiet:
            progress = stack.enter_context(Progress(total, "files", "tagging"))
        for of_file, is_known in results:
            summary.add(of_file, is_known)
            if progress is not None:
                progress.note(summary.describe_hours())
                progress.advance()
            if of_file[0].status == FAILED and not outputs.written.is_for_people:
                logger.warning("%s", of_file[0].error)
            yield of_file
