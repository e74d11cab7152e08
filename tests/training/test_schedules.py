"""The schedules of the recipes: listed stages, plateaus, other monitors."""

import csv
import math

import pytest

from resemul.checkpoints.model_file import load_model
from resemul.configs import Constant, OneCycle, Plateau, Stage
from resemul.errors import ConfigError, TrainingError
from resemul.training.files import checkpoint_name, epoch_of, find_best_checkpoint

STAGES = (Stage("adam", 0.1, 3), Stage("sgd", 0.5, 2), Stage("sgd", 0.25, 2))
# Stage 0 is best at epoch 1. Stage 1, from epoch 2 on, is worse than that, and best
# at its first epoch.
LISTED = {
    **{(0, 0): 0.5, (0, 1): 0.3, (0, 2): 0.4},
    **{(1, 2): 0.35, (1, 3): 0.36},
    **{(2, 2): 0.2, (2, 3): 0.25, (2, 4): 0.25},
}
# One stage, with a plateau after epochs 1 and 5.
PLATEAU = {
    (0, i): x for i, x in enumerate([0.5, 0.4, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3])
}
ON_PLATEAUS = {
    "lr": 0.1,
    "schedule": Plateau(patience=1, factor=0.5),
    "patience": None,
    "num_lr_decays": 1,
    "max_epochs": 9,
}
# Two epochs without progress are waited for, at the rate that there is.
RATES = [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025]


def read_column(path, name):
    with path.open() as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def test_listed_stages_have_their_optimizers_rates_and_epochs(scripted_run):
    run = scripted_run(LISTED)
    result = run.train(stages=STAGES, patience=None, schedule=Constant())
    assert run.optimizers == ["adam", "sgd", "sgd"]
    assert run.rates == [0.1, 0.5, 0.25]
    assert [stage["num_epochs"] for stage in result.stages] == [3, 2, 2]
    assert [stage["optimizer"] for stage in result.stages] == ["adam", "sgd", "sgd"]


@pytest.mark.parametrize(
    ("start_from", "start", "first"),
    # The weight tells stage and epoch: 102 is that of stage 1, epoch 2.
    [("previous", 102.0, (2, 3)), ("best", 1.0, (2, 2))],
)
def test_third_stage_starts_from_the_previous_or_the_best(
    scripted_run, start_from, start, first
):
    run = scripted_run(LISTED)
    run.train(stages=STAGES, patience=None, start_from=start_from)
    assert run.started_from[3] == 1.0
    assert run.started_from[5] == start
    # Epochs are numbered on from the one whose weights a stage starts with.
    assert run.calls[5] == first


@pytest.mark.parametrize("stop_at", [(0, 1), (1, 2), (1, 3), (2, 2), (2, 3)])
def test_run_that_starts_from_the_best_may_be_stopped_anywhere(scripted_run, stop_at):
    options = {"stages": STAGES, "patience": None, "start_from": "best"}
    run = scripted_run(LISTED)
    run.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        run.train(**options)
    run.stop_at = None
    run.train(**options)
    assert run.calls == list(LISTED)[:-1]
    assert run.started_from[1:] == [0, 1, 1, 102, 1, 202]


def test_patience_ends_listed_stages_too(scripted_run):
    run = scripted_run(LISTED)
    run.train(stages=STAGES[:2], patience=0)
    assert run.calls == [(0, 0), (0, 1), (0, 2), (1, 2), (1, 3)]


def test_monitored_score_picks_the_best_epoch_of_stages_and_run(scripted_run):
    run = scripted_run(LISTED)
    run.roc_aucs = {(0, 2): 0.9, (1, 3): 0.8, (1, 4): 0.7, (2, 4): 0.6, (2, 5): 0.95}
    run.losses = dict.fromkeys([*run.roc_aucs, *LISTED], 0.3)
    result = run.train(
        stages=STAGES, patience=None, monitor="val_roc_auc", start_from="best"
    )
    # Of stage 0, epoch 2; so stage 1 has epochs 3 and 4, and is worse.
    assert run.calls[3:5] == [(1, 3), (1, 4)]
    assert run.started_from[5] == 2.0
    names = sorted(path.name for path in run.train_dir.glob("?/*.keras"))
    assert names == [
        "ckpt-e000-r0.5000.keras",
        "ckpt-e002-r0.9000.keras",
        "ckpt-e003-r0.5000.keras",
        "ckpt-e003-r0.8000.keras",
        "ckpt-e004-r0.6000.keras",
    ]
    model, card = load_model(result.best, trust=True)
    assert card.scores["val_roc_auc"] == 0.9
    assert model.get_weights()[0].item() == 2.0
    assert [stage["val_roc_auc"] for stage in result.stages] == [0.9, 0.8, 0.6]


def test_score_that_no_tag_has_ends_the_run_with_the_remedy(scripted_run):
    run = scripted_run(LISTED)
    run.roc_aucs = {(0, 0): math.nan}
    with pytest.raises(TrainingError, match=r"no val_roc_auc.*--monitor val_loss"):
        run.train(monitor="val_roc_auc")
    run.calls.clear()
    with pytest.raises(TrainingError, match="no val_roc_auc"):
        run.train(schedule=Plateau(monitor="val_roc_auc"))


