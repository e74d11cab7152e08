"""Results as rows of a table with a column for each tag."""

from collections.abc import Iterator
from typing import Any

from resemul.tagging.results import TagResult
from resemul.tagging.writers.base import WriteOptions

_FIXED = ("path", "model", "status", "error", "seconds")
_OF_TIME = ("start", "end")


def column_names(options: WriteOptions) -> list[str]:
    """The columns: what is known of a file, then a column for each tag.

    A tag that has the name of another column is called "tag " and its name.
    """
    fixed = [*_FIXED, *(_OF_TIME if options.with_timeline else ())]
    return fixed + [f"tag {t}" if t in fixed else t for t in options.tags]


def rows_of(result: TagResult, options: WriteOptions) -> Iterator[list[Any]]:
    """One row for a file and model; with a timeline, one for each segment.

    A tag that is not shown, or that the model does not have, is None; so are the
    times of a file without segments.
    """
    fixed: list[Any] = [
        result.path,
        result.model,
        result.status,
        result.error,
        round(result.seconds, 3),
    ]
    place = {tag: i for i, tag in enumerate(options.tags)}
    columns = [(i, place[result.tags[i]]) for i in result.shown_indices()]

    def cells(scores: Any) -> list[float | None]:
        row: list[float | None] = [None] * len(options.tags)
        for source, target in columns:
            row[target] = round(float(scores[source]), 6)
        return row

    if not options.with_timeline:
        yield fixed + cells(result.scores)
    elif result.timeline is None:
        yield [*fixed, None, None, *cells(result.scores)]
    else:
        for start, end, scores in zip(
            result.timeline.starts,
            result.timeline.ends,
            result.timeline.scores,
            strict=True,
        ):
            times = [round(float(start), 3), round(float(end), 3)]
            yield fixed + times + cells(scores)
