"""Writes docs/models/NAME.md, a page for each model, from what the package knows.

    python docs/model_pages.py

A test compares the pages with what this writes.
"""

import ast
import math
import re
from collections.abc import Iterable
from pathlib import Path

import keras

import resemul
from resemul.configs import MODEL_ENTRIES
from resemul.configs.fields import fields_of, options_of
from resemul.configs.models import ModelEntry
from resemul.models import MODELS, build_model
from resemul.runtime.progress import format_bytes
from resemul.weights.registry import PRETRAINED

PAGES = Path(__file__).parent / "models"
NUM_TAGS = 50

PAGE = """<!-- Written by docs/model_pages.py; change what it reads, not this. -->
# {name}

```sh
resemul build --model {name} --data-dir dataset --records-dir records
resemul train --model {name} --data-dir dataset --records-dir records \\
  --train-dir log
```

{prose}

{facts}

## Layers

Shapes for one input, without the batch; `-` where it is not fixed. Activations, batch
normalisation and dropout are left out.

{layers}

## Options

`--option NAME=VALUE` of `resemul train`, or arguments of
`resemul.build_model("{name}", num_tags, ...)`.

{options}

## Published weights

{weights}
"""


def write_pages(folder: Path = PAGES) -> None:
    """Writes all pages."""
    folder.mkdir(exist_ok=True)
    for name in MODEL_ENTRIES:
        (folder / f"{name}.md").write_text(page(name), "utf-8")


def page(name: str) -> str:
    """The page of a model."""
    entry = MODEL_ENTRIES[name]
    # Shapes alone; the weights of large models would take seconds to draw.
    with keras.StatelessScope():
        model = build_model(name, NUM_TAGS)
    return PAGE.format(
        name=name,
        prose=_prose(name),
        facts=_table(("what", name), _facts(entry, model)),
        layers=_table(("layer", "kind", "output", "parameters"), _layers(model)),
        options=_table(("option", "default", "what"), _options(entry)),
        weights=_weights(name),
    )


def _prose(name: str) -> str:
    """What the module says of itself: the architecture and its papers."""
    module = MODELS[name].partition(":")[0].rpartition(".")[2]
    source = Path(resemul.__file__).parent / "models" / f"{module}.py"
    text = ast.get_docstring(ast.parse(source.read_text("utf-8"))) or ""
    return re.sub(r"https://[^\s,;)]*[^\s.,;)]", r"<\g<0>>", text)


def _facts(entry: ModelEntry, model: keras.Model) -> Iterable[tuple[str, str]]:
    config = entry.config()
    seconds = config.num_samples / config.sample_rate
    trainable = sum(math.prod(w.shape) for w in model.trainable_weights)
    yield "paper", f"[{entry.paper}]({entry.url})"
    yield (
        "input",
        f"{config.num_samples:,} samples at {config.sample_rate:,} Hz, {seconds:.2f} s",
    )
    yield "channels of a file", f"mixed as `{config.mix}`"
    yield "resampling", f"`{config.resampler}`"
    yield "output", "one probability per tag"
    yield f"parameters, {NUM_TAGS} tags", f"{trainable:,}"
    yield "recipe", f"[`{entry.recipe}`](../training.md#recipes)"
    score = "none is known"
    if entry.roc_auc is not None:
        score = f"ROC AUC {entry.roc_auc:.4f} ({entry.data}), published"
    yield "score to compare with", score


def _layers(model: keras.Model) -> Iterable[tuple[str, str, str, str]]:
    before = None
    for layer in model.layers:
        shape = layer.output.shape[1:]
        kind = type(layer).__name__
        is_shown = bool(layer.trainable_weights) or shape != before
        if is_shown and kind != "BatchNormalization":
            size = sum(math.prod(w.shape) for w in layer.trainable_weights)
            sizes = " x ".join("-" if n is None else f"{n:,}" for n in shape)
            yield f"`{layer.name}`", kind, sizes, f"{size:,}" if size else ""
        before = shape


def _options(entry: ModelEntry) -> Iterable[tuple[str, str, str]]:
    said = options_of(entry.config)
    for field in fields_of(entry.config):
        what = said[field.name].help
        choices = said[field.name].choices
        if choices:
            what += f": {', '.join(choices)}"
        yield f"`{field.name}`", f"`{field.default}`", what


def _weights(name: str) -> str:
    entries = [entry for entry in PRETRAINED.values() if entry.model == name]
    if not entries:
        return "None that this package knows of."
    rows = []
    for entry in entries:
        score = "-" if entry.roc_auc is None else f"{entry.roc_auc:.4f}"
        clips = f"{entry.num_clips:,} of {entry.split}" if entry.num_clips else "-"
        size = "-" if entry.num_bytes is None else format_bytes(entry.num_bytes)
        licence = entry.licence_name
        rows.append((f"`{entry.name}`", entry.dataset, score, clips, size, licence))
    columns = ("name", "trained on", "ROC AUC", "test clips", "download", "licence")
    terms = dict.fromkeys(entry.data_terms for entry in entries)
    licences = dict.fromkeys(entry.licence for entry in entries)
    lines = [f"- Licence of the weights: {text}." for text in licences]
    lines += [f"- Terms of the data: {text}." for text in terms]
    listed = "\n".join(line.replace("..", ".") for line in lines)
    return (
        f"{_table(columns, rows)}\n\nScores are the published ones, the mean over the "
        f"tags.\n\n{listed}"
    )


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    write_pages()
