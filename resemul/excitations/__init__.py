"""What the excitations of a model say: extracted, stored, averaged, drawn."""

from resemul.excitations.analysis import mean_by_tag, spread_by_depth
from resemul.excitations.extract import (
    build_excitation_model,
    extract_excitations,
    extract_from_files,
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
from resemul.excitations.table import DEPTH, EXCITATION, tags_of

__all__ = [
    "DEPTH",
    "EXCITATION",
    "LoudnessFit",
    "SegmentLoudness",
    "build_excitation_model",
    "extract_excitations",
    "extract_from_files",
    "load_excitations",
    "loudness_slopes",
    "mean_by_tag",
    "measure_loudness",
    "require_writable",
    "save_excitations",
    "spread_by_depth",
    "tags_of",
]