def test_score_that_no_tag_has_does_not_matter_where_it_is_not_watched(scripted_run):
    run = scripted_run({(0, 0): 0.5})
    run.roc_aucs = {(0, 0): math.nan}
    assert run.train(max_epochs=1).best.exists()


def test_plateau_may_watch_a_score(scripted_run):
    run = scripted_run({(0, epoch): 0.5 for epoch in range(4)})
    run.roc_aucs = {(0, 0): 0.5, (0, 1): 0.6, (0, 2): 0.55, (0, 3): 0.55}
    schedule = Plateau(patience=0, factor=0.5, monitor="val_roc_auc")
    run.train(lr=1.0, schedule=schedule, max_epochs=4, patience=None)
    assert run.rates_of_epochs == [1, 1, 1, 0.5]


def test_monitor_that_is_not_computed_is_refused(scripted_run):
    run = scripted_run(PLATEAU)
    with pytest.raises(ConfigError, match="monitor must be one of val_loss, val_roc_"):
        run.train(monitor="loss")
    with pytest.raises(ConfigError, match="plateau_monitor must be one of val_loss, "):
        run.train(schedule=Plateau(monitor="val_f1"))
    assert run.calls == []


def test_plateaus_give_every_epoch_its_rate(scripted_run):
    run = scripted_run(PLATEAU)
    run.train(**ON_PLATEAUS)
    assert run.rates_of_epochs == pytest.approx(RATES)
    # Of one stage, which compiles once.
    assert run.rates == [0.1]
    written = read_column(run.train_dir / "0" / "training.csv", "lr")
    assert written == pytest.approx(RATES)


@pytest.mark.parametrize("stop_at", list(PLATEAU)[1:])
def test_run_stopped_on_a_plateau_goes_on_at_its_rates(scripted_run, stop_at):
    run = scripted_run(PLATEAU)
    run.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        run.train(**ON_PLATEAUS)
    run.stop_at = None
    run.train(**ON_PLATEAUS)
    assert run.rates_of_epochs == pytest.approx(RATES)
    assert run.calls == list(PLATEAU)


def test_each_stage_begins_with_its_own_rate_after_a_plateau(scripted_run):
    losses = dict.fromkeys([(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (1, 3)], 0.5)
    run = scripted_run(losses)
    run.train(
        stages=(Stage("adam", 0.1, 3), Stage("sgd", 1.0, 3)),
        patience=None,
        schedule=Plateau(patience=0, factor=0.5),
    )
    assert run.rates_of_epochs == pytest.approx([0.1, 0.1, 0.05, 1.0, 1.0, 0.5])


def test_one_cycle_does_not_go_on_at_another_length(scripted_run):
    cycle = {"schedule": OneCycle(), "patience": None, "num_lr_decays": 1}
    run = scripted_run(PLATEAU)
    run.train(**cycle, max_epochs_per_stage=2)
    with pytest.raises(TrainingError, match="max_epochs_per_stage 2 -> 3"):
        run.train(**cycle, max_epochs_per_stage=3)


def test_run_from_other_weights_in_the_same_folder_is_refused(scripted_run):
    run = scripted_run(PLATEAU)
    first = {"init_from": {"sha256": "1", "model": "one_weight"}}
    run.train(first, num_lr_decays=1, max_epochs=2)
    run.train(first, num_lr_decays=1, max_epochs=2)
    with pytest.raises(TrainingError, match=r"init_from 1 -> none"):
        run.train(num_lr_decays=1, max_epochs=2)


@pytest.mark.parametrize(
    ("letter", "value", "name"),
    [
        ("l", 0.12345, "ckpt-e007-l0.1235.keras"),
        ("l", 12.0, "ckpt-e007-l12.0000.keras"),
        ("r", 0.9, "ckpt-e007-r0.9000.keras"),
        ("p", 1.0, "ckpt-e007-p1.0000.keras"),
    ],
)
def test_checkpoint_is_named_for_its_epoch_and_monitor(letter, value, name, tmp_path):
    assert checkpoint_name(7, letter, value) == name
    (tmp_path / name).touch()
    assert epoch_of(find_best_checkpoint(tmp_path)) == 7


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["e000-l0.5000", "e001-l0.0900", "e002-l10.0000"], "e001-l0.0900"),
        (["e000-r0.5000", "e001-r0.9000", "e002-r0.8000"], "e001-r0.9000"),
        (["e003-p0.2500", "e005-p0.2500", "e001-p0.1000"], "e005-p0.2500"),
    ],
)
def test_best_checkpoint_is_the_lowest_loss_or_the_highest_score(tmp_path, names, best):
    for name in names:
        (tmp_path / f"ckpt-{name}.keras").touch()
    assert find_best_checkpoint(tmp_path).name == f"ckpt-{best}.keras"


def test_file_that_only_looks_like_a_checkpoint_is_named(tmp_path):
    (tmp_path / "ckpt-e000-mine.keras").touch()
    with pytest.raises(
        TrainingError, match=r"mine\.keras is not named like a checkpoint"
    ):
        find_best_checkpoint(tmp_path)
