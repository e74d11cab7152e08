"""`resemul file-tags`: tags written into the songs themselves, and taken back."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.cli.file_tags_text import (
    count,
    printable,
    show_outcomes,
    show_song,
    status,
)
from resemul.cli.options import add_fields, fields_given
from resemul.cli.parser import examples_text, new_parser
from resemul.configs.file_tags import FileTagsConfig, TagFormatConfig
from resemul.errors import ConfigError

if TYPE_CHECKING:
    from resemul.tagging.file_tags import Journal

_PROG = "resemul file-tags"
_DEFAULT_PLAN = Path("plan.jsonl")
_STANDARD_INPUT = "-"


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul file-tags`."""
    parser = new_parser(
        "Writes the tags that models heard into the songs' own genre and mood, where "
        "players show them, and takes them back byte for byte.",
        f"'{_PROG} plan -h' and so on explain the steps.",
        [f"{_PROG} plan Music", f"{_PROG} apply plan.jsonl", f"{_PROG} undo"],
    )
    steps = parser.add_subparsers(
        title="steps", required=True, metavar="STEP", prog=_PROG
    )
    for name, add, what, examples in (
        (
            "plan",
            _add_plan,
            "show what would be written, and write a plan; no song",
            [
                "plan Music -o plan.jsonl",
                "plan --from tags.jsonl --fields mood=replace",
            ],
        ),
        (
            "apply",
            _add_apply,
            "write what a plan says into the songs",
            ["apply plan.jsonl", "apply plan.jsonl --yes --keep-mtime"],
        ),
        (
            "undo",
            _add_undo,
            "give the songs of a run their old bytes",
            ["undo", "undo 20261124-181500 --yes"],
        ),
        (
            "runs",
            _add_runs,
            "list the runs of apply",
            ["runs", "runs --forget 20261124-181500"],
        ),
    ):
        step = steps.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=examples_text(f"{_PROG} {line}" for line in examples),
            formatter_class=parser.formatter_class,
        )
        add(step)
    return parser


def main(args: argparse.Namespace) -> int:
    """Runs the step that was asked for."""
    status: int = args.step(args)
    return status


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(step=_plan)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="songs or folders, to tag"
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="NAME|FILE",
        help="what tags them, may be repeated (default: that of 'resemul tag')",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="instead of PATHs: what 'resemul tag --format jsonl' or json wrote; - is "
        "standard input",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=_DEFAULT_PLAN, metavar="FILE", help="plan"
    )
    add_fields(parser, FileTagsConfig, ["fields", "max_values", "min_score"])
    add_fields(parser, TagFormatConfig)
    parser.add_argument(
        "--map",
        type=Path,
        metavar="FILE",
        help="CSV with the columns tag, kind, name: what tags stand for and how they "
        "are called, beside the published tables; the kind 'ignore' keeps it out",
    )


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--keep-mtime",
        action="store_true",
        help="songs keep (undo: get back) their time of modification; programs that "
        "look at it then do not see the change",
    )
    parser.add_argument(
        "--break-hard-links",
        action="store_true",
        help="write songs with several names too if the new tag needs more room; the "
        "other names keep the old file",
    )


def _add_apply(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(step=_apply)
    parser.add_argument("plan", type=Path, metavar="PLAN", help="of 'plan'")
    _add_rules(parser)


def _add_undo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(step=_undo)
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="of 'runs' (default: the last one)"
    )
    _add_rules(parser)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(step=_runs)
    parser.add_argument(
        "--forget",
        metavar="RUN",
        help="drop a run from the journal: it can then not be taken back",
    )


def _plan(args: argparse.Namespace) -> int:
    config = _config(args)
    from resemul.runtime.files import atomic_write
    from resemul.tagging.file_tags import (
        group_by_song,
        is_plan,
        plan_songs,
        published_meanings,
        read_map,
        write_plan,
    )

    meanings = published_meanings()
    if args.map is not None:
        meanings |= read_map(args.map)
    if args.output.is_file() and not is_plan(args.output):
        raise ConfigError(f"{args.output} is there and no plan; give another name")
    _put_right()
    planned = []
    for song in plan_songs(group_by_song(_results(args)), meanings, config):
        show_song(song)
        planned.append(song)
    try:
        with atomic_write(args.output) as file:
            write_plan(file, planned, config)
    except OSError as error:
        raise ConfigError(f"{args.output} cannot be written: {error}") from error
    num_failed = sum(bool(song.problem) for song in planned)
    num_changed = sum(bool(song.changes) for song in planned)
    print(
        f"{num_changed} songs to change, {len(planned) - num_changed - num_failed} "
        f"unchanged, {num_failed} left out; no song was written. "
        f"'{_PROG} apply {args.output}' writes them."
    )
    return 1 if num_failed else 0


