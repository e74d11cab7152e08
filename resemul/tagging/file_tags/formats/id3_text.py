"""How ID3v2 frames hold texts and numbers (https://id3.org)."""

import re
import zlib
from collections.abc import Sequence

from resemul.tagging.file_tags.formats.tag import damaged

# Encoding byte of a text: its codec.
_CODECS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_LATIN1, _UTF16, _UTF8 = 0, 1, 3
_MAX_TEXT_BYTES = 1 << 24
# Bits of a frame's second flag byte: compressed, encrypted, grouped.
_FLAGS = {3: (0x80, 0x40, 0x20), 4: (0x08, 0x04, 0x40)}
_ESCAPED, _HAS_LENGTH = 0x02, 0x01


def frame_texts(raw: bytes, version: int) -> list[str]:
    """The texts of a whole text frame; [] if it is encrypted or broken."""
    content = raw[6:] if version == 2 else _content(raw[10:], raw[9], version)
    if not content or content[0] not in _CODECS:
        return []
    codec, content = _CODECS[content[0]], content[1:]
    if codec.startswith("utf-16"):
        return _utf16_texts(content, codec)
    return content.decode(codec, "replace").rstrip("\0").split("\0")


def _content(content: bytes, flags: int, version: int) -> bytes:
    compressed, encrypted, grouped = (bool(flags & bit) for bit in _FLAGS[version])
    if encrypted:
        return b""
    if version == 4:
        content = content[int(grouped) :]
        content = content[4 if flags & _HAS_LENGTH else 0 :]
        content = unescape(content) if flags & _ESCAPED else content
    else:
        content = content[4 if compressed else 0 :]
        content = content[int(grouped) :]
    if not compressed:
        return content
    try:
        return zlib.decompressobj().decompress(content, _MAX_TEXT_BYTES)
    except zlib.error:
        return b""


def encode_texts(parts: Sequence[str], version: int) -> bytes:
    """Encoding byte and texts, in what every reader of the version knows."""
    if version == 4:
        return bytes([_UTF8]) + "\0".join(parts).encode("utf-8")
    try:
        return bytes([_LATIN1]) + "\0".join(parts).encode("latin-1")
    except UnicodeEncodeError:
        # Each part has a byte order mark of its own.
        encoded = [part.encode("utf-16") for part in parts]
        return bytes([_UTF16]) + b"\0\0".join(encoded)


def genre_names(texts: list[str]) -> list[str]:
    """Genres by name; "(17)" and "17" are numbers of a table."""
    from mutagen.id3 import TCON

    return [str(genre) for genre in TCON(encoding=_UTF8, text=texts).genres]


def _utf16_texts(content: bytes, codec: str) -> list[str]:
    """Texts between two zero bytes each; each may have a byte order mark of its own."""
    units = [content[i : i + 2] for i in range(0, len(content) - 1, 2)]
    texts, current = [], b""
    for unit in [*units, b"\0\0"]:
        if unit != b"\0\0":
            current += unit
            continue
        if codec == "utf-16" and current[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            texts.append(current.decode("utf-16-le", "replace"))
        else:
            texts.append(current.decode(codec, "replace"))
        current = b""
    while texts and not texts[-1]:
        texts.pop()
    return texts


def from_synchsafe(number: bytes) -> int:
    """A number of seven bits a byte."""
    value = 0
    for byte in number:
        value = value << 7 | byte & 0x7F
    return value


def to_synchsafe(value: int) -> bytes:
    """Four bytes of seven bits each."""
    if value >= 1 << 28:
        raise damaged("an ID3 tag holds at most 256 MB")
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def unescape(data: bytes) -> bytes:
    """Takes back the zero bytes that `escape` put in ("unsynchronisation")."""
    return data.replace(b"\xff\x00", b"\xff")


def escape(data: bytes) -> bytes:
    """Puts zero bytes where decoders could take the tag for audio."""
    escaped = re.sub(rb"\xff(?=[\xe0-\xff\x00])", b"\xff\x00", data)
    return escaped + b"\0" if escaped.endswith(b"\xff") else escaped
