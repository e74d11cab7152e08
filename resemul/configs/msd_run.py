"""What the settings of the Million Song Dataset system mean in our own words."""

import logging
from typing import Any

from resemul.configs.checks import require
from resemul.configs.msd import MsdSettings
from resemul.configs.track_records import TrackChoice
from resemul.errors import ConfigError

logger = logging.getLogger(__name__)

# Front ends as they are called there, and our models.
FRONT_ENDS = {
    "waveform": "pons_waveform",
    "log-mel-spectrogram": "pons_log_mel",
}


def as_run(settings: MsdSettings, front_end: str) -> dict[str, Any]:
    """The model and training of ours that the settings mean: as `read_run` returns.

    Early stopping and plateau go by the area under the PR curve, as the text of the
    original says, and count epochs as we do, from 0. A validation clip is scored in
    its middle, so that its score can be repeated.

    Raises:
        ConfigError: no such front end, or an optimizer that we do not have.
    """
    require(
        front_end in FRONT_ENDS,
        f"the front end must be one of {', '.join(FRONT_ENDS)}, got {front_end!r}",
    )
    options: dict[str, Any] = {
        "dense_units": settings.n_dense_units,
        "sample_rate": settings.sample_rate,
        "num_samples": round(settings.window_length * settings.sample_rate),
    }
    if front_end != "waveform":
        options |= {"channels": settings.n_filters, "num_bands": settings.n_mels}
    patience = settings.early_stop_patience
    if patience and settings.early_stop_min_delta >= 0.1:
        logger.warning(
            "early_stop_min_delta %g ends a training when the area does not rise by "
            "as much: after %d epochs, most likely; 0 is meant",
            settings.early_stop_min_delta,
            patience + 1,
        )
    training: dict[str, Any] = {
        **_optimizer(settings),
        "batch_size": settings.batch_size,
        "shuffle_buffer": settings.shuffle_buffer_size if settings.shuffle else 1,
        "crop": "random" if settings.window_extract_randomly else "centre",
        "validation": "centre",
        "monitor": "val_pr_auc",
        "patience": max(patience - 1, 0) if patience else None,
        "min_delta": settings.early_stop_min_delta,
        **_schedule(settings),
    }
    return {
        "model": FRONT_ENDS[front_end],
        "model_options": options,
        "training": training,
    }


def as_choice(settings: MsdSettings) -> TrackChoice:
    """What the settings choose of records of whole tracks: tags, and split of files."""
    groups = settings.merge or ()
    has_all = settings.top is None or settings.top >= settings.n_tags
    return TrackChoice(
        split=tuple(map(float, settings.split)),
        top=None if has_all else settings.top,
        with_tags=() if has_all else settings.with_ or (),
        without_tags=settings.without or (),
        merge=";".join(",".join(map(str, group)) for group in groups) or None,
    )


def read_options(settings: MsdSettings) -> list[str]:
    """Options of `resemul train` for `as_choice`."""
    choice = as_choice(settings)
    values = {
        "--split-files": ",".join(f"{part:g}" for part in choice.split),
        "--top": "" if choice.top is None else str(choice.top),
        "--with-tags": ",".join(choice.with_tags),
        "--without-tags": ",".join(choice.without_tags),
        "--merge": choice.merge or "",
    }
    return [word for flag, value in values.items() if value for word in (flag, value)]


def build_options(settings: MsdSettings) -> list[str]:
    """Options of `resemul build` and `describe` for the tags and the split."""
    options = ["--dataset", "msd"]
    if settings.top is not None and settings.top < settings.n_tags:
        options += ["--top", str(settings.top)]
    for flag, tags in (
        ("--with-tags", settings.with_),
        ("--without-tags", settings.without),
    ):
        options += [flag, ",".join(tags)] if tags else []
    if settings.merge:
        groups = ";".join(",".join(map(str, group)) for group in settings.merge)
        options += ["--merge", groups, "--merge-names", "each"]
    parts = [*settings.split, 0][:3]
    return [*options, "--split", "random", "--ratio", ":".join(f"{p:g}" for p in parts)]


def _optimizer(settings: MsdSettings) -> dict[str, Any]:
    """Fields of the training; arguments that it does not have are an error."""
    name = settings.name.lower()
    known = {"adam": {"epsilon": "adam_epsilon"}, "sgd": {"momentum": "momentum"}}
    if name not in known:
        raise ConfigError(
            f"the optimizer must be one of {', '.join(known)}, got {settings.name!r}"
        )
    unknown = sorted(set(settings.optimizer) - set(known[name]))
    if unknown:
        raise ConfigError(
            f"{settings.name} has no {', '.join(unknown)} here; remove it from the file"
        )
    found = {known[name][key]: value for key, value in settings.optimizer.items()}
    return {"optimizer": name, "lr": settings.learning_rate, **found}


def _schedule(settings: MsdSettings) -> dict[str, Any]:
    patience = settings.reduce_lr_plateau_patience
    if not patience:
        return {"schedule": {"name": "constant"}}
    options = {
        "name": "plateau",
        "monitor": "val_pr_auc",
        "patience": max(patience - 1, 0),
        "factor": settings.plateau_factor,
        "min_delta": settings.plateau_min_delta,
        "min_lr": settings.plateau_min_lr,
    }
    return {"schedule": options}
