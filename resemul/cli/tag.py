"""`resemul tag`: the tags of audio files."""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.executor_options import add_executor, share_given
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
    from resemul.tagging.tagger import Tagger

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
    add_executor(parser, "write OUT of what tasks have tagged")
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
    share = share_given(args)
    is_shared = args.dask is not None or not share.is_whole
    if is_shared and not args.out:
        raise ConfigError(
            "--dask, --task and --finish keep what is finished beside OUT; give -o OUT"
        )
    found = _find(args)
    paths = [] if is_shared else list(found)
    outputs = Outputs(
        args.out, args.format, args.timeline, args.plot, args.embeddings, args.resume
    )
    # Of many files on several machines, one picture is none.
    outputs.check(2 if is_shared else len(paths), show)

    from resemul.tagging.bundles import Models
    from resemul.tagging.choosing import Chooser
    from resemul.tagging.decoding import SpareDecoders

    wanted = Models(tuple(models), args.runtime, hearing, args.trust)
    # It starts while the models are loaded, which takes about as long.
    with SpareDecoders(0 if is_shared else 1) as spare:
        taggers = wanted.open()
        check_names(taggers, names, show.tags)
        default_top_k = DEFAULT_TOP_K if outputs.written.is_for_people else None
        choosers = [Chooser(tagger, show, names, default_top_k) for tagger in taggers]
        try:
            if is_shared:
                from resemul.cli.tag_shared import tag_shared

                how = wanted, taggers, choosers, library, show
                return tag_shared(args, share, outputs, found, *how)
            return _run(outputs, taggers, choosers, paths, library, show, spare)
        except KeyboardInterrupt:
            if outputs.resume or is_shared:
                logger.info("finished files are kept; the same command goes on there")
            raise


def _run(
    outputs: "Outputs",
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
    paths: list[str],
    library: LibraryConfig,
    show: ShowConfig,
    spare: "SpareDecoders",
) -> int:
    from resemul.cli.tag_output import write_results
    from resemul.tagging.resume import Parts, tag_with_parts
    from resemul.tagging.summary import Summary

    summary = Summary()
    with ExitStack() as stack:
        parts = None
        if outputs.resume and outputs.out:
            parts = stack.enter_context(Parts.beside(outputs.out))
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
        return write_results(
            results, outputs, taggers, choosers, show, len(paths), pictures, summary
        )


def _find(args: argparse.Namespace) -> Iterator[str]:
    from resemul.audio.source import printable
    from resemul.tagging.library import iterate_audio
    from resemul.tagging.opening import looks_like_model_file

    for path in args.paths:
        if looks_like_model_file(path):
            raise ConfigError(
                f"{printable(path)} is a model, not a song; it is an option now: "
                f"resemul tag PATH... --model {printable(path)}"
            )
    if not args.paths and not args.list:
        raise ConfigError("name a file or a folder with music, or a --list of them")
    return iterate_audio(chain(args.paths, _listed(args.list)))


def _listed(name: str | None) -> Iterator[str]:
    from resemul.audio.source import printable
    from resemul.tagging.library import iterate_list

    if name == "-":
        yield from iterate_list(sys.stdin.buffer)
    elif name:
        try:
            with Path(name).open("rb") as file:
                yield from iterate_list(file)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise ConfigError(f"--list {printable(name)} {reason}") from error
