"""Every option of the package, with its default: the published system's."""

from resemul.configs.build import ENCODING_BYTES, BuildConfig
from resemul.configs.dataset import (
    ColumnsConfig,
    DatasetConfig,
    SplitConfig,
    TagsConfig,
)
from resemul.configs.models import (
    BLOCK_NAMES,
    DFT_NAMES,
    POOL_NAMES,
    FCN4Config,
    FCN5Config,
    MultiScaleCNNConfig,
    PonsLogMelConfig,
    PonsWaveformConfig,
    SampleCNNConfig,
    ShortChunkCNNConfig,
    WonSampleCNNConfig,
)
from resemul.configs.training import PRECISIONS, TrainConfig

__all__ = [
    "BLOCK_NAMES",
    "DFT_NAMES",
    "ENCODING_BYTES",
    "POOL_NAMES",
    "PRECISIONS",
    "BuildConfig",
    "ColumnsConfig",
    "DatasetConfig",
    "FCN4Config",
    "FCN5Config",
    "MultiScaleCNNConfig",
    "PonsLogMelConfig",
    "PonsWaveformConfig",
    "SampleCNNConfig",
    "ShortChunkCNNConfig",
    "SplitConfig",
    "TagsConfig",
    "TrainConfig",
    "WonSampleCNNConfig",
]
