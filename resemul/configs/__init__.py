"""Every option of the package, with its default: the published system's."""

from resemul.configs.audio import AUDIO_SUFFIXES, AudioConfig
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
    MODEL_ENTRIES,
    POOL_NAMES,
    FCN4Config,
    FCN5Config,
    ModelConfig,
    ModelEntry,
    MultiScaleCNNConfig,
    MusicnnConfig,
    MusicnnVGGConfig,
    PonsLogMelConfig,
    PonsWaveformConfig,
    SampleCNNConfig,
    ShortChunkCNNConfig,
    WonSampleCNNConfig,
)
from resemul.configs.outside import model_entry
from resemul.configs.recipes import (
    RECIPES,
    records_of_model,
)
from resemul.configs.run import (
    DEFAULT_MODEL,
    RunConfig,
    change_run,
    make_run,
    read_run,
    write_run,
)
from resemul.configs.training import (
    LR_SCHEDULES,
    MONITORS,
    OPTIMIZERS,
    PRECISIONS,
    WINDOWS,
    Stage,
    TrainConfig,
)

__all__ = [
    "AUDIO_SUFFIXES",
    "BLOCK_NAMES",
    "DEFAULT_MODEL",
    "DFT_NAMES",
    "ENCODING_BYTES",
    "LR_SCHEDULES",
    "MODEL_ENTRIES",
    "MONITORS",
    "OPTIMIZERS",
    "POOL_NAMES",
    "PRECISIONS",
    "RECIPES",
    "WINDOWS",
    "AudioConfig",
    "BuildConfig",
    "ColumnsConfig",
    "DatasetConfig",
    "FCN4Config",
    "FCN5Config",
    "ModelConfig",
    "ModelEntry",
    "MultiScaleCNNConfig",
    "MusicnnConfig",
    "MusicnnVGGConfig",
    "PonsLogMelConfig",
    "PonsWaveformConfig",
    "RunConfig",
    "SampleCNNConfig",
    "ShortChunkCNNConfig",
    "SplitConfig",
    "Stage",
    "TagsConfig",
    "TrainConfig",
    "WonSampleCNNConfig",
    "change_run",
    "make_run",
    "model_entry",
    "read_run",
    "records_of_model",
    "write_run",
]
