"""Audio files in, float32 arrays out."""

from resemul.audio.decode import DECODERS, load_waveform
from resemul.audio.waveform import split_segments

__all__ = ["DECODERS", "load_waveform", "split_segments"]
