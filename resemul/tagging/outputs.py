"""What a run is to write; what cannot be written is found out before the work."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resemul.audio.source import printable
from resemul.configs.tagging import ShowConfig
from resemul.errors import ConfigError
from resemul.tagging.results import TagResult
from resemul.tagging.writers import WRITERS, Format
from resemul.tagging.writers.base import file_names

_PICTURE_SUFFIXES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Outputs:
    """Where results go; None for what is not asked for.

    Errors name the flags of the command line.
    """

    out: Path | None = None
    format: str | None = None
    with_timeline: bool = False
    # One picture, by its suffix, or a folder of them.
    plot: Path | None = None
    embeddings: Path | None = None
    resume: bool = False

    @property
    def written(self) -> Format:
        """The format: the one named, else what `out` ends in, else the table.

        Raises:
            ConfigError: there is none of that name.
        """
        return WRITERS[self._format_name()]

    def check(self, num_files: int, show: ShowConfig) -> None:
        """Checks all that can be known before the first file.

        Raises:
            ConfigError: two options do not go together, or something cannot be written.
        """
        name, written = self._format_name(), self.written
        if written.needs_output and not self.out:
            raise ConfigError(f"--format {name} needs -o OUT")
        if written.needs_threshold and show.threshold is None:
            raise ConfigError(
                f"--format {name} marks where a tag reaches a threshold; give "
                "--threshold X, or fitted"
            )
        if self.with_timeline and not written.has_timeline:
            raise ConfigError(
                f"--format {name} has no place for a timeline; take csv or json"
            )
        if show.calibrate and (
            self.with_timeline or self.plot or written.needs_threshold
        ):
            raise ConfigError(
                "--calibrate ranks whole files; it does not go with scores along time"
            )
        if self.resume and not self.out:
            raise ConfigError(
                "--resume remembers finished files beside OUT; give -o OUT"
            )
        self._check_paths(num_files)

    def pictures(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Where the picture of each file goes, in order."""
        if self.plot is None or self._is_one_picture:
            yield from [self.plot] * len(paths)
        else:
            stems = [printable(Path(path).stem) for path in paths]
            yield from (self.plot / name for name in file_names(stems, ".png"))

    def _format_name(self) -> str:
        suffix = self.out.suffix.lower() if self.out else ""
        by_suffix = {form.suffix: name for name, form in WRITERS.items() if form.suffix}
        name = self.format or by_suffix.get(suffix, "table")
        if name not in WRITERS:
            raise ConfigError(
                f"--format must be one of {', '.join(WRITERS)}, got {name!r}"
            )
        return name

    @property
    def _is_one_picture(self) -> bool:
        return self.plot is not None and self.plot.suffix.lower() in _PICTURE_SUFFIXES

    def _check_paths(self, num_files: int) -> None:
        for path in filter(None, (self.out, self.embeddings, self.plot)):
            if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
                raise ConfigError(
                    f"{printable(str(path))} cannot be written: its folder does not "
                    "exist, or may not be written"
                )
        if self.plot is None:
            return
        from resemul.tagging.taggram import require_matplotlib

        require_matplotlib()
        if not self._is_one_picture:
            self.plot.mkdir(exist_ok=True)
        elif num_files > 1:
            raise ConfigError(
                f"--plot {printable(str(self.plot))} is one picture, of {num_files} "
                "files; give a folder"
            )


def draw(results: Sequence[TagResult], picture: Path | None, show: ShowConfig) -> None:
    """Draws a file's results, if there is something to draw and a place for it."""
    if picture is None or not any(result.labels for result in results):
        return
    from resemul.tagging.taggram import plot_taggram

    if show.top_k is None and show.threshold is None:
        # The number of a table for people is not that of a picture.
        results = [result.replace(chosen=None) for result in results]
    plot_taggram(results, picture)
