"""What a long pass over files has found so far, so that it goes on after a stop."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from resemul.errors import DatasetError
from resemul.runtime.files import locked

logger = logging.getLogger(__name__)


class Journal:
    """Findings by file, each for the file as it was: of this size, changed then."""

    def __init__(self, file: IO[str] | None, findings: dict[str, list[Any]]) -> None:
        self._file = file
        self._findings = findings

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


NO_JOURNAL = Journal(None, {})


@contextmanager
def open_journal(path: Path, about: Any) -> Iterator[Journal]:
    """Opens the journal of a pass, which is deleted when the block ends well.

    Where it cannot be written the pass still runs, and begins anew after a stop.

    Args:
        path: of the journal.
        about: what the findings depend on besides the files, as JSON; a journal about
            something else is not gone on with.

    Raises:
        DatasetError: another process is at the same pass.
    """
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.with_name(f"{path.name}.lock")
            stack.enter_context(locked(lock, wait=False))
            head = json.dumps(about, sort_keys=True)
            findings = _read(path, head)
            mode = "a" if findings else "w"
            file = stack.enter_context(path.open(mode, encoding="utf-8"))
            # After a line that was cut off, a new one.
            file.write("\n" if findings else f"{head}\n")
        except BlockingIOError:
            raise DatasetError(
                f"another process is at the same pass over these files ({path})"
            ) from None
        except OSError as error:
            logger.info("a stop will lose the work: %s: %s", path, error.strerror)
            yield NO_JOURNAL
            return
        yield Journal(file, findings)
        path.unlink()
        lock.unlink(missing_ok=True)


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
