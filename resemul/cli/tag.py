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
    from resemul.tagging.results import TagResult
    from resemul.tagging.tagger import Tagger
    from resemul.tagging.writers import Format, WriteOptions

logger = logging.getLogger(__name__)

_PICTURE_SUFFIXES = (".png", ".pdf", ".svg")
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
    models.add_argument("--runtime", choices=RUNTIMES, default=RUNTIMES[0])
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

    models = names_of_models(args.model)
    names = read_names(args.map) if args.map else None
    paths = _find(args)
    written = _format(args, show, paths)
    _check_outputs(args, paths, written)

    from resemul.tagging.choosing import Chooser
    from resemul.tagging.tagger import Tagger

    taggers = [
        Tagger(
            name,
            runtime=args.runtime,
            hop=hearing.hop,
            tail=hearing.tail,
            trust=args.trust,
        )
        for name in models
    ]
    check_names(taggers, names, show.tags)
    default_top_k = DEFAULT_TOP_K if written.is_for_people else None
    choosers = [Chooser(tagger, show, names, default_top_k) for tagger in taggers]
    return _run(args, taggers, choosers, paths, written, library, show)


def _run(
    args: argparse.Namespace,
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
    paths: list[str],
    written: "Format",
    library: LibraryConfig,
    show: ShowConfig,
) -> int:
    from resemul.tagging.embeddings import write_embeddings
    from resemul.tagging.resume import Parts, tag_with_parts
    from resemul.tagging.summary import Summary

    summary = Summary()
    options = _write_options(args, taggers, choosers)
    with ExitStack() as stack:
        parts = None
        if args.resume:
            parts = stack.enter_context(Parts.beside(args.out))
        opened = written.open(args.out, options, _stdout(written))
        writer = stack.enter_context(opened)
        embeddings = None
        if args.embeddings:
            models = [tagger.name for tagger in taggers]
            embeddings = stack.enter_context(write_embeddings(args.embeddings, models))
        results = tag_with_parts(
            taggers,
            paths,
            library,
            parts,
            with_embeddings=args.embeddings is not None,
            with_envelope=args.plot is not None,
        )
        pictures = _pictures(args.plot, paths)
        watched = _watched(results, summary, len(paths), args, written)
        for of_file in _chosen(watched, choosers, show):
            for result in of_file:
                writer.write(result)
                if embeddings is not None:
                    embeddings.write(result)
            _draw(of_file, next(pictures), show)
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


def _format(args: argparse.Namespace, show: ShowConfig, paths: list[str]) -> "Format":
    from resemul.tagging.writers import WRITERS

    name = args.format
    if name is None:
        suffix = args.out.suffix.lower() if args.out else ""
        by_suffix = {form.suffix: key for key, form in WRITERS.items() if form.suffix}
        name = by_suffix.get(suffix, "table")
    if name not in WRITERS:
        raise ConfigError(f"--format must be one of {', '.join(WRITERS)}, got {name!r}")
    written = WRITERS[name]
    if written.needs_output and not args.out:
        raise ConfigError(f"--format {name} needs -o OUT")
    if written.needs_threshold and show.threshold is None:
        raise ConfigError(
            f"--format {name} marks where a tag reaches a threshold; give --threshold "
            "X, or fitted"
        )
    if args.timeline and not written.has_timeline:
        raise ConfigError(
            f"--format {name} has no place for a timeline; take csv, json or another"
        )
    if show.calibrate and (args.timeline or args.plot or written.needs_threshold):
        raise ConfigError(
            "--calibrate ranks whole files; it does not go with scores along time"
        )
    return written


def _check_outputs(
    args: argparse.Namespace, paths: list[str], written: "Format"
) -> None:
    """Finds out before the work what cannot be written after it."""
    from resemul.audio.source import printable

    if args.resume and not args.out:
        raise ConfigError("--resume remembers finished files beside OUT; give -o OUT")
    for path in (args.out, args.embeddings, args.plot):
        if path is None:
            continue
        folder = path.parent
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            raise ConfigError(
                f"{printable(str(path))} cannot be written: its folder does not exist, "
                "or may not be written"
            )
    if args.plot:
        from resemul.tagging.taggram import require_matplotlib

        require_matplotlib()
        if args.plot.suffix.lower() in _PICTURE_SUFFIXES:
            if len(paths) > 1:
                raise ConfigError(
                    f"--plot {printable(str(args.plot))} is one picture, of "
                    f"{len(paths)} files; give a folder"
                )
        else:
            args.plot.mkdir(exist_ok=True)


def _write_options(
    args: argparse.Namespace,
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
) -> "WriteOptions":
    from resemul.tagging.writers import WriteOptions

    is_terminal = args.out is None and sys.stdout.isatty()
    no_colour = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    encoding = "utf-8" if args.out else sys.stdout.encoding or "ascii"
    return WriteOptions(
        models=tuple(tagger.name for tagger in taggers),
        tags=tuple(dict.fromkeys(tag for c in choosers for tag in c.tags)),
        with_timeline=args.timeline,
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
    summary: "object",
    total: int,
    args: argparse.Namespace,
    written: "Format",
) -> "Iterator[list[TagResult]]":
    """Counts, shows the progress, and names files that failed."""
    from resemul.runtime.progress import Progress
    from resemul.tagging.results import FAILED
    from resemul.tagging.summary import Summary

    assert isinstance(summary, Summary)
    # Two things at once on one terminal would be a mess.
    is_quiet = total == 1 or (args.out is None and sys.stdout.isatty())
    with ExitStack() as stack:
        progress = None
        if not is_quiet:
            progress = stack.enter_context(Progress(total, "files", "tagging"))
        for of_file, is_known in results:
            summary.add(of_file, is_known)
            if progress is not None:
                progress.note(summary.describe_hours())
                progress.advance()
            if of_file[0].status == FAILED and not written.is_for_people:
                logger.warning("%s", of_file[0].error)
            yield of_file


def _chosen(
    results: "Iterable[list[TagResult]]",
    choosers: Sequence["Chooser"],
    show: ShowConfig,
) -> "Iterator[list[TagResult]]":
    """Renames and chooses; shares of the library can only be known at its end."""
    from resemul.tagging.choosing import rank_in_library

    renamed: Iterable[list[TagResult]] = (
        [chooser.rename(r) for chooser, r in zip(choosers, of_file, strict=True)]
        for of_file in results
    )
    if show.calibrate:
        of_models = [rank_in_library(column) for column in zip(*renamed, strict=True)]
        logger.info(
            "scores are shares of these files that score lower, not probabilities"
        )
        renamed = [list(of_file) for of_file in zip(*of_models, strict=True)]
    for of_file in renamed:
        yield [chooser.choose(r) for chooser, r in zip(choosers, of_file, strict=True)]


def _pictures(plot: Path | None, paths: list[str]) -> Iterator[Path | None]:
    """Where the picture of each file goes, in order."""
    from resemul.audio.source import printable
    from resemul.tagging.writers.base import file_names

    if plot is None or plot.suffix.lower() in _PICTURE_SUFFIXES:
        yield from [plot] * len(paths)
    else:
        stems = [printable(Path(path).stem) for path in paths]
        yield from (plot / name for name in file_names(stems, ".png"))


def _draw(results: "list[TagResult]", picture: Path | None, show: ShowConfig) -> None:
    if picture is None or not any(result.labels for result in results):
        return
    from resemul.tagging.taggram import plot_taggram

    if show.top_k is None and show.threshold is None:
        # The number of a table for people is not that of a picture.
        results = [result.replace(chosen=None) for result in results]
    plot_taggram(results, picture)
