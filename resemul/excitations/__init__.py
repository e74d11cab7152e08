"""What the excitations of a model say: extracted, stored, averaged, drawn."""

from resemul.excitations.analysis import mean_by_tag, spread_by_depth, tags_of
from resemul.excitations.extract import (
    DEPTH,
    EXCITATION,
    build_excitation_model,
    extract_excitations,
)
from resemul.excitations.files import (
    load_excitations,
    require_writable,
    save_excitations,
)
from resemul.excitations.loudness import (
    LoudnessFit,
    SegmentLoudness,
    loudness_slopes,
    measure_loudness,
)

__all__ = [
    "DEPTH",
    "EXCITATION",
    "LoudnessFit",
    "SegmentLoudness",
    "build_excitation_model",
    "extract_excitations",
    "load_excitations",
    "loudness_slopes",
    "mean_by_tag",
    "measure_loudness",
    "require_writable",
    "save_excitations",
    "spread_by_depth",
    "tags_of",
]
