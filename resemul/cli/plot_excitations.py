"""`resemul plot-excitations`: the figures of the excitation analysis, as PNG files."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import (
    add_data_dir,
    add_records_dir,
    add_trust,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.errors import ConfigError, DatasetError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# The tags that the published notebook compares at the first block.
_COMPARED_TAGS = ("classical", "metal", "dance")


def build_parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = new_parser(
        "Draws the mean excitations per tag of the first, middle and last block, "
        "those of a few tags in the first block, and the spread of the tags in "
        "every block.",
        "Prefer Parquet files; only open a pickle that you made yourself.",
        (
            "resemul plot-excitations excitations.parquet --out-dir figures",
            "resemul plot-excitations excitations.parquet --tags rock,piano --model "
            "log/best.keras",
        ),
    )
    parser.add_argument(
        "path",
        type=Path,
        metavar="EXCITATIONS",
        help="a .parquet or .pkl file that 'resemul excitations' wrote",
    )
    parser.add_argument(
        "--out-dir",
        type=Path,
        default=Path("./figures"),
        metavar="PATH",
        help="folder for the PNG files",
    )
    parser.add_argument(
        "--tags",
        metavar="A,B,C",
        help="tags to compare in the first block (default: "
        f"{','.join(_COMPARED_TAGS)}, or else the first three)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="PATH",
        help="a .keras file or a published name; adds the figure of excitation "
        "against loudness, which needs the records in --data-dir",
    )
    add_data_dir(parser)
    add_records_dir(parser)
    add_trust(parser)
    return parser


def main(args: argparse.Namespace) -> None:
    """Draws, writes and prints the paths and the numbers behind them."""
    from resemul.excitations import load_excitations, mean_by_tag, spread_by_depth

    try:
        args.out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{args.out_dir} cannot be made a folder: {error.strerror}"
        ) from error
    means = mean_by_tag(load_excitations(args.path))
    if means.empty:
        raise DatasetError(f"{args.path} has no clip with a tag; nothing can be drawn")
    for name, figure in _draw_means(means, _choose_tags(args.tags, means)).items():
        _save(figure, args.out_dir / name)
    spread = " ".join(f"{value:.4f}" for value in spread_by_depth(means))
    print(f"standard deviation over tags, by block: {spread}")
    if args.model is not None:
        _save(_draw_loudness(args), args.out_dir / "loudness.png")


def _choose_tags(text: str | None, means: "pd.DataFrame") -> list[str]:
    known = list(dict.fromkeys(means["tag"]))
    if text is None:
        return [tag for tag in _COMPARED_TAGS if tag in known] or known[:3]
    return [tag.strip() for tag in text.split(",")]


def _draw_means(means: "pd.DataFrame", tags: list[str]) -> dict[str, "Figure"]:
    from resemul.excitations.plots import plot_excitations, plot_spread

    depths = sorted(set(means["depth"]))
    figures = {"excitations_tags.png": plot_excitations(means, depths[0], tags)}
    for depth in (depths[0], depths[len(depths) // 2], depths[-1]):
        figures[f"excitations_block{depth + 1}.png"] = plot_excitations(means, depth)
    return {**figures, "spread.png": plot_spread(means)}


def _draw_loudness(args: argparse.Namespace) -> "Figure":
    start_for_model(args.model)  # before anything imports TensorFlow
    from resemul.checkpoints.card import check_fits
    from resemul.checkpoints.model_file import open_model
    from resemul.evaluation.clips import scoring_clips, scoring_scheme
    from resemul.excitations import loudness_slopes, measure_loudness
    from resemul.excitations.plots import plot_loudness
    from resemul.excitations.table import describe
    from resemul.records import read_record_set

    model, card = open_model(args.model, trust=args.trust)
    records = read_record_set(args.data_dir, args.records_dir)
    check_fits(card, records)
    clips = scoring_clips(
        records, "test", card.num_samples, "loudness", *scoring_scheme(card)
    )
    measured = measure_loudness(model, clips)
    fit = loudness_slopes(measured)
    about = {
        "model": args.model.name,
        "split_name": records.split_name,
        "num_clips": records.num_clips["test"],
    }
    print(
        f"Block 1, {len(measured.loudness_db)} segments: {fit.num_positive} "
        f"channels rise with loudness, {fit.num_negative} fall"
    )
    return plot_loudness(measured, fit, describe(about))


def _save(figure: "Figure", path: Path) -> None:
    from resemul.runtime.outputs import output

    with output(path, "wb") as file:
        figure.savefig(file, format="png")
    print(path)
