"""`resemul train`: records to a trained model."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.cli.options import add_data_dir, add_from_audio, add_unused, new_parser
from resemul.cli.sources import open_records
from resemul.configs import BLOCK_NAMES, SampleCNNConfig, TrainConfig

if TYPE_CHECKING:
    from resemul.records import RecordSet

logger = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul train`."""
    parser = new_parser(
        "Trains a sample-level CNN with staged SGD on the shards in "
        "<data-dir>/tfrecord; the best model ends up in <train-dir>/best.keras.",
        "A stopped run goes on after its last whole epoch when the same command is "
        "given again.",
    )
    add_data_dir(parser)
    add_from_audio(parser)
    parser.add_argument(
        "--train-dir",
        type=Path,
        default=Path("./log"),
        metavar="PATH",
        help="folder for checkpoints and logs",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the run that is in --train-dir and begin anew",
    )
    _add_model_options(parser)
    _add_schedule_options(parser)
    add_unused(parser, "--num-audios-per-shard", type=int, metavar="N")
    add_unused(parser, "--num-segments-per-audio", type=int, metavar="N")
    return parser


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--block", default=SampleCNNConfig.block, choices=BLOCK_NAMES, help="kind"
    )
    group.add_argument(
        "--no-multi",
        action="store_true",
        help="classify from the last block alone, not from the last three",
    )
    group.add_argument(
        "--alpha",
        type=int,
        default=SampleCNNConfig.alpha,
        metavar="A",
        help="amplifying ratio of the excitations",
    )
    group.add_argument(
        "--init-features",
        type=int,
        default=SampleCNNConfig.init_features,
        metavar="N",
        help="channels of the first blocks; fewer make a smaller, faster model",
    )
    group.add_argument(
        "--dropout",
        type=float,
        default=SampleCNNConfig.dropout,
        metavar="RATE",
        help="before the last layer",
    )
    group.add_argument(
        "--weight-decay",
        type=float,
        default=SampleCNNConfig.weight_decay,
        metavar="WD",
        help="L2 penalty on the kernels of the convolutions",
    )


# Flag, type, name in TrainConfig, help.
_SCHEDULE_OPTIONS: list[tuple[str, type, str, str]] = [
    ("--batch-size", int, "batch_size", "segments in a batch"),
    ("--lr", float, "lr", "learning rate of stage 0"),
    ("--lr-decay", float, "lr_decay", "factor from one stage's rate to the next's"),
    ("--momentum", float, "momentum", "of SGD, with Nesterov's correction"),
    ("--initial-stage", int, "initial_stage", "stage to start at"),
    ("--num-lr-decays", int, "num_lr_decays", "number of stages"),
    (
        "--patience",
        int,
        "patience",
        "a stage ends after this many epochs plus one without a lower loss",
    ),
    ("--epochs", int, "max_epochs", "epochs of all stages together, at most"),
    (
        "--epochs-per-stage",
        int,
        "max_epochs_per_stage",
        "epochs of one stage, at most (default: no limit)",
    ),
    (
        "--steps-per-epoch",
        int,
        "steps_per_epoch",
        "batches in an epoch (default: one pass over the records)",
    ),
    ("--num-read-threads", int, "num_read_threads", "shards read at a time"),
    (
        "--shuffle-buffer",
        int,
        "shuffle_buffer",
        "segments to draw batches from, 236 kB of memory each",
    ),
    (
        "--precision",
        str,
        "precision",
        "of the steps: float32, mixed_bfloat16, or auto, by what the machine does fast",
    ),
    ("--seed", int, "seed", "of weights, order and dropout"),
]


def _add_schedule_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("schedule")
    for flag, kind, name, text in _SCHEDULE_OPTIONS:
        default = getattr(TrainConfig, name)
        group.add_argument(
            flag,
            type=kind,
            dest=name,
            # None is not worth showing as a default.
            default=argparse.SUPPRESS if default is None else default,
            metavar={float: "X", int: "N", str: "NAME"}[kind],
            help=text,
        )


def main(args: argparse.Namespace) -> int:
    """Trains, then prints the stages and where the best model is."""
    model_config = SampleCNNConfig(
        block=args.block,
        multi=not args.no_multi,
        alpha=args.alpha,
        init_features=args.init_features,
        dropout=args.dropout,
        weight_decay=args.weight_decay,
    )
    names = [name for _, _, name, _ in _SCHEDULE_OPTIONS]
    config = TrainConfig(**{k: v for k, v in vars(args).items() if k in names})
    from resemul.quiet import import_tensorflow

    import_tensorflow(spare_extras=True)
    with open_records(args.data_dir, args.from_audio, args.num_workers) as records:
        run = _train(args, model_config, config, records)
    for stage in run.stages:
        test = stage["test"]
        print(
            f"stage {stage['stage']}: learning rate {stage['lr']:g}, "
            f"{stage['num_epochs']} epochs, val_loss {stage['val_loss']:.4f}, "
            f"test ROC AUC {test['test_roc_auc']:.4f}, "
            f"PR AUC {test['test_pr_auc']:.4f} "
            f"({run.card.split_name}, {test['test_clips']} clips)"
        )
    print(f"best model: {run.best}")
    return 0


def _train(
    args: argparse.Namespace,
    model_config: SampleCNNConfig,
    config: TrainConfig,
    records: "RecordSet",
) -> Any:
    from dataclasses import asdict, replace

    import keras

    from resemul.checkpoints import ModelCard
    from resemul.evaluation import evaluate
    from resemul.models import build_model
    from resemul.records import load_clips
    from resemul.training import delete_run, train_in_stages

    model_config = replace(
        model_config,
        sample_rate=records.sample_rate,
        num_samples=records.num_samples,
    )
    if args.overwrite:
        delete_run(args.train_dir)
    keras.utils.set_random_seed(config.seed)
    model = build_model("sample_cnn", len(records.tags), **asdict(model_config))
    card = ModelCard(
        model="sample_cnn",
        options=asdict(model_config),
        tags=list(records.tags),
        sample_rate=records.sample_rate,
        num_samples=records.num_samples,
        dataset=records.dataset,
        split_name=records.split_name,
        num_clips=records.num_clips,
    )

    def evaluate_stage(trained: keras.Model) -> dict[str, float]:
        clips = load_clips(records).as_numpy_iterator()
        scores = evaluate(trained, clips, records.tags)
        logger.info(
            "test (%s, %d clips): ROC AUC %.4f  PR AUC %.4f",
            records.split_name,
            scores.num_clips,
            scores.roc_auc,
            scores.pr_auc,
        )
        return {
            "test_roc_auc": scores.roc_auc,
            "test_pr_auc": scores.pr_auc,
            "test_clips": scores.num_clips,
        }

    logger.info(
        "%s, %d parameters; %s: %s segments",
        model_config.block + ("" if model_config.multi else ", no multi"),
        model.count_params(),
        records.split_name,
        " / ".join(f"{n:,}" for n in records.num_segments.values()),
    )
    return train_in_stages(model, card, records, args.train_dir, config, evaluate_stage)
