"""Which values a song's fields get, from what models heard and what is there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from resemul.configs.file_tags import FileTagsConfig
from resemul.tagging.file_tags.results import ModelResult
from resemul.tagging.file_tags.vocabulary import IGNORED, TagMeaning, meaning_of

EVIDENCE_SCHEMA = "resemul.evidence/1"
# Digits of a score in a song; more would only say how the machine rounds.
_SCORE_DIGITS = 4
# The fields that hold values; the third one holds the evidence for them.
VALUE_FIELDS = ("genre", "mood")


def heard_values(
    results: Iterable[ModelResult],
    meanings: Mapping[str, TagMeaning],
    min_score: float,
) -> dict[str, list[str]]:
    """Names by kind, the best score first; of several tags of one name, the best."""
    scores: dict[str, dict[str, float]] = {}
    for result in results:
        for tag, score in result.tags.items():
            meaning = meaning_of(tag, meanings)
            if meaning is None or meaning.kind == IGNORED or score < min_score:
                continue
            names = scores.setdefault(meaning.kind, {})
            for name in meaning.names:
                names[name] = max(score, names.get(name, score))
    return {
        # Sorted is stable: equal scores stay in the order of the tags.
        kind: sorted(names, key=lambda name, of=names: -of[name])  # type: ignore[misc]
        for kind, names in scores.items()
    }


def new_values(
    old: Sequence[str], own: Sequence[str], heard: Sequence[str], mode: str, limit: int
) -> list[str]:
    """What a field shall hold.

    Args:
        old: what it holds.
        own: what an earlier run wrote into it.
        heard: what the models say, the best first.
        mode: a key of `FIELD_MODES`.
        limit: how many values there may be; values of others are never dropped.
    """
    mine = {value.casefold() for value in own}
    theirs = [value for value in old if value.casefold() not in mine]
    if mode == "keep" and theirs:
        return list(old)
    if mode == "replace" and heard:
        return list(heard[:limit])
    if not heard:
        return theirs
    known = {value.casefold() for value in theirs}
    added = [value for value in heard if value.casefold() not in known]
    return theirs + added[: max(0, limit - len(theirs))]


def evidence(results: Iterable[ModelResult], wrote: Mapping[str, Sequence[str]]) -> str:
    """The scores, what gave them, and what was written for them, as JSON.

    The same input gives the same text, so that a second run has nothing to change.
    """
    models = {
        result.model: {
            "sha256": result.model_sha256,
            "resemul": result.resemul,
            "tags": {
                tag: round(score, _SCORE_DIGITS)
                for tag, score in sorted(result.tags.items(), key=lambda x: (-x[1], x))
            },
        }
        for result in sorted(results, key=lambda result: result.model)
    }
    content = {"schema": EVIDENCE_SCHEMA, "models": models, "wrote": wrote}
    return json.dumps(content, separators=(",", ":"))


def read_evidence(texts: Sequence[str]) -> dict[str, Any]:
    """What an earlier run wrote; {} if there is none, or somebody else's."""
    for text in texts:
        try:
            content = json.loads(text)
        except ValueError:
            continue
        if isinstance(content, dict) and content.get("schema") == EVIDENCE_SCHEMA:
            return content
    return {}


def own_values(content: Mapping[str, Any], field: str) -> list[str]:
    """The values of a field that an earlier run wrote, by its evidence."""
    wrote = content.get("wrote")
    values = wrote.get(field) if isinstance(wrote, dict) else None
    return [str(v) for v in values] if isinstance(values, list) else []


def decide(
    old: Mapping[str, Sequence[str]],
    results: Sequence[ModelResult],
    meanings: Mapping[str, TagMeaning],
    config: FileTagsConfig,
) -> dict[str, list[str]]:
    """The new texts of every field that is to be written, changed or not."""
    before = read_evidence(old["evidence"])
    heard = heard_values(results, meanings, config.min_score)
    new: dict[str, list[str]] = {}
    wrote: dict[str, list[str]] = {}
    for field in VALUE_FIELDS:
        own = own_values(before, field)
        if field not in config.modes:
            wrote[field] = own
            continue
        new[field] = new_values(
            old[field],
            own,
            heard.get(field, []),
            config.modes[field],
            config.max_values,
        )
        mine = {value.casefold() for value in own}
        theirs = {v.casefold() for v in old[field] if v.casefold() not in mine}
        wrote[field] = [v for v in new[field] if v.casefold() not in theirs]
    if "evidence" in config.modes:
        written = {field: values for field, values in wrote.items() if values}
        new["evidence"] = [evidence(results, written)]
    return new
