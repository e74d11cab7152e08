"""Results of files as bytes and back, exactly, without any pickle."""

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resemul.tagging.results import TagResult, Timeline

_PLAIN = ("path", "model", "status", "tags", "error", "seconds", "model_sha256")
_ARRAYS = ("scores", "embeddings", "envelope")
_TIMELINE = ("starts", "ends", "scores")
_FACTS = "facts"


def pack(results: Sequence[Sequence[TagResult]], about: Any = None) -> bytes:
    """The results of files, of each by model, as a `.npz` archive.

    Arrays of one shape are stored as one, since an archive of many is slow.

    Args:
        results: by file and model.
        about: anything that JSON can hold.
    """
    stored: dict[str, list[np.ndarray]] = defaultdict(list)
    lengths: dict[str, int] = defaultdict(int)

    def keep(name: str, array: np.ndarray) -> list[Any]:
        key = "/".join([name, str(array.dtype), *map(str, array.shape[1:])])
        stored[key].append(array)
        lengths[key] += len(array)
        return [key, lengths[key] - len(array), lengths[key]]

    files = [[_facts(result, keep) for result in of_file] for of_file in results]
    arrays: dict[str, Any] = {key: np.concatenate(v) for key, v in stored.items()}
    arrays[_FACTS] = np.array(json.dumps({"about": about, "files": files}))
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def unpack(path: Path) -> tuple[list[list[TagResult]], Any] | None:
    """What `pack` was given; None if the file is not there, or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        facts = json.loads(str(arrays.pop(_FACTS)))
        return [
            [_result(entry, arrays) for entry in of_file] for of_file in facts["files"]
        ], facts["about"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _facts(result: TagResult, keep: Any) -> dict[str, Any]:
    facts = {name: getattr(result, name) for name in _PLAIN}
    for name in _ARRAYS:
        value = getattr(result, name)
        if value is not None:
            facts[name] = keep(name, value)
    if result.timeline is not None:
        facts["timeline"] = [
            keep(f"timeline/{name}", getattr(result.timeline, name))
            for name in _TIMELINE
        ]
    return facts


def _result(facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> TagResult:
    values = {name: facts[name] for name in _PLAIN}
    values["tags"] = tuple(facts["tags"])
    for name in _ARRAYS:
        if name in facts:
            values[name] = _part(facts[name], arrays)
    if "timeline" in facts:
        timeline = (_part(place, arrays) for place in facts["timeline"])
        values["timeline"] = Timeline(*timeline)
    return TagResult(**values)


def _part(place: list[Any], arrays: dict[str, np.ndarray]) -> np.ndarray:
    key, start, stop = place
    return arrays[key][start:stop]
