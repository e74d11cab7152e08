"""What is known of each model: its options, and one entry of facts.

The defaults are those of the papers. How a model is built is in `models`.
"""

from dataclasses import dataclass
from typing import ClassVar

from resemul.configs.checks import require
from resemul.configs.fields import option
from resemul.configs.model_options import (
    ModelConfig,
    channels_option,
    dft_option,
    dropout_option,
    length_option,
    mix_option,
    rate_option,
    resampler_option,
)
from resemul.constants import NUM_SAMPLES

BLOCK_NAMES = ("se", "rese", "res", "basic")
POOL_NAMES = ("max", "average")

# Seconds. Most clips of MTT; a recipe's records hold them whole.
_MTT_CLIP_SECONDS = 29.12


@dataclass(frozen=True)
class SampleCNNConfig(ModelConfig):
    """Options of `models.sample_cnn`; the defaults are the paper's SE + multi."""

    # madmom, the decoder of the original, leaves the mixing to FFmpeg.
    mix: str = mix_option("ffmpeg")
    block: str = option("se", help="kind of its blocks", choices=BLOCK_NAMES)
    multi: bool = option(True, help="classify from the last three blocks together")
    # Width of the hidden layer of an excitation, in multiples of its channels.
    alpha: int = option(16, help="amplifying ratio of the excitations", minimum=1)
    init_features: int = channels_option(
        128, "channels of the first blocks; fewer make a smaller, faster model"
    )
    dropout: float = dropout_option()
    weight_decay: float = option(
        0.0, help="L2 penalty on the kernels of the convolutions", minimum=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.num_samples >= NUM_SAMPLES,
            f"num_samples must be at least {NUM_SAMPLES} (nine pools of 3 "
            f"after a stride of 3), got {self.num_samples}",
        )


@dataclass(frozen=True)
class FCN4Config(ModelConfig):
    """Options of `models.fcn4`; a clip has 29.12 s, 1366 frames."""

    sample_rate: int = rate_option(12_000)
    num_samples: int = length_option(349_440)
    channels: int = channels_option(
        128, "of the first layer; the others have 3, 6, 16 times"
    )
    dft: str = dft_option()


@dataclass(frozen=True)
class FCN5Config(ModelConfig):
    """Options of `models.fcn5`; a clip has 29 s."""

    sample_rate: int = rate_option(16_000)
    num_samples: int = length_option(29 * 16_000)
    # As in all published weights; the Lightning port trains with 128.
    num_bands: int = option(96, help="mel bands", minimum=1)
    channels: int = channels_option(
        64, "of the first and the last layer; the others double"
    )
    dropout: float = dropout_option()
    dft: str = dft_option()


@dataclass(frozen=True)
class ShortChunkCNNConfig(ModelConfig):
    """Options of `models.short_chunk_cnn` and `models.short_chunk_cnn_res`."""

    sample_rate: int = rate_option(16_000)
    channels: int = channels_option(
        128, "of layers 1 and 2; 3 to 6 have 2, 7 has 4 times"
    )
    dropout: float = dropout_option()
    dft: str = dft_option()


@dataclass(frozen=True)
class WonSampleCNNConfig(ModelConfig):
    """Options of `models.won_sample_cnn` and `models.won_sample_cnn_se`."""

    sample_rate: int = rate_option(16_000)
    channels: int = channels_option(
        128, "of layers 1 to 3; 4 to 9 have 2, the last 4 times"
    )
    dropout: float = dropout_option()


@dataclass(frozen=True)
class MultiScaleCNNConfig(ModelConfig):
    """Options of `models.multi_scale_cnn`; a clip has 29.1 s, 628 frames."""

    sample_rate: int = rate_option(11_025)
    num_samples: int = length_option(627 * 512)
    channels: int = channels_option(
        10, "the convolutions have 5, 7 or 10 times as many"
    )
    dense_units: int = channels_option(500, "units of the hidden layer")
    dropout: float = dropout_option(0.6)
    # "max" as in the PyTorch code, "average" as in the authors' own.
    second_pool: str = option(
        "max", help="how the coarsest scale is made", choices=POOL_NAMES
    )
    # Off as in the PyTorch code; the authors' own code scales by the data set.
    normalise_bands: bool = option(
        False, help="scale each band to mean 0 and variance 1"
    )
    dft: str = dft_option()


@dataclass(frozen=True)
class PonsWaveformConfig(ModelConfig):
    """Options of `models.pons_waveform`; a segment has 15 s."""

    sample_rate: int = rate_option(16_000)
    num_samples: int = length_option(15 * 16_000)
    channels: int = channels_option(
        64, "of layers 1 to 3; 4 to 6 have 2, 7 has 4 times"
    )
    back_end_channels: int = channels_option(512, "of the convolutions of the back end")
    dense_units: int = channels_option(500, "units of the hidden layer")
    dropout: float = dropout_option()
    normalise: bool = option(
        True, help="scale each segment to mean 0 and variance 1, or its spectrogram"
    )


@dataclass(frozen=True)
class PonsLogMelConfig(PonsWaveformConfig):
    """Options of `models.pons_log_mel`; a segment has 15 s, 468 frames."""

    channels: int = channels_option(
        16, "the convolutions have 1, 2, 4 or 8 times as many"
    )
    num_bands: int = option(96, help="mel bands", minimum=1)
    dft: str = dft_option()


