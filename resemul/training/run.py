"""A training as a whole, by one call."""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from resemul.checkpoints.card import ModelCard, write_card
from resemul.checkpoints.model_file import load_model, open_model
from resemul.configs import RunConfig, TrainConfig, check_monitors
from resemul.evaluation.clips import scoring_clips
from resemul.evaluation.metrics import METRICS, Metric
from resemul.evaluation.scores import evaluate
from resemul.evaluation.thresholds import fit_thresholds
from resemul.export.exporting import export_beside
from resemul.prediction.precision import choose_precision
from resemul.records import RecordSet
from resemul.training.checks import require_splits
from resemul.training.files import delete_run, only_run_in
from resemul.training.leading import end_run, follow, leading
from resemul.training.logs import write_summary
from resemul.training.replica_epochs import ReplicaEpochRunner
from resemul.training.replica_layers import check_replicable
from resemul.training.replicas import Replicas
from resemul.training.resume import as_json, describe_run
from resemul.training.stages import TrainingRun, train_in_stages
from resemul.training.start import prepare_model

logger = logging.getLogger(__name__)

Source = tuple[keras.Model, ModelCard]


def train(
    config: RunConfig,
    records: RecordSet,
    train_dir: Path,
    init_from: Path | str | Source | None = None,
    *,
    overwrite: bool = False,
    metrics: Mapping[str, Metric] = METRICS,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
) -> TrainingRun:
    """Trains a model, scores each stage on the test split, and fits thresholds.

    A run that is in `train_dir` goes on after its last whole epoch. The best model
    ends up there as `best.keras`, with its card, and as `best.onnx` where it can.

    Args:
        config: which model, with which options, by which recipe.
        records: what to train, validate and test on; without a test split there are
            no test scores.
        train_dir: folder of the run, made if it is not there.
        init_from: a model to begin with and its card, its file, or a published name;
            see `prepare_model`.
        overwrite: delete the run that is in `train_dir`, and begin anew.
        metrics: what to score by; `monitor` may be one of them.
        callbacks: of Keras, called in every epoch; such as `ProfileSteps`.
        strategy: several devices, by `start_strategy`; None for one. Of several
            processes, which all call this, the first one writes and scores, and only
            its `train_dir` and `callbacks` are used; all return the same.

    Raises:
        ConfigError: an option cannot work, with these records, `init_from`, `strategy`.
        DatasetError: the records do not fit the model, or lack a split.
        TrainingError: the folder holds another run, or another process trains in it;
            the loss became NaN; or a file cannot be written.
    """
    check_monitors(config.training, metrics)
    require_splits(records)
    keras.utils.set_random_seed(config.training.seed)
    source = _open(init_from)
    model, card = prepare_model(config, records, source)
    logger.info(
        "%s, %d parameters; %s: %s segments",
        config.model,
        model.count_params(),
        records.split_name,
        " / ".join(f"{n:,}" for n in records.num_segments.values()),
    )
    run = partial(
        _train_and_finish,
        model,
        card,
        records,
        Path(train_dir),
        config.training,
        overwrite,
        metrics,
        callbacks,
    )
    if strategy is None:
        return run(None)
    check_replicable(model)
    replicas = Replicas(strategy, config.training.batch_size)
    as_described = dataclasses.replace(card, training=as_json(config.training))
    described = {
        **describe_run(as_described, records),
        "records_sha256": _hash_of(records),
    }

    def make_runner(precision: str) -> ReplicaEpochRunner:
        training = dataclasses.replace(config.training, precision=precision)
        return ReplicaEpochRunner(model, records, training, metrics, replicas=replicas)

    with replicas.lost_processes_named():
        if not replicas.is_leader:
            return follow(replicas, described, make_runner)
        precision = choose_precision(config.training.precision)
        with leading(replicas, described, precision):
            result = run(replicas)
            end_run(replicas, result)
        return result


def _hash_of(records: RecordSet) -> str:
    """Differs where the shards do, as far as their manifest tells."""
    return hashlib.sha256(json.dumps(records.sha256).encode()).hexdigest()


def _train_and_finish(
    model: keras.Model,
    card: ModelCard,
    records: RecordSet,
    train_dir: Path,
    config: TrainConfig,
    overwrite: bool,
    metrics: Mapping[str, Metric],
    callbacks: Sequence[keras.callbacks.Callback],
    replicas: Replicas | None,
) -> TrainingRun:
    """The run as one process does it, or leads it."""
    with only_run_in(train_dir):
        if overwrite:
            delete_run(train_dir)
        evaluate_stage = partial(
            score_on_test, config=config, records=records, metrics=metrics
        )
        run = train_in_stages(
            model,
            card,
            records,
            train_dir,
            config,
            evaluate_stage,
            metrics,
            callbacks,
            replicas,
        )
        run = _finish(run, records)
        # For tagging without TensorFlow; one that is done is left.
        export_beside(run.best)
        return run


def _open(init_from: Path | str | Source | None) -> Source | None:
    return open_model(init_from) if isinstance(init_from, Path | str) else init_from


def score_on_test(
    model: keras.Model,
    config: TrainConfig,
    records: RecordSet,
    metrics: Mapping[str, Metric] = METRICS,
) -> dict[str, float]:
    """Scores of the test split, clip by clip as in the validation; {} without one."""
    if not records.num_segments["test"]:
        return {}
    model = records.part_of(model)
    clips = scoring_clips(
        records,
        "test",
        int(model.input_shape[-1]),
        "test",
        config.validation,
        config.num_chunks,
    )
    scores = evaluate(model, clips, records.tags, metrics=metrics)
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


def _finish(run: TrainingRun, records: RecordSet) -> TrainingRun:
    """Adds to the best model what follows from it, unless that is done."""
    if run.card.thresholds:
        return run
    options = {"model": run.card.model, **run.card.options, **run.card.training}
    write_summary(run.best.parent, options, run.card.scores)
    model, card = load_model(run.best, trust=True)
    thresholds = fit_thresholds(model, records).by_tag
    card = dataclasses.replace(card, thresholds=thresholds)
    write_card(card, run.best)
    return dataclasses.replace(run, card=card)
