"""The files of a request, written to a folder of its own while they come in."""

import logging
import mimetypes
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from resemul.server.problems import Problem

logger = logging.getLogger(__name__)

# A field of a form is a number or a name, not a novel.
_MAX_FIELD_BYTES = 1000
_MAX_FIELDS = 50
_MAX_HEADERS = 10
_MAX_NAME_LENGTH = 200
_AUDIO_TYPES = ("audio/", "video/", "application/ogg", "application/octet-stream")


@dataclass(frozen=True)
class Upload:
    """A file of a request: what the client calls it, and where it lies."""

    name: str
    path: Path


@dataclass
class Received:
    """What a request brought."""

    uploads: list[Upload] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


async def receive_uploads(request: Request, folder: Path, max_files: int) -> Received:
    """Writes the files of a request into `folder`, under names of our own.

    The body is either a form (`multipart/form-data`) whose files are called `file`, or
    one file itself, with a type of audio.

    Raises:
        Problem: it is neither, has too many files or none, or is cut off; or there is
            no room for it on the disk.
    """
    try:
        return await _receive(request, folder, max_files)
    except OSError as error:
        logger.error("an upload could not be written: %s", error)
        detail = "There is no room for the upload here; try again later."
        raise Problem(503, detail, {"retry-after": "30"}) from error


async def _receive(request: Request, folder: Path, max_files: int) -> Received:
    content_type = request.headers.get("content-type", "")
    kind, options = parse_options_header(content_type)
    received = Received()
    if kind == b"multipart/form-data":
        boundary = options.get(b"boundary")
        if not boundary:
            raise Problem(400, "The form has no boundary in its Content-Type.")
        parts = _Parts(folder, received, max_files)
        await _feed(request, parts, boundary)
    elif kind.startswith(tuple(word.encode() for word in _AUDIO_TYPES)):
        suffix = mimetypes.guess_extension(kind.decode("latin-1")) or ""
        upload = Upload(f"audio{suffix}", folder / f"0{suffix}")
        await _write(request, upload.path)
        received.uploads.append(upload)
    else:
        raise Problem(
            415,
            "Send a form (multipart/form-data) with files called 'file', or the bytes "
            "of one file with a Content-Type of audio/*.",
        )
    if not received.uploads:
        raise Problem(400, "There is no file called 'file' in the form.")
    return received


async def _feed(request: Request, parts: "_Parts", boundary: bytes) -> None:
    try:
        parser = MultipartParser(boundary, parts.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise Problem(400, f"The form cannot be read: {error}") from error
    except ClientDisconnect as error:
        raise Problem(400, "The client went away.") from error
    finally:
        parts.close()
    if not parts.is_whole:
        raise Problem(400, "The form is cut off.")


async def _write(request: Request, path: Path) -> None:
    try:
        with path.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
    except ClientDisconnect as error:
        raise Problem(400, "The client went away.") from error


class _Parts:
    """Takes the parts of a form as the parser finds them."""

    def __init__(self, folder: Path, received: Received, max_files: int) -> None:
        self._folder = folder
        self._received = received
        self._max_files = max_files
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._name = ""
        self._file: BinaryIO | None = None
        self._value = bytearray()
        self.is_whole = False

    def callbacks(self) -> Any:
        """What `MultipartParser` calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def close(self) -> None:
        """Closes a file that was not finished."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._headers = {}
        self._value = bytearray()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]
        self._require_short(self._header_name)

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]
        self._require_short(self._header_value)

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        if len(self._headers) > _MAX_HEADERS:
            raise Problem(400, "A part of the form has too many headers.")
        self._header_name = self._header_value = b""

    def _open(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename", _extended_name(disposition))
        if filename is None and self._name != "file":
            return
        if self._name != "file":
            raise Problem(400, f"Files are called 'file', this one {self._name!r}.")
        number = len(self._received.uploads)
        if number == self._max_files:
            raise Problem(413, f"A request may have {self._max_files} files.")
        name = _safe_name((filename or b"").decode("utf-8", "replace"))
        upload = Upload(name, self._folder / f"{number}{Path(name).suffix.lower()}")
        self._file = upload.path.open("wb")
        self._received.uploads.append(upload)

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(data[start:end])
            return
        self._value += data[start:end]
        self._require_short(self._value)

    def _end(self) -> None:
        if self._file is not None:
            self.close()
            return
        fields = self._received.fields
        if len(fields) == _MAX_FIELDS:
            raise Problem(400, "The form has too many fields.")
        fields[self._name] = self._value.decode("utf-8", "replace")

    def _finish(self) -> None:
        self.is_whole = True

    def _require_short(self, value: bytes | bytearray) -> None:
        if len(value) > _MAX_FIELD_BYTES:
            raise Problem(400, "A field of the form is too long.")


def _extended_name(disposition: bytes) -> bytes | None:
    """The name of a file as some clients send it if it is not ASCII (RFC 5987)."""
    found = re.search(rb"filename\*=utf-8'[^']*'([^;\s]+)", disposition, re.IGNORECASE)
    return unquote_to_bytes(found[1]) if found else None


def _safe_name(name: str) -> str:
    """The last part of a name, as it can be shown; it is never used as a path."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last)
    stem, dot, suffix = shown.rpartition(".")
    if dot and not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        shown = f"{stem}_{suffix}"
    return shown[-_MAX_NAME_LENGTH:] or "file"
