"""What `resemul tag` writes and says while results come."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from resemul.configs.tagging import ShowConfig

if TYPE_CHECKING:
    from resemul.tagging.choosing import Chooser
    from resemul.tagging.outputs import Outputs
    from resemul.tagging.results import TagResult
    from resemul.tagging.summary import Summary
    from resemul.tagging.tagger import Tagger
    from resemul.tagging.writers import Format, WriteOptions

logger = logging.getLogger(__name__)


def write_results(
    results: "Iterable[tuple[list[TagResult], bool]]",
    outputs: "Outputs",
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
    show: ShowConfig,
    num_files: int,
    pictures: Iterator[Path | None],
    summary: "Summary",
) -> int:
    """Writes the results of file after file; returns the exit status.

    Args:
        results: of each file, and whether they were known already.
        outputs: where to.
        taggers: the models.
        choosers: of the tags that are shown, by model.
        show: which they are.
        num_files: how many there are.
        pictures: where the picture of each goes.
        summary: counts them.
    """
    from resemul.tagging.choosing import choose_all
    from resemul.tagging.embeddings import write_embeddings
    from resemul.tagging.outputs import draw

    written = outputs.written
    options = _write_options(outputs, taggers, choosers)
    with ExitStack() as stack:
        embeddings = None
        opened = written.open(outputs.out, options, _stdout(written))
        writer = stack.enter_context(opened)
        if outputs.embeddings:
            archive = write_embeddings(outputs.embeddings, options.models)
            embeddings = stack.enter_context(archive)
        watched = _watched(results, summary, num_files, outputs)
        for of_file in choose_all(watched, choosers, show):
            for result in of_file:
                writer.write(result)
                if embeddings is not None:
                    embeddings.write(result)
            draw(of_file, next(pictures), show)
    share_heard = min(tagger.listening.share_heard for tagger in taggers)
    logger.info("%s", summary.describe(share_heard))
    return 1 if summary.num_failed else 0


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
