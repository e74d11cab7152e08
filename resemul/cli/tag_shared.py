"""`resemul tag` on several machines: parts made by any of them, put together by one."""

import argparse
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.executor_options import executor_given, say_done
from resemul.cli.tag_output import write_results
from resemul.configs.tagging import LibraryConfig, ShowConfig
from resemul.errors import ConfigError, WorkerError
from resemul.runtime.progress import Progress
from resemul.runtime.tasks import Share, describe_missing
from resemul.runtime.workers import Executor, run_jobs
from resemul.tagging.bundles import (
    Bundle,
    Bundles,
    Models,
    Work,
    read_bundle,
    tag_bundle,
)
from resemul.tagging.resume import Parts
from resemul.tagging.summary import Summary

if TYPE_CHECKING:
    from resemul.tagging.choosing import Chooser
    from resemul.tagging.outputs import Outputs
    from resemul.tagging.results import TagResult
    from resemul.tagging.tagger import Tagger

logger = logging.getLogger(__name__)

# In the folder of the parts: the work whose results are in OUT, and by its name that
# somebody is writing it.
_FINISHED = "finished"


def tag_shared(
    args: argparse.Namespace,
    share: Share,
    outputs: "Outputs",
    paths: Iterable[str],
    models: Models,
    taggers: Sequence["Tagger"],
    choosers: Sequence["Chooser"],
    library: LibraryConfig,
    show: ShowConfig,
) -> int:
    """Makes the parts that are this run's; writes OUT when all are there."""
    assert outputs.out is not None
    folder = Parts.beside(outputs.out.absolute()).folder
    if args.dask is not None:
        # Each worker of a cluster is one of many on its machine.
        library = replace(library, num_workers=1)
    work = Work.of(
        folder,
        models,
        taggers,
        library,
        with_embeddings=outputs.embeddings is not None,
        with_envelope=outputs.plot is not None,
    )
    summary = Summary()
    bundles = Bundles(paths, work)
    if not share.is_whole and _is_finished(outputs.out, folder, bundles):
        print(f"{outputs.out} holds all of it already; remove it to tag again")
        return 0
    try:
        folder.mkdir(exist_ok=True)
        if share.task is not None:
            (folder / f"{share.task.number}-of-{share.task.count}.task").touch()
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from error
    _make(args, share, bundles, work, taggers)
    missing = [
        place for place, b in enumerate(bundles) if not (folder / b.part).exists()
    ]
    if missing and share.is_finish:
        counts = [int(path.stem.split("-")[2]) for path in folder.glob("*.task")]
        raise ConfigError(
            f"{len(missing)} of {bundles.num_bundles} parts are missing; "
            f"{describe_missing(missing, counts)}"
        )
    if missing or not _may_write(share, folder, bundles):
        say_done(share)
        return 0
    pictures = _pictures(outputs, bundles)
    results = _read(bundles, work, is_known=share.is_finish)
    status = write_results(
        results,
        outputs,
        taggers,
        choosers,
        show,
        bundles.num_files,
        pictures,
        summary,
    )
    _clean_up(folder, bundles, keep_parts=outputs.resume)
    return status


def _make(
    args: argparse.Namespace,
    share: Share,
    bundles: Bundles,
    work: Work,
    taggers: Sequence["Tagger"],
) -> None:
    if share.is_finish:
        return
    total = bundles.num_files if share.is_whole else None
    with ExitStack() as stack:
        executor = stack.enter_context(executor_given(args))
        progress = stack.enter_context(Progress(total, "files", "tagging"))
        if executor is not None:
            _make_on(executor, bundles, work, progress.advance)
            return
        for bundle in share.pick(bundles):
            tag_bundle(bundle, work, taggers)
            progress.advance(len(bundle.paths))


def _make_on(
    executor: Executor,
    bundles: Iterable[Bundle],
    work: Work,
    advance: Callable[[int], None],
) -> None:
    make = partial(tag_bundle, work=work)
    for done in run_jobs(bundles, make, num_workers=1, executor=executor):
        if done.error is not None:
            raise WorkerError(
                f"{done.job.paths[0]} and those after it cannot be tagged: {done.error}"
            )
        advance(len(done.job.paths))


def _read(
    bundles: Bundles, work: Work, is_known: bool
) -> "Iterator[tuple[list[TagResult], bool]]":
    for bundle in bundles:
        for of_file in read_bundle(bundle, work):
            yield of_file, is_known


def _pictures(outputs: "Outputs", bundles: Bundles) -> Iterator[Path | None]:
    if outputs.plot is None:
        return repeat(None)
    return outputs.pictures([path for bundle in bundles for path in bundle.paths])


def _is_finished(out: Path, folder: Path, bundles: Bundles) -> bool:
    try:
        return out.exists() and (folder / _FINISHED).read_text() == bundles.digest
    except OSError:
        return False


def _may_write(share: Share, folder: Path, bundles: Bundles) -> bool:
    """Whether this run is the one that writes OUT, of tasks that end together."""
    if share.task is None:
        return True
    try:
        (folder / f"{bundles.digest[:16]}.writing").touch(exist_ok=False)
    except FileExistsError:
        logger.info("another task has begun to write; if it was stopped: --finish")
        return False
    return True


def _clean_up(folder: Path, bundles: Bundles, *, keep_parts: bool) -> None:
    (folder / _FINISHED).write_text(bundles.digest)
    for bundle in () if keep_parts else bundles:
        (folder / bundle.part).unlink(missing_ok=True)
    for path in [*folder.glob("*.task"), *folder.glob("*.writing")]:
        path.unlink(missing_ok=True)
