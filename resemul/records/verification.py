"""Can every annotated file be used? Asked before hours of building and training."""

import csv
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from resemul.audio.segments import load_for_records
from resemul.audio.source import source_name
from resemul.configs import BuildConfig
from resemul.datasets import Annotations
from resemul.errors import AudioError, DatasetError, ResemulError
from resemul.records.journal import NO_JOURNAL, Journal, open_journal
from resemul.runtime.progress import Progress
from resemul.runtime.tasks import WHOLE, Share, describe_missing
from resemul.runtime.workers import Done, Executor, run_jobs

MISSING = "missing"
UNREADABLE = "unreadable"
SHORT = "short"
# Empty in the published archive too: nothing that the user could repair.
KNOWN_EMPTY = "known-empty"
STATUSES = (MISSING, UNREADABLE, SHORT, KNOWN_EMPTY)

Loader = Callable[[Path, BuildConfig], np.ndarray]


@dataclass(frozen=True)
class Finding:
    """One file that cannot be used, and why.

    `seconds` is what could be decoded, at most the length that is asked for; None
    if nothing was.
    """

    clip_id: str
    path: str
    status: str
    reason: str
    seconds: float | None = None


@dataclass(frozen=True)
class Verification:
    """What came out, in the order of the annotations."""

    num_files: int
    findings: list[Finding]

    @property
    def num_unknown(self) -> int:
        """How many files have something wrong that is not known of the data set."""
        return sum(finding.status != KNOWN_EMPTY for finding in self.findings)

    def summary(self) -> str:
        """One line, such as "200 files: 198 good, 2 missing"."""
        counts = Counter(finding.status for finding in self.findings)
        parts = [f"{self.num_files - len(self.findings)} good"]
        parts += [f"{counts[status]} {status}" for status in STATUSES if counts[status]]
        return f"{self.num_files} files: {', '.join(parts)}"


@dataclass(frozen=True)
class _Job:
    clip_id: str
    path: Path
    is_known_empty: bool


def verify_audio(
    annotations: Annotations,
    config: BuildConfig,
    *,
    decode: bool = True,
    num_workers: int = 1,
    load: Loader = load_for_records,
    timeout_seconds: float | None = None,
    journal_path: Path | None = None,
    executor: Executor | None = None,
    share: Share = WHOLE,
) -> Verification | None:
    """Looks at the audio file of every track.

    Args:
        annotations: the tracks.
        config: what to build of them; a file must hold a clip's worth of segments.
        decode: decode each file; else only ask whether it is there and not empty.
        num_workers: processes that decode; each may die without taking others along.
        load: decodes one file; an importable function.
        timeout_seconds: of a file whose decoding does not end.
        journal_path: where to keep which files are good, while they are decoded; after
            a stop, only those that are not in it or have changed are decoded. Tasks
            need one that all of them see.
        executor: what decodes instead of processes of this machine.
        share: which of the files this run decodes.

    Returns:
        What was found; None if other tasks have not looked at theirs yet.

    Raises:
        WorkerError: worker processes cannot be started.
        DatasetError: tasks have not looked at their files.
    """
    jobs = [
        _Job(
            clip_id=track.clip_id,
            path=annotations.audio_dir / track.path,
            is_known_empty=track.path in annotations.known_empty,
        )
        for track in annotations.tracks
    ]
    found: dict[str, Finding | None] | None
    if not decode:
        found = {job.clip_id: _check_file(job) for job in jobs}
    else:
        run = partial(
            run_jobs,
            function=partial(_check_audio, config=config, load=load),
            num_workers=num_workers,
            timeout_seconds=timeout_seconds,
            executor=executor,
        )
        about = [dataclasses.asdict(config), "good" if share.is_whole else "all"]
        with ExitStack() as stack:
            journal = NO_JOURNAL
            if journal_path is not None:
                opened = open_journal(journal_path, about, share)
                journal = stack.enter_context(opened)
            found = _decode_all(jobs, run, journal, share)
        if found is None:
            return None
    findings = [found.get(job.clip_id) for job in jobs]
    return Verification(len(jobs), [f for f in findings if f is not None])


