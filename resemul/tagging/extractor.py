"""Tags, taggram and embeddings of a file in one call, as users of other tools type."""

import functools
from typing import NamedTuple

import numpy as np

from resemul.audio.source import Source
from resemul.configs.tagging import DEFAULT_MODELS
from resemul.tagging.tagger import Tagger


class Extracted(NamedTuple):
    """What `extract` gives, in the order in which it is unpacked."""

    # float32 (segments, tags)
    taggram: np.ndarray
    tags: list[str]
    # float32 (segments, dimensions)
    embeddings: np.ndarray


def top_tags(
    source: Source, model: str = DEFAULT_MODELS[0], top_n: int = 3
) -> list[str]:
    """The names of the strongest tags of a file, the strongest first; none of silence.

    Examples:
        >>> top_tags("song.wav", model="best.keras", top_n=2)
        ['loud', 'low']

    Args:
        source: a path, bytes, or an open file.
        model: the name of published weights, or the path of a model file. The last two
            that were named stay loaded.
        top_n: how many tags.

    Raises:
        AudioError: the file cannot be read.
        WeightsError: there is no such model.
    """
    return [pair["label"] for pair in _tagger(model)(source).top(top_n)]


def extract(
    source: Source, model: str = DEFAULT_MODELS[0], hop: float | None = None
) -> Extracted:
    """Scores and embeddings along time: `taggram, tags, embeddings = extract(file)`.

    Silence is not left out here.

    Examples:
        >>> taggram, tags, embeddings = extract("song.wav", model="best.keras")
        >>> taggram.shape, tags
        ((2, 3), ['low', 'high', 'loud'])

    Args:
        source: a path, bytes, or an open file.
        model: see `top_tags`.
        hop: seconds from one segment to the next; None takes the model's own.

    Raises:
        AudioError: the file cannot be read.
        WeightsError: there is no such model.
    """
    tagger = _tagger(model, hop)
    gathered = tagger.gather(source, with_embeddings=True)
    timeline, embeddings = gathered.timeline(), gathered.embeddings()
    assert embeddings is not None
    return Extracted(timeline.scores, list(tagger.tags), embeddings)


@functools.lru_cache(maxsize=2)
def _tagger(model: str, hop: float | None = None) -> Tagger:
    return Tagger(model, hop=hop)
