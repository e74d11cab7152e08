"""Runs that commit cbcdda0 began and that were stopped go on with today's code.

The folders were made on records as `tiny_records` has them, by

    resemul train --init-features 1 --alpha 1 --batch-size 8 --num-lr-decays 2 ...

`old_run_inverse_time` with `--epochs-per-stage 4 --epochs 9`, stopped in epoch 2 of
stage 0; `old_run_plateau` with `--epochs-per-stage 3 --epochs 9 --lr-schedule plateau
--plateau-patience 0 --patience none`, stopped in epoch 2 of stage 1.
"""

import csv
import tarfile
from pathlib import Path

import pytest

from resemul.checkpoints.model_file import open_model
from resemul.configs import InverseTime, Plateau, RunConfig, TrainConfig
from resemul.errors import TrainingError
from resemul.records import read_record_set
from resemul.training import train

DATA = Path(__file__).parent / "data"
MODEL = {"init_features": 1, "alpha": 1}


@pytest.fixture
def old_run(tmp_path):
    """Unpacks the folder of an old run."""

    def unpack(name):
        with tarfile.open(DATA / f"old_run_{name}.tar.xz") as archive:
            archive.extractall(tmp_path / "log", filter="data")
        return tmp_path / "log"

    return unpack


def run_with(**options):
    training = TrainConfig(batch_size=8, num_lr_decays=2, **options)
    return RunConfig(model_options=MODEL, training=training)


def rows_of(stage_dir):
    with (stage_dir / "training.csv").open() as file:
        return list(csv.DictReader(file))


def test_old_run_on_a_plateau_goes_on_where_it_was(tiny_records, old_run):
    train_dir = old_run("plateau")
    before = rows_of(train_dir / "0"), rows_of(train_dir / "1")
    assert [len(rows) for rows in before] == [3, 1]
    config = run_with(
        max_epochs_per_stage=3,
        max_epochs=9,
        schedule=Plateau(patience=0),
        patience=None,
    )
    result = train(config, read_record_set(tiny_records), train_dir)
    assert [stage["num_epochs"] for stage in result.stages] == [3, 3]
    after = rows_of(train_dir / "1")
    assert after[:1] == before[1]
    assert [row["epoch"] for row in after] == ["1", "2", "3"]
    assert rows_of(train_dir / "0") == before[0]
    # As the old code goes on, with the same momentum, order and dropout.
    assert float(after[1]["loss"]) == pytest.approx(0.9262, abs=5e-3)
    assert float(after[1]["val_loss"]) == pytest.approx(0.6390, abs=5e-3)
    # Epoch 2 made no progress.
    assert float(after[2]["lr"]) == pytest.approx(0.0004)
    assert open_model(train_dir / "best.keras")[1].thresholds


def test_old_run_with_other_options_is_refused_in_words(tiny_records, old_run):
    train_dir = old_run("inverse_time")
    config = run_with(max_epochs_per_stage=4, schedule=InverseTime(time_decay=0.5))
    message = r"other options \(schedule time_decay 1e-06 -> 0\.5\); use"
    with pytest.raises(TrainingError, match=message):
        train(config, read_record_set(tiny_records), train_dir)
