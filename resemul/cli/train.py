"""`resemul train`: records to a trained model."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resemul.cli.eval import add_metric
from resemul.cli.lr_range import add_lr_range, find_rate
from resemul.cli.options import (
    add_fields,
    add_trust,
    add_unused,
    fields_given,
    in_typed_words,
    start_for_model,
)
from resemul.cli.parser import new_parser
from resemul.cli.run_folder import add_run, run_folder
from resemul.cli.run_options import add_run_options, run_config
from resemul.cli.sources import add_sources, open_records
from resemul.configs import (
    LOADING_OPTIONS,
    DeviceConfig,
    TrainConfig,
    check_monitors,
    write_run,
)
from resemul.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras
    import tensorflow as tf

    from resemul.checkpoints.card import ModelCard
    from resemul.evaluation.metrics import Metric

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
        examples=[
            "resemul train --data-dir dataset --train-dir log",
            "resemul train --data-dir mine --train-dir log-fcn5 --model fcn5 --lr 5e-4",
        ],
    )
    add_sources(parser)
    parser.add_argument(
        "--train-dir",
        type=Path,
        default=Path("./log"),
        metavar="PATH",
        help="folder for checkpoints and logs",
    )
    add_run(parser)
    parser.add_argument(
        "--profile",
        type=_parse_steps,
        metavar="FIRST,LAST",
        help="record these steps of the first epoch for TensorBoard's profiler, such "
        "as 10,20",
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
    add_fields(parser.add_argument_group("devices"), DeviceConfig)
    add_lr_range(parser)
    add_metric(parser)
    add_unused(parser, "--num-audios-per-shard", type=int, metavar="N")
    add_unused(parser, "--num-segments-per-audio", type=int, metavar="N")
    return parser


def main(args: argparse.Namespace) -> int:
    """Trains, then prints the stages and where the best model is."""
    args.train_dir = run_folder(args.train_dir, args.run)
    devices = _devices(args)
    strategy = None
    if args.init_from and not args.save_config:
        strategy = _start(devices)
    source = _load(args.init_from, args.trust) if args.init_from else None
    config = run_config(args, source[1].model if source else None)
    if args.save_config:
        if source:
            of_source = {
                name: value
                for name, value in source[1].options.items()
                if name not in LOADING_OPTIONS
            }
            options = {**of_source, **config.model_options}
            config = replace(config, model_options=options)
        write_run(config, args.save_config)
        logger.info("%s is written; train with --config", args.save_config)
        return 0
    from resemul.runtime.memory import keep_freed_memory
    from resemul.runtime.tensorflow import describe_start, start_tensorflow

    keep_freed_memory()
    start_tensorflow()
    strategy = strategy or _start(devices)
    logger.info("precision %s; %s", config.training.precision, describe_start())
    from resemul.evaluation.metrics import find_metrics

    metrics = find_metrics(args.metric)
    with in_typed_words(TrainConfig):
        check_monitors(config.training, metrics)
    with open_records(args, config.model) as records:
        if args.lr_range:
            find_rate(args, config, records, source)
            return 0
        from resemul.training import is_first_process, train

        run = train(
            config,
            records,
            args.train_dir,
            source,
            overwrite=args.overwrite,
            metrics=metrics,
            callbacks=_callbacks(args),
            strategy=strategy,
        )
    if not is_first_process(strategy):
        return 0
    for stage in run.stages:
        print(_describe_stage(stage, run.card.split_name, metrics))
    print(f"best model: {run.best}")
    return 0


def _callbacks(args: argparse.Namespace) -> "list[keras.callbacks.Callback]":
    if args.profile is None:
        return []
    from resemul.training.profiling import ProfileSteps

    return [ProfileSteps(args.train_dir, *args.profile)]


def _parse_steps(text: str) -> tuple[int, int]:
    first, _, last = text.partition(",")
    try:
        steps = int(first), int(last or first)
    except ValueError:
        steps = 0, 0
    if not 1 <= steps[0] <= steps[1]:
        raise argparse.ArgumentTypeError(
            f"expected steps from 1, FIRST,LAST, such as 10,20; got {text!r}"
        )
    return steps


def _describe_stage(
    stage: dict[str, Any], split_name: str, metrics: "Mapping[str, Metric]"
) -> str:
    test, text = stage["test"], "no test clips"
    if test:
        scores = ", ".join(
            f"{metric.title} {test[f'test_{name}']:.4f}"
            for name, metric in metrics.items()
            if f"test_{name}" in test
        )
        text = f"test {scores} ({split_name}, {test['test_clips']} clips)"
    return (
        f"stage {stage['stage']}: {stage['optimizer']}, learning rate {stage['lr']:g}, "
        f"{stage['num_epochs']} epochs, val_loss {stage['val_loss']:.4f}, {text}"
    )


def _devices(args: argparse.Namespace) -> DeviceConfig:
    with in_typed_words(DeviceConfig):
        devices = DeviceConfig(**fields_given(args, DeviceConfig))
    if args.lr_range and devices.strategy != "one":
        raise ConfigError("--lr-range takes its steps on one device: drop --strategy")
    return devices


def _start(devices: DeviceConfig) -> "tf.distribute.Strategy | None":
    """What several devices compute by; must come before anything is computed."""
    if devices.strategy == "one":
        return None
    from resemul.runtime.tensorflow import start_tensorflow

    start_tensorflow()
    from resemul.training import start_strategy

    return start_strategy(devices)


def _load(path: Path, trust: bool) -> "tuple[keras.Model, ModelCard]":
    start_for_model(path)
    from resemul.checkpoints.model_file import open_model

    return open_model(path, trust=trust)