def _decode_all(
    jobs: list[_Job],
    run: Callable[[list[_Job]], Iterator[Done[_Job, Finding | None]]],
    journal: Journal,
    share: Share,
) -> dict[str, Finding | None] | None:
    mine = list(share.pick(jobs))
    left = [job for job in mine if not journal.find(job.path)[0]]
    num_done = len(mine) - len(left)
    found: dict[str, Finding | None] = {}
    with Progress(len(mine), "files", "verify", done=num_done) as progress:
        for done in run(left):
            finding = done.result
            if done.error is not None:
                reason = f"cannot be decoded: {done.error}"
                finding = _finding(done.job, UNREADABLE, reason)
            # What was wrong may be better when one comes back; tasks do not.
            if finding is None or not share.is_whole:
                journal.note(done.job.path, finding and astuple(finding))
            found[done.job.clip_id] = finding
            progress.advance()
    return found if share.is_whole else _gather(jobs, journal, share)


def _gather(
    jobs: list[_Job], journal: Journal, share: Share
) -> dict[str, Finding | None] | None:
    """What all tasks have found; None if there are more to come."""
    journal.read()
    noted = [journal.find(job.path) for job in jobs]
    missing = [i for i, (is_known, _) in enumerate(noted) if not is_known]
    if missing and share.is_finish:
        raise DatasetError(
            f"{len(missing)} of {len(jobs)} files have not been looked at; "
            f"{describe_missing(missing, journal.num_tasks())}"
        )
    journal.is_over = not missing
    if missing:
        return None
    return {
        job.clip_id: finding and Finding(*finding)
        for job, (_, finding) in zip(jobs, noted, strict=True)
    }


def write_findings(findings: Sequence[Finding], file: IO[str]) -> None:
    """Writes the findings as CSV: a header, then one line for each."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(field.name for field in fields(Finding))
    writer.writerows(astuple(finding) for finding in findings)


def _check_file(job: _Job) -> Finding | None:
    """Looks at what the file system tells."""
    try:
        size = job.path.stat().st_size
    except FileNotFoundError:
        return _finding(job, MISSING, "does not exist")
    except OSError as error:
        return _finding(job, UNREADABLE, error.strerror or str(error))
    if not job.path.is_file():
        return _finding(job, UNREADABLE, "is not a file")
    if size == 0 and job.is_known_empty:
        return _finding(job, KNOWN_EMPTY, "is empty in the published archive too")
    if size == 0:
        return _finding(job, UNREADABLE, "is empty (0 bytes)")
    return None


def _check_audio(job: _Job, config: BuildConfig, load: Loader) -> Finding | None:
    """Decodes the file as far as the records need it; runs in a worker."""
    finding = _check_file(job)
    if finding is not None:
        return finding
    try:
        waveform = load(job.path, config)
    except AudioError as error:
        reason = str(error).removeprefix(f"{source_name(job.path)} ")
        return _finding(job, UNREADABLE, reason)
    except (ImportError, ResemulError):
        raise  # no decoder at all: that is not about this file
    except Exception as error:
        # One odd file must not end the look at thousands; the list names the error.
        return _finding(job, UNREADABLE, f"{type(error).__name__}: {error}")
    num_segments = len(waveform) // config.num_samples
    # Where short clips are filled with silence, none is too short.
    if not config.min_segments or num_segments >= config.segments_per_clip:
        return None
    return Finding(
        clip_id=job.clip_id,
        path=str(job.path),
        status=SHORT,
        reason=f"holds {num_segments} of {config.segments_per_clip} whole segments",
        seconds=round(len(waveform) / config.sample_rate, 3),
    )


def _finding(job: _Job, status: str, reason: str) -> Finding:
    return Finding(job.clip_id, str(job.path), status, reason)
