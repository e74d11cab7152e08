"""Checks of a change before anything is written: on the file as it will be."""

import hashlib
import io
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from resemul.audio.payload import payload_digest
from resemul.configs.file_tags import TagFormatConfig
from resemul.errors import AudioError, FileTagsError
from resemul.tagging.file_tags.formats import SongTag, open_tag
from resemul.tagging.file_tags.splices import Splice, SplicedFile

_BLOCK_BYTES = 1 << 20
# What mutagen raises beside its own errors when a file is not as it expects.
_ODD_FILES = (
    ArithmeticError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)


@contextmanager
def changed_view(
    file: BinaryIO, size: int, splices: Sequence[Splice]
) -> Iterator[BinaryIO]:
    """The file as it will be, for reading; `file` stays open."""
    raw = SplicedFile(file, size, splices)
    view = cast(BinaryIO, io.BufferedReader(raw, _BLOCK_BYTES))
    try:
        yield view
    finally:
        view.close()


def check_change(
    file: BinaryIO,
    size: int,
    tag: SongTag,
    splices: Sequence[Splice],
    new: Mapping[str, Sequence[str]],
    formats: TagFormatConfig,
) -> str:
    """Makes sure that a change does what it shall and nothing else.

    The new texts must be read back; all else in the tag must have the same bytes; the
    audio must be the same; and mutagen must read the new file if it read the old one.

    Returns:
        The digest of the audio.

    Raises:
        FileTagsError: it is not so; nothing has been written.
    """
    for splice in splices:
        file.seek(splice.offset)
        if file.read(len(splice.old)) != splice.old:
            raise FileTagsError("its tag is not understood well enough to be changed")
    audio = _audio_digest(file)
    before = _length_by_mutagen(file, tag)
    with changed_view(file, size, splices) as view:
        view_size = view.seek(0, io.SEEK_END)
        written = open_tag(view, view_size, formats)
        for name, texts in tag.values.items():
            wanted = tag.as_read(name, new[name]) if name in new else texts
            if written.values[name] != wanted:
                raise FileTagsError(f"the field {name} would not be read back")
        if written.others != tag.others:
            raise FileTagsError("other fields of the song would change")
        if _audio_digest(view) != audio:
            raise FileTagsError("the audio would change")
        if before is not None and _length_by_mutagen(view, tag) != before:
            raise FileTagsError("other programs would not read the new file")
    return audio


def _audio_digest(file: BinaryIO) -> str:
    try:
        return payload_digest(file)
    except AudioError as error:
        raise FileTagsError(str(error)) from error


def _length_by_mutagen(file: BinaryIO, tag: SongTag) -> float | None:
    """Seconds; None if mutagen cannot read the file, or does not know them."""
    import mutagen

    file.seek(0)
    try:
        read = tag.mutagen_type()(file)
    except (mutagen.MutagenError, *_ODD_FILES):
        return None
    length: float | None = getattr(read.info, "length", None)
    return length


def sha256_of(file: BinaryIO) -> str:
    """SHA-256 of a whole open file, in hexadecimal."""
    return kept_sha256(file, [], file.seek(0, io.SEEK_END))


def kept_sha256(file: BinaryIO, spans: Sequence[tuple[int, int]], size: int) -> str:
    """SHA-256 of what is outside of spans, each from one offset to another."""
    digest = hashlib.sha256()
    position = 0
    for start, end in [*spans, (size, size)]:
        file.seek(position)
        left = start - position
        while left > 0:
            block = file.read(min(left, _BLOCK_BYTES))
            if not block:
                break
            digest.update(block)
            left -= len(block)
        position = end
    return digest.hexdigest()
