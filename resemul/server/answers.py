"""The tags of a job, in the format that its client asked for."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.responses import JSONResponse, Response

from resemul.audio.source import printable
from resemul.server.jobs import Job
from resemul.server.problems import Problem
from resemul.tagging.choosing import Chooser
from resemul.tagging.results import FAILED, SCHEMA, TagResult
from resemul.tagging.tagger import Tagger
from resemul.tagging.timeline import find_regions
from resemul.tagging.writers.base import WriteOptions
from resemul.tagging.writers.csv_text import write_csv

# Pairs of lowest and highest sample in a picture of the waveform.
_MAX_PEAKS = 1000


def answer(job: Job, taggers: Mapping[str, Tagger]) -> Response:
    """The response to a job that is over.

    Raises:
        Problem: its only file failed.
    """
    if len(job.works) == 1 and job.works[0].problem is not None:
        raise job.works[0].problem
    results = results_of(job, taggers)
    if job.wishes.format == "hf":
        return JSONResponse(_to_labels(results))
    if job.wishes.response_format == "csv":
        return Response(_to_csv(job, results, taggers), media_type="text/csv")
    if job.wishes.response_format == "audacity":
        return Response(_to_audacity(results), media_type="text/plain")
    return JSONResponse(to_dict(job, results))


def results_of(job: Job, taggers: Mapping[str, Tagger]) -> list[TagResult]:
    """A result for each file and model, as the client wants them shown."""
    choosers = {
        name: Chooser(taggers[name], job.show)
        for name in dict.fromkeys(n for work in job.works for n in work.models)
    }
    shown = []
    for work in job.works:
        if work.problem is not None:
            shown += [
                TagResult(work.name, name, FAILED, error=work.problem.detail)
                for name in work.models
            ]
        for result in work.results:
            chooser = choosers[result.model]
            shown.append(chooser.choose(chooser.rename(result)))
    return shown


def to_dict(job: Job, results: list[TagResult]) -> dict[str, Any]:
    """The schema of `resemul tag --format json`, and what was asked for beside it."""
    rows = []
    for result in results:
        row = result.to_dict(with_timeline=job.wishes.timeline)
        if job.wishes.peaks and result.envelope is not None:
            row["peaks"] = _to_peaks(result.envelope)
        if result.embeddings is not None:
            row["embeddings"] = np.round(result.embeddings, 6).tolist()
        rows.append(row)
    return {"schema": SCHEMA, "results": rows}


def _to_peaks(envelope: np.ndarray) -> list[list[float]]:
    """At most `_MAX_PEAKS` pairs, whatever the length of the file."""
    step = -(-len(envelope) // _MAX_PEAKS)
    groups = [envelope[i : i + step] for i in range(0, len(envelope), step)]
    return [
        [round(float(g[:, 0].min()), 3), round(float(g[:, 1].max()), 3)] for g in groups
    ]


def _to_csv(job: Job, results: list[TagResult], taggers: Mapping[str, Tagger]) -> str:
    models = tuple(dict.fromkeys(result.model for result in results))
    tags = tuple(dict.fromkeys(tag for name in models for tag in taggers[name].tags))
    text = io.StringIO()
    options = WriteOptions(models, tags, with_timeline=job.wishes.timeline)
    with write_csv(None, options, text) as writer:
        for result in results:
            writer.write(result)
    return text.getvalue()


def _to_audacity(results: list[TagResult]) -> str:
    """Label tracks can be told apart by their names alone, so one file at a time."""
    if len({result.path for result in results}) > 1:
        raise Problem(422, "Labels for Audacity are of one file; send one at a time.")
    lines = [
        f"{region.start:.6f}\t{region.end:.6f}\t{printable(region.tag)}\n"
        for result in results
        for region in find_regions(result)
    ]
    return "".join(lines)


def _to_labels(results: list[TagResult]) -> list[dict[str, Any]]:
    """The shape of the pipelines of Hugging Face: `[{"label", "score"}]`."""
    pairs = [pair for result in results for pair in result.labels]
    return sorted(pairs, key=lambda pair: -pair["score"])
