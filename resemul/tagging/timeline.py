"""Regions of time in which a tag is heard."""

from dataclasses import dataclass

from resemul.errors import ConfigError
from resemul.tagging.results import TagResult, Timeline


@dataclass(frozen=True)
class Region:
    """From `start` to `end`, in seconds, every segment reaches the tag's threshold."""

    start: float
    end: float
    tag: str


def find_regions(result: TagResult) -> list[Region]:
    """Joins the segments in which a tag is present, in the order of time.

    Raises:
        ConfigError: the result was not held against a threshold.
    """
    timeline = result.timeline
    if timeline is None:
        return []
    if timeline.present is None:
        raise ConfigError("regions need a threshold")
    regions = [
        Region(start, end, tag)
        for index, tag in enumerate(result.tags)
        for start, end in _join(timeline, index)
    ]
    return sorted(regions, key=lambda region: (region.start, region.end))


def _join(timeline: Timeline, index: int) -> list[tuple[float, float]]:
    assert timeline.present is not None
    joined: list[tuple[float, float]] = []
    for start, end, is_present in zip(
        timeline.starts.tolist(),
        timeline.ends.tolist(),
        timeline.present[:, index].tolist(),
        strict=True,
    ):
        if not is_present:
            continue
        # Between segments that follow each other there may be some milliseconds, but
        # what a long hop leaves unheard belongs to no region.
        if joined and start - joined[-1][1] < (end - start) / 2:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
