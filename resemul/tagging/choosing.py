"""Which tags of a result are shown, and by which names."""

import csv
import dataclasses
import difflib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from resemul.configs.tagging import FITTED, ShowConfig
from resemul.errors import ConfigError
from resemul.tagging.results import TagResult, Timeline
from resemul.tagging.tagger import Tagger

logger = logging.getLogger(__name__)

# By tag of a model, the name to show, or None to drop it.
Names = Mapping[str, str | None]


def read_names(path: Path) -> dict[str, str | None]:
    """Reads a vocabulary of a user's own.

    A `.json` file holds one object, `{"tag": "name", "tag": null}`. Any other is a
    table of two columns, separated by commas or tabs: tag and name; an empty name
    drops the tag. Tags that get the same name are merged; those not listed stay.

    Raises:
        ConfigError: it cannot be read, or is no such file.
    """
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix.lower() == ".json":
            content = json.loads(text)
            pairs = list(content.items())
        else:
            delimiter = "\t" if "\t" in text else ","
            lines = text.splitlines()
            pairs = [row for row in csv.reader(lines, delimiter=delimiter) if row]
            if pairs and [name.strip().lower() for name in pairs[0]] == ["tag", "name"]:
                pairs = pairs[1:]
        names = {tag.strip(): (name or "").strip() or None for tag, name in pairs}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigError(
            f"{path} is no list of names; each line should be tag,name, or the file "
            'one JSON object, {"tag": "name"}'
        ) from error
    if not names:
        raise ConfigError(f"{path} holds no names")
    return names


class Chooser:
    """Renames and chooses the tags of one tagger's results.

    The score of a name is the highest of its tags'; it reaches a fitted threshold if
    one of its tags reaches its own.
    """

    def __init__(
        self,
        tagger: Tagger,
        show: ShowConfig,
        names: Names | None = None,
        default_top_k: int | None = None,
    ) -> None:
        """`default_top_k` holds where neither a number nor a threshold was given.

        Raises:
            ConfigError: thresholds are asked for and the model has none.
        """
        self._show = show
        self._fitted = tagger.thresholds if show.threshold == FITTED else None
        self._top_k = show.top_k
        if self._top_k is None and show.threshold is None:
            self._top_k = default_top_k
        members: dict[str, list[int]] = {}
        for index, tag in enumerate(tagger.tags):
            name = (names or {}).get(tag, tag)
            if name is not None and (not show.tags or name in show.tags):
                members.setdefault(name, []).append(index)
        self.tags = tuple(members)
        self._members = list(members.values())

    def rename(self, result: TagResult) -> TagResult:
        """The result by the names to show; of fitted thresholds, those that reach."""
        if not result.has_scores:
            return result.replace(tags=self.tags)
        timeline, chosen = result.timeline, None
        if timeline is not None:
            present = None
            if self._fitted is not None:
                present = self._merge(timeline.scores >= self._fitted)
            merged = self._merge(timeline.scores)
            timeline = Timeline(timeline.starts, timeline.ends, merged, present)
        if self._fitted is not None:
            reached = self._merge((result.scores >= self._fitted)[None])[0]
            chosen = tuple(int(i) for i in np.flatnonzero(reached))
        scores = self._merge(result.scores[None])[0]
        return result.replace(
            tags=self.tags, scores=scores, timeline=timeline, chosen=chosen
        )

    def choose(self, result: TagResult) -> TagResult:
        """The renamed result with the tags that are shown, the strongest first."""
        threshold, timeline = self._show.threshold_value, result.timeline
        if not result.has_scores or (threshold, self._top_k, result.chosen) == (
            None,
            None,
            None,
        ):
            return result
        everything = tuple(range(len(self.tags)))
        chosen = list(everything if result.chosen is None else result.chosen)
        if threshold is not None:
            chosen = [i for i in chosen if result.scores[i] >= threshold]
            if timeline is not None:
                timeline = dataclasses.replace(
                    timeline, present=timeline.scores >= threshold
                )
        strongest = sorted(chosen, key=lambda i: -result.scores[i])[: self._top_k]
        return result.replace(chosen=tuple(strongest), timeline=timeline)

    def _merge(self, values: np.ndarray) -> np.ndarray:
        """`(n, tags)` to `(n, names)`, the highest of each name's."""
        if all(len(indices) == 1 for indices in self._members):
            return values[:, [indices[0] for indices in self._members]]
        columns = [values[:, indices].max(axis=1) for indices in self._members]
        return np.stack(columns, axis=1)


def check_names(
    taggers: Sequence[Tagger], names: Names | None, wanted: Iterable[str]
) -> None:
    """Checks that some model has each tag that was named.

    Raises:
        ConfigError: none has; suggests the nearest.
    """
    tags = dict.fromkeys(tag for tagger in taggers for tag in tagger.tags)
    _require_known(names or {}, list(tags))
    shown = [(names or {}).get(tag, tag) for tag in tags]
    _require_known(wanted, [name for name in shown if name is not None])


def _require_known(given: Iterable[str], known: list[str]) -> None:
    for tag in given:
        if tag not in known:
            near = difflib.get_close_matches(tag, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "'resemul tag' shows them"
            raise ConfigError(f"no model has the tag {tag!r}; {hint}")


def rank_in_library(results: Sequence[TagResult]) -> list[TagResult]:
    """Scores of one model as shares of the other files that score lower.

    Published models have no thresholds, and their probabilities are low for rare tags;
    a share says how far a file stands out among a user's own.
    """
    heard = [result.scores for result in results if result.has_scores]
    if len(heard) < 2:
        raise ConfigError(
            f"a share of the files needs at least two that can be tagged, got "
            f"{len(heard)}"
        )
    ordered = np.sort(np.stack(heard), axis=0)
    ranked = []
    for result in results:
        if result.has_scores:
            lower = [
                np.searchsorted(ordered[:, i], score)
                for i, score in enumerate(result.scores)
            ]
            shares = np.array(lower, "float32") / (len(heard) - 1)
            result = result.replace(scores=shares, calibration="quantile")
        ranked.append(result)
    return ranked


def choose_all(
    results: Iterable[Sequence[TagResult]],
    choosers: Sequence[Chooser],
    show: ShowConfig,
) -> Iterator[list[TagResult]]:
    """Renames and chooses the results of file after file.

    A share of the library can only be known at its end, so then nothing comes before.
    """
    renamed: Iterable[Sequence[TagResult]] = (
        [chooser.rename(r) for chooser, r in zip(choosers, of_file, strict=True)]
        for of_file in results
    )
    if show.calibrate:
        of_models = [rank_in_library(column) for column in zip(*renamed, strict=True)]
        logger.info(
            "scores are shares of these files that score lower, not probabilities"
        )
        renamed = list(zip(*of_models, strict=True))
    for of_file in renamed:
        yield [chooser.choose(r) for chooser, r in zip(choosers, of_file, strict=True)]