@dataclass(frozen=True)
class _MusicnnAudio(ModelConfig):
    """What both networks of musicnn hear; a segment has 3 s, 187 frames."""

    # Centred frames of the whole file, padded by half a frame at either end.
    padding: ClassVar[int] = 256
    short: ClassVar[str] = "repeat"
    fft_size: ClassVar[int] = 512
    frame_hop: ClassVar[int] = 256
    num_bands: ClassVar[int] = 96

    sample_rate: int = rate_option(16_000)
    num_samples: int = length_option(186 * 256 + 512)
    resampler: str = resampler_option("swr-long")
    dropout: float = dropout_option()
    weight_decay: float = option(1e-5, help="L2 penalty on all kernels", minimum=0)
    dft: str = dft_option()

    @property
    def hop(self) -> int | None:
        """The first frame of a segment follows the last one of that before."""
        num_frames = (self.num_samples - self.fft_size) // self.frame_hop + 1
        return num_frames * self.frame_hop


@dataclass(frozen=True)
class MusicnnVGGConfig(_MusicnnAudio):
    """Options of `models.musicnn_vgg`."""

    channels: int = channels_option(128, "of the five convolutions")
    pool_dropout: float = option(0.25, help="after pools 1 to 4", minimum=0, below=1)


@dataclass(frozen=True)
class MusicnnConfig(_MusicnnAudio):
    """Options of `models.musicnn`.

    The wide variant ("big") has 512 mid channels and 500 dense units.
    """

    channels: int = channels_option(
        51, "of a tempo convolution; timbre ones have 4 times"
    )
    mid_channels: int = channels_option(64, "of the convolutions over all channels")
    dense_units: int = channels_option(200, "units of the hidden layer")


@dataclass(frozen=True)
class ModelEntry:
    """All that is known of a model.

    `recipe` is a key of `RECIPES`: how it was trained in its publication, on records
    that hold whole clips of `clip_seconds`, or the model's own segments where that is
    None. `roc_auc` is the score to compare a training with, a mean over the tags of
    `data`; None where no number is known. It is that of the system that this package
    follows, which is not always the paper's. Scores of different `data` say nothing
    about each other.
    """

    config: type[ModelConfig]
    recipe: str
    clip_seconds: float | None
    paper: str = ""
    url: str = ""
    roc_auc: float | None = None
    data: str = ""


_MTT = "MTT, 50 tags, split by folder"
_MTT_ALL = "MTT, 50 tags, split by folder, untagged clips included"
_MSD = "MSD, 50 Last.fm tags, own split, all labels pooled"
_CHOI = ("Choi et al., ISMIR 2016", "https://arxiv.org/abs/1606.00298")
_WON = ("Won et al., SMC 2020", "https://arxiv.org/abs/2006.00751")
_MUSICNN = ("Pons, Serra, 2019", "https://arxiv.org/abs/1909.06654")
_PONS = ("Pons et al., ISMIR 2018", "https://arxiv.org/abs/1711.02520")

# Keys as in `models.MODELS`.
MODEL_ENTRIES: dict[str, ModelEntry] = {
    "sample_cnn": ModelEntry(
        SampleCNNConfig,
        "staged_sgd",
        None,
        "Kim et al., ICASSP 2018",
        "https://arxiv.org/abs/1710.10451",
        0.9111,
        _MTT,
    ),
    "fcn4": ModelEntry(
        FCN4Config,
        "adam_loss_scale",
        _MTT_CLIP_SECONDS,
        *_CHOI,
        0.9099,
        "MTT, 50 tags, random split (MindSpore's port)",
    ),
    "fcn5": ModelEntry(
        FCN5Config, "adam_then_sgd", _MTT_CLIP_SECONDS, *_CHOI, 0.9002, _MTT
    ),
    "short_chunk_cnn": ModelEntry(
        ShortChunkCNNConfig, "adam_then_sgd", _MTT_CLIP_SECONDS, *_WON
    ),
    "short_chunk_cnn_res": ModelEntry(
        ShortChunkCNNConfig, "adam_then_sgd", _MTT_CLIP_SECONDS, *_WON, 0.9129, _MTT
    ),
    "won_sample_cnn": ModelEntry(
        WonSampleCNNConfig,
        "adam_then_sgd",
        _MTT_CLIP_SECONDS,
        "Lee et al., SMC 2017",
        "https://arxiv.org/abs/1703.01789",
    ),
    "won_sample_cnn_se": ModelEntry(
        WonSampleCNNConfig, "adam_then_sgd", _MTT_CLIP_SECONDS, *_WON, 0.9104, _MTT
    ),
    "multi_scale_cnn": ModelEntry(
        MultiScaleCNNConfig,
        "adam_l2",
        _MTT_CLIP_SECONDS,
        "Dabral et al., AISC 2018",
        "https://doi.org/10.1007/978-981-13-1592-3_60",
        0.9094,
        "MTT, 50 merged tags, random split",
    ),
    "pons_waveform": ModelEntry(
        PonsWaveformConfig,
        "adam_early_stopping",
        _MTT_CLIP_SECONDS,
        *_PONS,
        0.8696,
        _MSD,
    ),
    "pons_log_mel": ModelEntry(
        PonsLogMelConfig, "adam_early_stopping", _MTT_CLIP_SECONDS, *_PONS, 0.8768, _MSD
    ),
    "musicnn": ModelEntry(
        MusicnnConfig, "adam_halving", _MTT_CLIP_SECONDS, *_MUSICNN, 0.9067, _MTT_ALL
    ),
    "musicnn_vgg": ModelEntry(
        MusicnnVGGConfig,
        "adam_halving",
        _MTT_CLIP_SECONDS,
        *_MUSICNN,
        0.9030,
        _MTT_ALL,
    ),
}
