"""Tag formats: which one a file has is read off its content, not its name."""

import re
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from resemul.configs.file_tags import TagFormatConfig
from resemul.errors import FileTagsError
from resemul.tagging.file_tags.formats.ape import ApeTag
from resemul.tagging.file_tags.formats.asf import HEADER_GUID, AsfTag
from resemul.tagging.file_tags.formats.flac import FlacTag
from resemul.tagging.file_tags.formats.id3 import HEADER_BYTES, tag_length
from resemul.tagging.file_tags.formats.mp4 import Mp4Tag
from resemul.tagging.file_tags.formats.mpeg import MpegTag
from resemul.tagging.file_tags.formats.ogg import OggTag
from resemul.tagging.file_tags.formats.riff import ChunkedTag
from resemul.tagging.file_tags.formats.tag import SongTag

__all__ = ["SongTag", "open_tag"]

Opener = Callable[[BinaryIO, int, TagFormatConfig], SongTag]

_WAV = partial(ChunkedTag, number="<I", audio_chunk=b"data", new_chunk=b"id3 ")
_AIFF = partial(ChunkedTag, number=">I", audio_chunk=b"SSND", new_chunk=b"ID3 ")

# How files begin, and what reads their tags; the first that matches counts.
FORMATS: tuple[tuple[re.Pattern[bytes], Opener], ...] = (
    (re.compile(rb"fLaC"), FlacTag),
    (re.compile(rb"OggS"), OggTag),
    (re.compile(rb"....ftyp", re.DOTALL), Mp4Tag),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), _WAV),
    (re.compile(rb"FORM....AIF[FC]", re.DOTALL), _AIFF),
    (re.compile(re.escape(HEADER_GUID)), AsfTag),
    (re.compile(rb"wvpk"), partial(ApeTag, codec="WavPack")),
    (re.compile(rb"MAC "), partial(ApeTag, codec="Monkey's Audio")),
    (re.compile(rb"MPCK|MP\+"), partial(ApeTag, codec="Musepack")),
)
# Formats that may be what a user has, and what to say of them.
_REFUSED = (
    (re.compile(rb"RF64|BW64"), "is a WAV file over 4 GB (RF64)"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "is Matroska or WebM"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "is AAC without a container (ADTS)"),
    (re.compile(rb"TTA[12]"), "is True Audio"),
    (re.compile(rb"DSD |FRM8"), "is DSD"),
)
# An MPEG audio frame: eleven bits of sync, then a version and a layer that exist.
_MPEG_FRAME = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]")
_HEAD_BYTES = 64
# Bytes that may stand in front of the first frame of an MP3.
_MPEG_SEARCH_BYTES = 1 << 16


def open_tag(file: BinaryIO, size: int, options: TagFormatConfig) -> SongTag:
    """Reads the tag of a file.

    Args:
        file: open for reading; `edit` of the result reads from it too.
        size: of the file, in bytes.

    Raises:
        FileTagsError: it is of no format that can be written, or damaged.
    """
    file.seek(0)
    start = tag_length(file.read(HEADER_BYTES))
    file.seek(start)
    head = file.read(_HEAD_BYTES)
    if start and tag_length(head):
        start += tag_length(head)
        file.seek(start)
        head = file.read(_HEAD_BYTES)
    for pattern, opener in FORMATS:
        if pattern.match(head):
            return opener(file, size, options)
    for pattern, what in _REFUSED:
        if pattern.match(head):
            raise FileTagsError(f"{what}; tags in such files cannot be written")
    file.seek(start)
    if _MPEG_FRAME.search(file.read(_MPEG_SEARCH_BYTES)):
        return MpegTag(file, size, options)
    raise FileTagsError("is of no format whose tags can be written")
