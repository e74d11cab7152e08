"""What a long pass over files has found so far, so that it goes on after a stop."""

import glob
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from resemul.errors import DatasetError
from resemul.runtime.files import locked, own_mark
from resemul.runtime.tasks import WHOLE, Share

logger = logging.getLogger(__name__)


class Journal:
    """Findings by file, each for the file as it was: of this size, changed then."""

    def __init__(
        self, file: IO[str] | None = None, path: Path | None = None, head: str = ""
    ) -> None:
        self._file = file
        self._path = path
        self._head = head
        self._findings: dict[str, list[Any]] = {}
        # Whether the pass is over, and nobody needs the findings any more.
        self.is_over = True
        self.read()

    def read(self) -> None:
        """Looks at what has been found so far, by whichever task."""
        if self._path is not None:
            for path in _files(self._path):
                self._findings |= _read(path, self._head)

    def num_tasks(self) -> list[int]:
        """How many tasks there are, as each says itself."""
        if self._path is None:
            return []
        return [int(n[1]) for f in _files(self._path) if (n := _TASK.search(f.name))]

    def find(self, path: Path) -> tuple[bool, Any]:
        """Whether a file has been looked at and is the same, and what was found."""
        entry = self._findings.get(_name(path))
        if entry is None or entry[:2] != _state(path):
            return False, None
        return True, entry[2]

    def note(self, path: Path, finding: Any) -> None:
        """Adds what was found, as JSON."""
        if self._file is not None:
            entry = [_name(path), *_state(path), finding]
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()


NO_JOURNAL = Journal()

# Ends the name of a task's own journal.
_TASK = re.compile(r"\.\d+-of-(\d+)\.[^.]+$")


@contextmanager
def open_journal(path: Path, about: Any, share: Share = WHOLE) -> Iterator[Journal]:
    """Opens the journal of a pass, which is deleted when the block ends well.

    Where it cannot be written the pass still runs, and begins anew after a stop. Each
    run of a task has a file of its own, so that they need no lock; all are read, and
    kept unless the pass `is_over`.

    Args:
        path: of the journal.
        about: what the findings depend on besides the files, as JSON; a journal about
            something else is not gone on with.
        share: the part of the pass that this run does.

    Raises:
        DatasetError: another process is at the same pass.
    """
    head = json.dumps(about, sort_keys=True)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.with_name(f"{path.name}.lock")
            own = path
            if share.is_whole:
                stack.enter_context(locked(lock, wait=False))
            elif share.task is not None:
                number, count = share.task.number, share.task.count
                own = path.with_name(f"{path.name}.{number}-of-{count}.{own_mark()}")
            file = None
            if not share.is_finish:
                mode = "a" if _read(own, head) else "w"
                file = stack.enter_context(own.open(mode, encoding="utf-8"))
                # After a line that was cut off, a new one.
                file.write("\n" if mode == "a" else f"{head}\n")
                file.flush()
        except BlockingIOError:
            raise DatasetError(
                f"another process is at the same pass over these files ({path})"
            ) from None
        except OSError as error:
            if not share.is_whole:
                raise
            logger.info("a stop will lose the work: %s: %s", path, error.strerror)
            yield NO_JOURNAL
            return
        journal = Journal(file, path, head)
        yield journal
        if journal.is_over:
            for path_of_run in [*_files(path), lock]:
                path_of_run.unlink(missing_ok=True)


def _files(path: Path) -> list[Path]:
    """The journal of a whole pass, and those of tasks."""
    of_tasks = path.parent.glob(f"{glob.escape(path.name)}.*-of-*.*")
    return [path, *sorted(file for file in of_tasks if _TASK.search(file.name))]


def _read(path: Path, head: str) -> dict[str, list[Any]]:
    findings: dict[str, list[Any]] = {}
    if not path.exists():
        return findings
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines[:1] != [head]:
        return findings
    for line in lines[1:]:
        try:
            name, size, changed, finding = json.loads(line)
        except (ValueError, TypeError):  # where it was cut off
            continue
        findings[str(name)] = [size, changed, finding]
    return findings


def _name(path: Path) -> str:
    return os.fspath(path)


def _state(path: Path) -> list[int]:
    """Size and time of the last change; -1 of a file that is not there."""
    try:
        status = path.stat()
    except OSError:
        return [-1, -1]
    return [status.st_size, status.st_mtime_ns]
