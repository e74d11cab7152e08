"""Reads what `resemul tag --format json` or `jsonl` wrote."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from resemul.errors import FileTagsError

RESULT_SCHEMA = "resemul.tag/1"
# Results that hold tags; of the others there is nothing to write.
_TAGGED = ("tagged", "short")


@dataclass(frozen=True)
class ModelResult:
    """What one model heard in a song.

    Attributes:
        tags: scores in [0, 1] by tag.
    """

    model: str
    model_sha256: str
    resemul: str
    tags: Mapping[str, float]


@dataclass
class TaggedSong:
    """All results of one song; `problem` says why there are none."""

    path: Path
    results: list[ModelResult] = field(default_factory=list)
    problem: str = ""


def read_results(text: str, source: str) -> list[dict[str, Any]]:
    """The result objects in the text of a file.

    Args:
        source: the file's name, for errors.

    Raises:
        FileTagsError: it is neither of the two formats.
    """
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and "results" in whole:
        schema = whole.get("schema")
        if schema != RESULT_SCHEMA:
            raise FileTagsError(f"{source}: expected {RESULT_SCHEMA}, got {schema!r}")
        return list(whole["results"])
    results = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            results.append(json.loads(line))
        except ValueError:
            raise FileTagsError(
                f"{source}, line {number} is no JSON; give a file that 'resemul tag "
                "--format jsonl' wrote"
            ) from None
    return results


def group_by_song(results: Iterable[Mapping[str, Any]]) -> Iterator[TaggedSong]:
    """Puts the results of several models for one song together, in order.

    A song that goes by two names, over a link say, is one.

    Raises:
        FileTagsError: a result is not as `resemul tag` writes it.
    """
    songs: dict[Path, TaggedSong] = {}
    for result in results:
        try:
            path = Path(result["path"])
            song = songs.setdefault(path.resolve(), TaggedSong(path.resolve()))
            status = result["status"]
            if status in _TAGGED:
                song.results.append(_parse(result))
            else:
                song.problem = str(result.get("error") or f"is {status}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileTagsError(
                f"a result is not as 'resemul tag' writes them ({error!r}): "
                f"{json.dumps(result, default=str)[:200]}"
            ) from None
    yield from songs.values()


def _parse(result: Mapping[str, Any]) -> ModelResult:
    tags = {str(tag): float(score) for tag, score in result["tags"].items()}
    if not all(math.isfinite(score) for score in tags.values()):
        raise ValueError("a score is not a number")
    return ModelResult(
        model=str(result["model"]),
        model_sha256=str(result.get("model_sha256") or ""),
        resemul=str(result.get("resemul") or ""),
        tags=tags,
    )
