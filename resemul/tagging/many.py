"""Many files through several models: decoded ahead, batches filled across files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from resemul.configs.tagging import LibraryConfig
from resemul.tagging.decoding import DecodeJob, DecodersAhead, Lost, SpareDecoders
from resemul.tagging.listening import Heard, Listening, Piece
from resemul.tagging.results import TagResult
from resemul.tagging.tagger import Gathered, Tagger


@dataclass
class _Group:
    """Taggers that hear files in the same way, and what waits for them."""

    listening: Listening
    taggers: list[Tagger] = field(default_factory=list)
    waiting: list[tuple[DecodeJob, Piece | Heard | Lost]] = field(default_factory=list)

    @property
    def num_segments(self) -> int:
        return sum(
            len(item.samples) for _, item in self.waiting if isinstance(item, Piece)
        )


def tag_many(
    taggers: Sequence[Tagger],
    paths: Sequence[str],
    config: LibraryConfig | None = None,
    *,
    with_embeddings: bool = False,
    with_envelope: bool = False,
    spare: SpareDecoders | None = None,
) -> Iterator[list[TagResult]]:
    """Tags files of any length in bounded memory.

    Models that hear a file in the same way share its decoding. A file that cannot be
    read, hangs its decoder or ends it has results that say so.

    Args:
        taggers: one for each model.
        paths: of the files.
        config: how many decode ahead, and how long a file may take.
        with_embeddings: results hold them.
        with_envelope: results hold the envelope of the waveform, for pictures.
        spare: decoders that were started already.

    Yields:
        For each file, in order and as soon as it and those before it are done, one
        result for each tagger.
    """
    config = config or LibraryConfig()
    run = _Run(taggers, paths, with_embeddings, with_envelope)
    num_workers = max(1, min(config.num_workers, len(paths)))
    timeout = config.file_timeout
    with DecodersAhead(run.jobs(), num_workers, timeout, spare) as decoders:
        for job, item in decoders:
            run.take(job, item)
            if run.has_batch or not decoders.has_more:
                run.predict()
            yield from run.finished()
        run.predict()
        yield from run.finished()


class _Run:
    """What is on its way: pieces that wait for a model, and results for their turn."""

    def __init__(
        self,
        taggers: Sequence[Tagger],
        paths: Sequence[str],
        with_embeddings: bool,
        with_envelope: bool,
    ) -> None:
        self._paths = paths
        self._order = [id(tagger) for tagger in taggers]
        self._with_embeddings = with_embeddings
        by_listening: dict[Listening, _Group] = {}
        for tagger in taggers:
            listening = replace(tagger.listening, with_envelope=with_envelope)
            group = by_listening.setdefault(listening, _Group(listening))
            group.taggers.append(tagger)
        self._groups = by_listening
        self._gathered: dict[tuple[int, int], Gathered] = defaultdict(Gathered)
        self._results: dict[int, dict[int, TagResult]] = defaultdict(dict)
        self._num_yielded = 0

    def jobs(self) -> Iterator[DecodeJob]:
        """Each file, once for each way of hearing it."""
        for number, path in enumerate(self._paths):
            for listening in self._groups:
                yield DecodeJob(number, path, listening)

    def take(self, job: DecodeJob, item: Piece | Heard | Lost) -> None:
        """Puts what was decoded in the line."""
        self._groups[job.listening].waiting.append((job, item))

    @property
    def has_batch(self) -> bool:
        """Whether more waits than a model takes at once."""
        return any(
            group.num_segments >= group.listening.piece_size
            for group in self._groups.values()
        )

    def predict(self) -> None:
        """Empties the line."""
        for group in self._groups.values():
            waiting, group.waiting = group.waiting, []
            pieces = [(job, item) for job, item in waiting if isinstance(item, Piece)]
            for tagger in group.taggers:
                self._predict(tagger, pieces)
            for job, item in waiting:
                if isinstance(item, Heard | Lost):
                    self._finish(job.number, item, group.taggers)

    def finished(self) -> Iterator[list[TagResult]]:
        """Results of the files whose turn it is."""
        while len(self._results.get(self._num_yielded, ())) == len(self._order):
            results = self._results.pop(self._num_yielded)
            self._num_yielded += 1
            yield [results[tagger] for tagger in self._order]

    def _predict(self, tagger: Tagger, pieces: list[tuple[DecodeJob, Piece]]) -> None:
        if not pieces:
            return
        samples = np.concatenate([piece.samples for _, piece in pieces])
        scores = tagger.predict(samples)
        embeddings = None
        if self._with_embeddings:
            embeddings = tagger.embed_segments(samples)
        start = 0
        for job, piece in pieces:
            place = slice(start, start + len(piece.samples))
            self._gathered[job.number, id(tagger)].add(
                piece, scores[place], None if embeddings is None else embeddings[place]
            )
            start = place.stop

    def _finish(
        self, number: int, item: Heard | Lost, taggers: Iterable[Tagger]
    ) -> None:
        path = self._paths[number]
        for tagger in taggers:
            gathered = self._gathered.pop((number, id(tagger)), Gathered())
            if isinstance(item, Lost):
                result = tagger.failed(path, item.error)
            else:
                result = tagger.result(path, item, gathered)
            self._results[number][id(tagger)] = result
