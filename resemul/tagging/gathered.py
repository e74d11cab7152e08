"""What a model has said of a file so far."""

import numpy as np

from resemul.tagging.listening import Heard, Piece
from resemul.tagging.results import Timeline


class Gathered:
    """The scores of a file so far; `heard` is what is known at its end."""

    def __init__(self) -> None:
        self.heard: Heard | None = None
        self._scores: list[np.ndarray] = []
        self._embeddings: list[np.ndarray] = []
        self._starts: list[np.ndarray] = []
        self._ends: list[np.ndarray] = []

    def add(
        self, piece: Piece, scores: np.ndarray, embeddings: np.ndarray | None = None
    ) -> None:
        """Adds a piece, its scores `(segments, tags)`, and its embeddings."""
        self._starts.append(piece.starts)
        self._ends.append(piece.ends)
        self._scores.append(scores)
        if embeddings is not None:
            self._embeddings.append(embeddings)

    def timeline(self) -> Timeline:
        """All of it, along time."""
        return Timeline(
            np.concatenate(self._starts),
            np.concatenate(self._ends),
            np.concatenate(self._scores),
        )

    def embeddings(self) -> np.ndarray | None:
        """`(segments, dimensions)`, if there are any."""
        return np.concatenate(self._embeddings) if self._embeddings else None
