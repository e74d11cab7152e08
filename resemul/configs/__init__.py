"""Every option of the package, with its default: the published system's."""

from resemul.configs.build import BuildConfig
from resemul.configs.models import BLOCK_NAMES, SampleCNNConfig
from resemul.configs.training import TrainConfig

__all__ = ["BLOCK_NAMES", "BuildConfig", "SampleCNNConfig", "TrainConfig"]
