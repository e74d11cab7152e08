"""`resemul pretrained`: list and fetch published models."""

import argparse

from resemul.cli.parser import new_parser


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul pretrained`."""
    parser = new_parser(
        "Lists the published models, or fetches some of them and turns them into "
        ".keras files.",
        epilog="They are kept in RESEMUL_HOME, or in the user's cache folder. "
        "RESEMUL_OFFLINE=1 forbids to fetch any.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="show what there is")
    download = actions.add_parser("download", help="fetch, check and convert")
    download.add_argument("names", nargs="+", metavar="NAME", help="as in the list")
    return parser


def main(args: argparse.Namespace) -> None:
    """Prints the list, or where the models are."""
    if args.action == "list":
        _print_list()
    else:
        _download(args.names)


def _print_list() -> None:
    from resemul.weights.pretrained import pretrained_folder
    from resemul.weights.registry import DATA_TERMS, PRETRAINED

    rows = [("NAME", "MODEL", "DATA", "ROC AUC", "HERE")]
    for entry in PRETRAINED.values():
        score = "-" if entry.roc_auc is None else f"{entry.roc_auc:.4f}"
        path = pretrained_folder() / f"{entry.name}.keras"
        here = "yes" if path.exists() else "no"
        rows.append((entry.name, entry.model, entry.dataset, score, here))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    print("\nROC AUC: published, on the test split of the data. Terms of the data:")
    for name, terms in DATA_TERMS.items():
        print(f"  {name}: {terms}")


def _download(names: list[str]) -> None:
    from resemul.weights.pretrained import find_pretrained

    # A misspelt last name is told before the first one takes minutes.
    entries = [find_pretrained(name) for name in names]
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    from resemul.checkpoints.model_file import install_pretrained

    for entry in entries:
        path = install_pretrained(entry.name)
        print(f"{path}: {entry.model}; {entry.data_terms}; licence: {entry.licence}")
