"""Audio files in, float32 arrays out."""

from resemul.audio.decode import DECODERS, load_waveform
from resemul.audio.segments import split_segments
from resemul.audio.stream import Segment, stream_blocks, stream_segments

__all__ = [
    "DECODERS",
    "Segment",
    "load_waveform",
    "split_segments",
    "stream_blocks",
    "stream_segments",
]
