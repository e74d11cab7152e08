"""Label files of Audacity: where each tag is heard."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from resemul.audio.source import printable
from resemul.errors import ConfigError
from resemul.tagging.results import TagResult
from resemul.tagging.timeline import find_regions
from resemul.tagging.writers.base import WriteOptions, Writer, file_names, open_text


@contextmanager
def write_audacity(
    path: Path | None, options: WriteOptions, stream: TextIO
) -> Iterator[Writer]:
    """A file `NAME.txt` for each song in the folder `path`.

    Each line is start and end in seconds and a tag, separated by tabs; of several
    models each has its own file.
    """
    assert path is not None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{printable(str(path))} should be a folder for the label files: "
            f"{error.strerror}"
        ) from error
    yield _AudacityWriter(path, options, stream)


class _AudacityWriter:
    def __init__(self, folder: Path, options: WriteOptions, stream: TextIO) -> None:
        self._folder = folder
        self._has_many_models = len(options.models) > 1
        self._stream = stream
        self._stems: list[str] = []

    def write(self, result: TagResult) -> None:
        """Writes the regions of a file that was tagged; others have none."""
        if not result.has_scores:
            return
        stem = printable(Path(result.path).stem)
        if self._has_many_models:
            stem += f".{Path(result.model).stem}"
        self._stems.append(stem)
        name = file_names(self._stems, ".txt")[-1]
        with open_text(self._folder / name, self._stream) as file:
            for region in find_regions(result):
                tag = printable(region.tag)
                file.write(f"{region.start:.6f}\t{region.end:.6f}\t{tag}\n")
