"""`resemul train`: records to a trained model."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from resemul.cli.options import (
    add_data_dir,
    add_from_audio,
    add_trust,
    add_unused,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.cli.run_options import add_run_options, run_config
from resemul.cli.sources import open_records
from resemul.configs import RunConfig, write_run

if TYPE_CHECKING:
    import keras

    from resemul.checkpoints.card import ModelCard
    from resemul.records import RecordSet
    from resemul.training import TrainingRun

logger = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """The options of `resemul train`."""
    parser = new_parser(
        "Trains a model on the shards in <data-dir>/tfrecord: a sample-level CNN with "
        "staged SGD, or --model by the recipe that it was published with. The best "
        "model ends up in <train-dir>/best.keras.",
        "A stopped run goes on after its last whole epoch when the same command is "
        "given again. Values in parentheses are those of the default model and "
        "recipe; --model NAME --save-config FILE shows those of another.",
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
    parser.add_argument(
        "--init-from",
        type=Path,
        metavar="MODEL",
        help="begin with the weights of a trained or published model; its last layer "
        "is kept if the records have the same tags, else it is new",
    )
    add_trust(parser)
    add_run_options(parser)
    add_unused(parser, "--num-audios-per-shard", type=int, metavar="N")
    add_unused(parser, "--num-segments-per-audio", type=int, metavar="N")
    return parser


def main(args: argparse.Namespace) -> int:
    """Trains, then prints the stages and where the best model is."""
    source = _load(args.init_from, args.trust) if args.init_from else None
    config = run_config(args, source[1].model if source else None)
    if args.save_config:
        if source:
            options = {**source[1].options, **config.model_options}
            config = replace(config, model_options=options)
        write_run(config, args.save_config)
        logger.info("%s is written; train with --config", args.save_config)
        return 0
    from resemul.runtime.memory import keep_freed_memory
    from resemul.runtime.tensorflow import start_tensorflow

    keep_freed_memory()
    start_tensorflow()
    with open_records(
        args.data_dir, args.from_audio, args.num_workers, config.model
    ) as records:
        run = _train(args, config, records, source)
    for stage in run.stages:
        test = stage["test"]
        print(
            f"stage {stage['stage']}: {stage['optimizer']}, learning rate "
            f"{stage['lr']:g}, {stage['num_epochs']} epochs, "
            f"val_loss {stage['val_loss']:.4f}, "
            f"test ROC AUC {test['test_roc_auc']:.4f}, "
            f"PR AUC {test['test_pr_auc']:.4f} "
            f"({run.card.split_name}, {test['test_clips']} clips)"
        )
    print(f"best model: {run.best}")
    return 0


def _load(path: Path, trust: bool) -> "tuple[keras.Model, ModelCard]":
    start_for_model(path)
    from resemul.checkpoints.model_file import open_model

    return open_model(path, trust=trust)


def _train(
    args: argparse.Namespace,
    config: RunConfig,
    records: "RecordSet",
    source: "tuple[keras.Model, ModelCard] | None",
) -> "TrainingRun":
    import keras

    from resemul.training import delete_run, prepare_model, train_in_stages

    keras.utils.set_random_seed(config.training.seed)
    model, card = prepare_model(config, records, source)
    if args.overwrite:
        delete_run(args.train_dir)
    logger.info(
        "%s, %d parameters; %s: %s segments",
        config.model,
        model.count_params(),
        records.split_name,
        " / ".join(f"{n:,}" for n in records.num_segments.values()),
    )

    def evaluate_stage(trained: keras.Model) -> dict[str, float]:
        return _score(trained, config, records)

    run = train_in_stages(
        model, card, records, args.train_dir, config.training, evaluate_stage
    )
    _fit_thresholds(run.best, records)
    return run


def _fit_thresholds(path: Path, records: "RecordSet") -> None:
    from resemul.checkpoints.card import write_card
    from resemul.checkpoints.model_file import load_model
    from resemul.evaluation.thresholds import fit_thresholds

    model, card = load_model(path, trust=True)  # this run wrote it
    write_card(replace(card, thresholds=fit_thresholds(model, records).by_tag), path)


def _score(
    model: "keras.Model", config: RunConfig, records: "RecordSet"
) -> dict[str, float]:
    from resemul.audio.segments import segment_clips
    from resemul.evaluation.scores import evaluate
    from resemul.records import iterate_clips

    clips = segment_clips(
        iterate_clips(records),
        model.input_shape[-1],
        config.training.validation,
        config.training.num_chunks,
    )
    scores = evaluate(model, clips, records.tags)
    logger.info(
        "test (%s, %d clips): %s",
        records.split_name,
        scores.num_clips,
        scores.describe(),
    )
    return {
        **{f"test_{name}": value for name, value in scores.macro.items()},
        "test_clips": scores.num_clips,
    }