def _config(args: argparse.Namespace) -> FileTagsConfig:
    if bool(args.paths) == (args.source is not None):
        raise ConfigError("give either songs to tag, or --from FILE")
    if args.model and args.source is not None:
        raise ConfigError("--model tags songs, and --from says what was heard in them")
    formats = TagFormatConfig(**fields_given(args, TagFormatConfig))
    return FileTagsConfig(**fields_given(args, FileTagsConfig), formats=formats)


def _results(args: argparse.Namespace) -> Iterable[dict[str, Any]]:
    if args.source is None:
        return tag_for_plan(args.paths, args.model)
    from resemul.tagging.file_tags import read_results

    try:
        if args.source == _STANDARD_INPUT:
            return read_results(sys.stdin.read(), "standard input")
        return read_results(Path(args.source).read_text("utf-8"), args.source)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--from {args.source} cannot be read: {error}") from error


def tag_for_plan(
    paths: Sequence[str], models: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Tags songs; what `resemul tag --format jsonl` would write, object by object."""
    from resemul.runtime.progress import Progress
    from resemul.tagging.library import find_audio
    from resemul.tagging.many import tag_many
    from resemul.tagging.opening import names_of_models
    from resemul.tagging.tagger import Tagger

    songs = find_audio(paths)
    taggers = [Tagger(name) for name in names_of_models(models)]
    with Progress(len(songs), "files", "tagging") as progress:
        for results in tag_many(taggers, songs):
            progress.advance()
            yield from (result.to_dict() for result in results)


def _apply(args: argparse.Namespace) -> int:
    from resemul.tagging.file_tags import (
        WRITTEN,
        apply_plan,
        data_folder,
        open_journal,
        read_plan,
    )

    plan = read_plan(args.plan)
    if not plan.songs:
        print("the plan changes nothing")
        return 0
    for song in plan.songs:
        show_song(song)
    question = f"write these tags into {len(plan.songs)} songs?"
    if not args.yes and not _confirm(question):
        print("nothing was written")
        return 1
    with open_journal(data_folder()) as journal:
        _recover(journal)
        run = journal.start_run(args.plan.resolve())
        outcomes = show_outcomes(apply_plan(plan, journal, run, _rules(args)))
        if WRITTEN not in outcomes:
            journal.forget(run)
    print(count(outcomes))
    if WRITTEN in outcomes:
        print(f"run {run}; '{_PROG} undo {run}' takes it back")
    return status(outcomes)


def _undo(args: argparse.Namespace) -> int:
    from resemul.tagging.file_tags import (
        data_folder,
        last_run,
        open_journal,
        require_run,
        undo_run,
        undoable,
    )

    with open_journal(data_folder()) as journal:
        _recover(journal)
        run = args.run or last_run(journal)
        require_run(journal, run)
        paths = undoable(journal, run)
        if not paths:
            print(f"run {run} has nothing left to take back")
            return 0
        question = f"give {len(paths)} songs of run {run} their old bytes?"
        if not args.yes and sys.stdin.isatty() and not _confirm(question):
            print("nothing was written")
            return 1
        outcomes = show_outcomes(undo_run(journal, run, _rules(args)))
    print(count(outcomes))
    return status(outcomes)


def _runs(args: argparse.Namespace) -> int:
    from resemul.tagging.file_tags import data_folder, open_journal, require_run

    with open_journal(data_folder()) as journal:
        if args.forget is not None:
            require_run(journal, args.forget)
            journal.forget(args.forget)
            print(f"run {args.forget} is forgotten; its songs stay as they are")
            return 0
        _recover(journal)
        runs = journal.runs()
    if not runs:
        print("there are no runs")
    for run in runs:
        counts = ", ".join(f"{num} {state}" for state, num in run.num_by_state.items())
        print(f"{run.id}  {run.started}  {counts}  {printable(str(run.plan))}")
    return 0


def _rules(args: argparse.Namespace) -> Any:
    from resemul.tagging.file_tags import WriteRules

    return WriteRules(keep_times=args.keep_mtime, break_links=args.break_hard_links)


def _put_right() -> None:
    """Settles what a killed run left behind, unless there never was a run."""
    from resemul.tagging.file_tags import data_folder, open_journal

    if data_folder().is_dir():
        with open_journal(data_folder()) as journal:
            _recover(journal)


def _recover(journal: "Journal") -> None:
    from resemul.tagging.file_tags import WRITTEN, recover

    for recovered in recover(journal):
        what = "has its old bytes"
        if recovered.state == WRITTEN:
            what = "is written whole"
        elif recovered.state is None:
            what = (
                "is left alone: it is not there, cannot be written, or was changed by "
                f"another program ('{_PROG} runs --forget {recovered.run}' ends this)"
            )
        print(
            f"{printable(str(recovered.path))}: of the interrupted run "
            f"{recovered.run}, {what}",
            file=sys.stderr,
        )


def _confirm(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("there is nobody to ask; --yes writes without asking")
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
