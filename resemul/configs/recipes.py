"""The training recipes of the published systems.

A recipe is a `TrainConfig`. Where ours cannot be what a system did, a comment says so.
Which model was trained by which is in its entry in `configs.models`.
"""

from dataclasses import replace
from typing import Any

from resemul.configs.build import BuildConfig
from resemul.configs.dataset import DEFAULT_DATASET, dataset_entry
from resemul.configs.outside import model_entry
from resemul.configs.schedules import Constant, OneCycle, Plateau, Triangular
from resemul.configs.training import Stage, TrainConfig

# Examples of a whole clip are long: 1.9 MB each at 16 kHz, 3.7 GB in all.
_CLIPS_IN_BUFFER = 2_000

# Kim, Lee, Nam, ICASSP 2018: SGD, five stages by patience.
_STAGED_SGD = TrainConfig()

# Choi et al., ISMIR 2016, as ported to MindSpore: Adam at a fixed rate, loss scale
# 1024. The port computes in float16 and keeps the last epoch; `auto` is bfloat16 where
# the machine is fast at it (float16: --precision mixed_float16), and the epoch with
# the lowest validation loss is kept.
_ADAM_LOSS_SCALE = TrainConfig(
    batch_size=32,
    crop="centre",
    optimizer="adam",
    lr=5e-4,
    adam_epsilon=1e-8,
    loss_scale=1024.0,
    precision="auto",
    schedule=Constant(),
    patience=None,
    num_lr_decays=1,
    max_epochs=50,
    validation="centre",
    shuffle_buffer=_CLIPS_IN_BUFFER,
)

# The PyTorch Lightning port of FCN-5 and the short-chunk CNN. It stops after 5 epochs
# without a lower loss, which is patience 4 here, and its plateau is relative: 1e-4 of a
# loss of 0.14. Its validation crop is drawn anew each epoch, ours once per clip.
_SGD_PLATEAU = TrainConfig(
    batch_size=16,
    crop="random",
    optimizer="sgd",
    lr=0.01,
    momentum=0.9,
    coupled_weight_decay=1e-6,
    schedule=Plateau(patience=3, factor=0.2, min_delta=1.4e-5),
    patience=4,
    num_lr_decays=1,
    max_epochs=100,
    validation="random",
    shuffle_buffer=_CLIPS_IN_BUFFER,
)

# Won et al., SMC 2020: Adam, then SGD at three rates; each stage has a fixed length
# and begins with the best weights so far.
_ADAM_THEN_SGD = TrainConfig(
    batch_size=16,
    crop="random",
    adam_epsilon=1e-8,
    momentum=0.9,
    coupled_weight_decay=1e-4,
    schedule=Constant(),
    patience=None,
    stages=(
        Stage("adam", 1e-4, 80),
        Stage("sgd", 1e-3, 20),
        Stage("sgd", 1e-4, 20),
        Stage("sgd", 1e-5, 80),
    ),
    start_from="best",
    max_epochs=200,
    validation="chunks",
    num_chunks=16,
    shuffle_buffer=_CLIPS_IN_BUFFER,
)

# Dabral et al., AISC 2018, the PyTorch code: Adam with L2 on all weights; the best
# epoch is the one with the highest validation ROC AUC.
_ADAM_L2 = TrainConfig(
    batch_size=20,
    crop="centre",
    optimizer="adam",
    lr=1e-4,
    adam_epsilon=1e-8,
    coupled_weight_decay=1e-4,
    schedule=Constant(),
    patience=None,
    monitor="val_roc_auc",
    num_lr_decays=1,
    max_epochs=100,
    validation="centre",
    shuffle_buffer=_CLIPS_IN_BUFFER,
)

# The MSD and Last.fm system on the models of Pons et al., ISMIR 2018: Adam, early
# stopping on PR AUC (after 5 epochs, patience 4 here), half the rate on a plateau of
# the loss (after 2 epochs, patience 1 here). Its PR AUC pools all labels, ours is the
# mean over tags, and does not have to rise by its 0.2, with which every run would end
# at once. Its loss is a sum over a batch, which Adam does not notice.
_ADAM_EARLY_STOPPING = TrainConfig(
    batch_size=64,
    crop="random",
    optimizer="adam",
    lr=1e-3,
    # A min_delta of 0.1 of the sum over a batch.
    schedule=Plateau(patience=1, factor=0.5, min_delta=0.1 / 64, min_lr=1e-5),
    patience=4,
    monitor="val_pr_auc",
    num_lr_decays=1,
    max_epochs=30,
    max_epochs_per_stage=30,
    validation="random",
    shuffle_buffer=_CLIPS_IN_BUFFER,
)

# Pons, Serra, 2019 (jordipons/musicnn-training): Adam, half the rate after 75 epochs
# without a lower validation loss; the L2 penalty is the model's own `weight_decay`.
# A validation clip is scored by its nine whole patches.
_ADAM_HALVING = TrainConfig(
    batch_size=32,
    crop="random",
    optimizer="adam",
    lr=1e-3,
    adam_epsilon=1e-8,
    schedule=Plateau(patience=74, factor=0.5),
    patience=None,
    num_lr_decays=1,
    max_epochs=600,
    validation="chunks",
    num_chunks=9,
    shuffle_buffer=_CLIPS_IN_BUFFER,
)

RECIPES: dict[str, TrainConfig] = {
    "staged_sgd": _STAGED_SGD,
    "adam_loss_scale": _ADAM_LOSS_SCALE,
    "sgd_plateau": _SGD_PLATEAU,
    "adam_then_sgd": _ADAM_THEN_SGD,
    "adam_l2": _ADAM_L2,
    "adam_halving": _ADAM_HALVING,
    "adam_early_stopping": _ADAM_EARLY_STOPPING,
    # The same system with rates that rise and fall, every four epochs or once, and
    # without early stopping.
    "adam_triangular": replace(
        _ADAM_EARLY_STOPPING,
        batch_size=128,
        lr=1.4e-3,
        schedule=Triangular(),
        patience=None,
    ),
    "adam_one_cycle": replace(
        _ADAM_EARLY_STOPPING, schedule=OneCycle(ratio=10.0), patience=None
    ),
}


# Longer than any clip of MTT; what there is of one is padded to its record.
_MTT_SECONDS = 30.0


def records_of_model(name: str, dataset: str = DEFAULT_DATASET) -> BuildConfig:
    """The records that a model is trained on.

    Of a data set whose clips have one length, they are those of its recipe. Of others
    they are segments of the model's own length: a record of a whole clip would be
    mostly silence where clips are short.
    """
    entry, of_data = model_entry(name), dataset_entry(dataset)
    config = entry.config()
    audio: dict[str, Any] = {
        "sample_rate": config.sample_rate,
        "mix": getattr(config, "mix", BuildConfig.mix),
        "resampler": getattr(config, "resampler", BuildConfig.resampler),
    }
    if of_data.clip_seconds is None:
        return BuildConfig(
            num_samples=config.num_samples,
            clip_seconds=None,
            min_segments=of_data.min_segments,
            **audio,
        )
    if entry.clip_seconds is None:
        return BuildConfig(num_samples=config.num_samples, **audio)
    num_samples = round(entry.clip_seconds * config.sample_rate)
    return BuildConfig(
        num_samples=max(config.num_samples, num_samples),
        clip_seconds=_MTT_SECONDS,
        min_segments=0,
        **audio,
    )
