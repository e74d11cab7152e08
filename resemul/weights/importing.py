"""A foreign model file in, one of our models and the facts for its card out."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.configs import model_entry
from resemul.errors import WeightsError
from resemul.weights.contents import Contents
from resemul.weights.hashes import file_hashes
from resemul.weights.keras2 import is_keras2, read_keras2
from resemul.weights.musicnn import is_tf1, read_tf1
from resemul.weights.pytorch import is_torch, read_pytorch
from resemul.weights.registry import Pretrained, find_published
from resemul.weights.tags import TAG_PRESETS

if TYPE_CHECKING:
    import keras

logger = logging.getLogger(__name__)

# Name of the format: does a file have it, and what is in the file? The second takes
# the path and the model that is expected, or None.
IMPORTERS: dict[
    str,
    tuple[Callable[[Path], bool], Callable[[Path, str | None], Contents]],
] = {
    "Keras 2 hdf5": (is_keras2, read_keras2),
    # Before PyTorch, whose files are zip archives, too.
    "TensorFlow 1": (is_tf1, read_tf1),
    "PyTorch": (is_torch, read_pytorch),
}


def import_weights(
    source: Path,
    model: str | None = None,
    tags: Sequence[str] | None = None,
    published: Pretrained | None = None,
) -> tuple["keras.Model", dict[str, Any]]:
    """Builds the model that a foreign file holds. No code from the file is run.

    Args and errors are those of `read_weights`; besides, the weights may not fit.

    Returns:
        The model, and what is known of it: fields of a model card, by name.
    """
    # Keras takes seconds to import; the rest of this package does not need it.
    from resemul.models import build_model
    from resemul.weights.assign import assign_weights

    contents, facts = read_weights(source, model, tags, published)
    built = build_model(contents.model, contents.num_tags, **facts["options"])
    assign_weights(built, contents.arrays, contents.unused, source)
    return built, facts


def read_weights(
    source: Path,
    model: str | None = None,
    tags: Sequence[str] | None = None,
    published: Pretrained | None = None,
) -> tuple[Contents, dict[str, Any]]:
    """Reads a foreign file: the arrays of one of our models, and what is known of it.

    Format, architecture and options are recognised from the content of the file.
    Needs no Keras.

    Args:
        source: an hdf5 file of Keras 2, a checkpoint of PyTorch, or the index of one
            of TensorFlow 1.
        model: a key of `MODELS` that the file must hold; None for any.
        tags: names of the outputs, in their order. None: those of the published
            file, or those that files of this kind usually have.
        published: what the file is. None: looked up by its hashes.

    Returns:
        The contents, and fields of a model card, by name.

    Raises:
        WeightsError: the file is missing, broken, of another kind, or its tags are
            not known.
    """
    source = Path(source)
    if not source.is_file():
        raise WeightsError(f"{source} does not exist or is no file")
    name, contents = _read(source, model)
    sha256, git_blob = file_hashes(source)
    published = published or find_published(sha256, git_blob)
    names, origin = _choose_tags(source, contents, published, tags)
    config = model_entry(contents.model).config(**contents.options)
    facts = {
        "model": contents.model,
        "options": dataclasses.asdict(config),
        "tags": list(names),
        "num_samples": config.num_samples,
        # sample_rate, mix, resampler, padding, hop, short
        **dataclasses.asdict(config.audio),
        "dataset": published.dataset if published else "",
        "source": {
            "file": source.name,
            "format": name,
            "sha256": sha256,
            "git_blob": git_blob,
            "tag_order": origin,
            **_describe(published),
        },
    }
    return contents, facts


def _read(source: Path, model: str | None) -> tuple[str, Contents]:
    for name, (is_format, read) in IMPORTERS.items():
        if is_format(source):
            return name, read(source, model)
    raise WeightsError(
        f"{source} has none of the formats that can be imported: "
        f"{', '.join(IMPORTERS)} (models of this package end in .keras)"
    )


def _choose_tags(
    source: Path,
    contents: Contents,
    published: Pretrained | None,
    tags: Sequence[str] | None,
) -> tuple[tuple[str, ...], str]:
    """Returns the names of the outputs, and where they are from."""
    num_tags, preset = contents.num_tags, contents.tag_preset
    if tags is not None:
        if len(tags) != num_tags:
            raise WeightsError(
                f"{source} has {num_tags} outputs, but {len(tags)} tags are given"
            )
        return tuple(tags), "given"
    if published is not None:
        return TAG_PRESETS[published.tag_preset], f"published: {published.tag_preset}"
    if preset is None or len(TAG_PRESETS[preset]) != num_tags:
        raise WeightsError(
            f"{source} has {num_tags} outputs and does not say for which tags; give "
            "them with --tags: a text file with one tag per line, or one of "
            f"{', '.join(TAG_PRESETS)}"
        )
    logger.warning(
        "%s does not say which tags its %d outputs stand for; assuming the order %r, "
        "the usual one of such files",
        source,
        num_tags,
        preset,
    )
    return TAG_PRESETS[preset], f"assumed: {preset}"


def _describe(published: Pretrained | None) -> dict[str, Any]:
    if published is None:
        return {"licence": "not known", "data_terms": "not known"}
    scores: dict[str, Any] = {}
    if published.roc_auc is not None:
        scores["test_roc_auc"] = published.roc_auc
    if published.num_clips is not None:
        scores |= {"test_split": published.split, "test_clips": published.num_clips}
    return {
        "name": published.name,
        "url": published.url,
        "licence": published.licence,
        "data_terms": published.data_terms,
        "published_scores": scores,
    }
