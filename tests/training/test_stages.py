"""The schedule: patience, stages, epoch numbers, resuming."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from resemul.checkpoints.card import read_card, write_card
from resemul.checkpoints.model_file import load_model
from resemul.configs import InverseTime
from resemul.errors import DatasetError, TrainingError
from resemul.training import files, stages
from resemul.training.state import STATE_FILE, load_state

# Stage 0: best at epoch 1, then three epochs without a lower loss. Stage 1 goes on
# from there with epoch 2, and is better; stage 2 is worse.
LOSSES = {
    **{(0, 0): 0.5, (0, 1): 0.4, (0, 2): 0.41, (0, 3): 0.4, (0, 4): 0.42},
    **{(1, 2): 0.35, (1, 3): 0.3, (1, 4): 0.31, (1, 5): 0.31, (1, 6): 0.31},
    **{(2, 4): 0.45, (2, 5): 0.46, (2, 6): 0.46, (2, 7): 0.46},
}
EPOCHS = list(LOSSES)


def test_stage_ends_after_patience_plus_one_epochs_without_a_lower_loss(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1, patience=2)
    # An equal loss (epoch 3) is no improvement.
    assert run.calls == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]


def test_patience_0_ends_a_stage_at_the_first_epoch_without_a_lower_loss(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1, patience=0)
    assert run.calls == [(0, 0), (0, 1), (0, 2)]


def test_each_stage_starts_from_the_best_epoch_of_the_one_before(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=3)
    assert run.calls == EPOCHS
    first_of_stage = {
        stage: start
        for (stage, _), start in reversed(
            list(zip(run.calls, run.started_from, strict=True))
        )
    }
    assert first_of_stage[1] == 1  # stage 0, epoch 1
    assert first_of_stage[2] == 103  # stage 1, epoch 3


def test_each_stage_has_a_fifth_of_the_rate_before(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=3)
    np.testing.assert_allclose(run.rates, [0.01, 0.002, 0.0004])


def test_test_set_is_scored_with_the_best_weights_not_the_last(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=3)
    assert run.evaluated == [1, 103, 204]


def test_best_model_is_the_best_of_all_stages(scripted_run):
    run = scripted_run(LOSSES)
    result = run.train(num_lr_decays=3)
    model, card = load_model(result.best, trust=True)
    assert model.get_weights()[0].item() == 103
    assert card.scores["val_loss"] == 0.3
    assert card.scores["test_roc_auc"] == 0.5
    assert card.tags == ["loud"]
    assert result.best.name == "best.keras"


def test_checkpoints_are_written_only_for_lower_losses_and_count_from_0(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1)
    names = sorted(path.name for path in (run.train_dir / "0").glob("*.keras"))
    assert names == ["ckpt-e000-l0.5000.keras", "ckpt-e001-l0.4000.keras"]
    assert read_card(run.train_dir / "0" / names[1]).scores["val_loss"] == 0.4


def test_training_csv_has_a_line_per_epoch(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=2)
    with (run.train_dir / "1" / "training.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["2", "3", "4", "5", "6"]
    assert float(rows[1]["val_loss"]) == 0.3
    assert float(rows[0]["lr"]) == pytest.approx(0.002)
    assert list((run.train_dir / "1").glob("events.out.tfevents.*"))


def test_epochs_are_limited_over_all_stages(scripted_run):
    run = scripted_run(LOSSES)
    result = run.train(num_lr_decays=3, max_epochs=3)
    # Stage 1 would go on from epoch 1, but three epochs were run.
    assert run.calls == [(0, 0), (0, 1), (0, 2)]
    assert [stage["stage"] for stage in result.stages] == [0]


@pytest.mark.parametrize("max_epochs", [1, 3, 6, 9])
def test_as_many_epochs_are_run_as_are_asked_for(scripted_run, max_epochs):
    run = scripted_run(LOSSES)
    result = run.train(num_lr_decays=3, max_epochs=max_epochs)
    assert len(run.calls) == max_epochs
    assert sum(stage["num_epochs"] for stage in result.stages) == max_epochs


def test_epochs_are_limited_per_stage(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=2, max_epochs_per_stage=2)
    assert run.calls == [(0, 0), (0, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize("stop_at", EPOCHS)
def test_stopped_run_goes_on_where_it_was(scripted_run, stop_at):
    run = scripted_run(LOSSES)
    run.stop_at = stop_at
    with pytest.raises(KeyboardInterrupt):
        run.train(num_lr_decays=3)
    run.stop_at = None
    result = run.train(num_lr_decays=3)
    assert run.calls == EPOCHS
    assert [stage["num_epochs"] for stage in result.stages] == [5, 5, 4]
    # Every epoch found the weights that the epoch before it left.
    expected = [0, 1, 2, 3, 1, 102, 103, 104, 105, 103, 204, 205, 206]
    assert run.started_from[1:] == expected


def test_run_stopped_before_the_test_is_scored_scores_it_then(
    scripted_run, monkeypatch
):
    run = scripted_run(LOSSES)

    def stopped(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stages._Trainer, "_end_stage", stopped)
        with pytest.raises(KeyboardInterrupt):
            run.train(num_lr_decays=1)
    result = run.train(num_lr_decays=1)
    assert run.calls == EPOCHS[:5]
    assert len(result.stages) == 1


def test_finished_run_is_not_run_again(scripted_run):
    run = scripted_run(LOSSES)
    first = run.train(num_lr_decays=2)
    second = run.train(num_lr_decays=2)
    assert run.calls == EPOCHS[:10]
    assert second.stages == first.stages


def test_finished_run_goes_on_when_more_stages_are_asked_for(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=2)
    run.train(num_lr_decays=3)
    assert run.calls == EPOCHS


def test_other_options_in_the_same_folder_are_refused_by_name(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1)
    with pytest.raises(TrainingError, match=r"lr 0\.01 -> 0\.1.*--overwrite"):
        run.train(num_lr_decays=1, lr=0.1)


def test_checkpoints_without_a_state_are_refused(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1)
    (run.train_dir / STATE_FILE).unlink()
    with pytest.raises(TrainingError, match=f"without its {STATE_FILE}"):
        run.train(num_lr_decays=1)


def test_initial_stage_starts_from_the_checkpoints_of_the_stage_before(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1)
    (run.train_dir / STATE_FILE).unlink()
    run.train(num_lr_decays=2, initial_stage=1)
    assert run.calls[5:] == EPOCHS[5:10]
    assert run.started_from[5] == 1


def test_initial_stage_without_checkpoints_is_refused(scripted_run):
    run = scripted_run(LOSSES)
    with pytest.raises(TrainingError, match=r"log/0 has no checkpoints, and the next"):
        run.train(initial_stage=1)


def test_validation_loss_that_is_no_number_stops_with_a_message(scripted_run):
    run = scripted_run({**LOSSES, (0, 2): float("nan")})
    with pytest.raises(TrainingError, match=r"stage 0 epoch 2: .* nan; try a lower"):
        run.train()
    # What was finished is kept.
    assert load_state(run.train_dir).epoch == 2


def test_train_dir_below_a_file_is_refused(scripted_run, tmp_path):
    run = scripted_run(LOSSES)
    (tmp_path / "file").write_text("")
    run.train_dir = tmp_path / "file" / "log"
    with pytest.raises(TrainingError, match="cannot be made: Not a directory"):
        run.train()


def test_full_disk_names_the_file_and_keeps_the_epoch_before(scripted_run, monkeypatch):
    run = scripted_run(LOSSES)
    run.stop_at = (0, 1)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    run.stop_at = None

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(TrainingError, match=r"run\.npz.*No space left on device"):
            run.train()
    assert load_state(run.train_dir).epoch == 1
    assert not list(run.train_dir.glob(".*.part"))


def test_state_file_of_something_else_is_refused(scripted_run):
    run = scripted_run(LOSSES)
    run.train_dir.mkdir()
    (run.train_dir / STATE_FILE).write_text("not a zip file")
    with pytest.raises(TrainingError, match="is not the state of a run"):
        run.train()


def test_delete_run_leaves_other_files_alone(scripted_run):
    run = scripted_run(LOSSES)
    run.train(num_lr_decays=1)
    (run.train_dir / "notes.txt").write_text("mine")
    (run.train_dir / "2026").mkdir()
    files.delete_run(run.train_dir)
    assert sorted(path.name for path in run.train_dir.iterdir()) == [
        "2026",
        "notes.txt",
    ]


def test_best_checkpoint_is_found_by_name_whatever_the_folder_is_called(tmp_path):
    folder = tmp_path / "e3-l0.0001"
    folder.mkdir()
    for name in ("e000-l0.5000", "e007-l0.1000", "e012-l0.1000", "e013-l0.2000"):
        (folder / f"ckpt-{name}.keras").touch()
    best = files.find_best_checkpoint(folder)
    # Only an improvement is saved, so of two that round alike the later is better.
    assert best.name == "ckpt-e012-l0.1000.keras"
    assert files.epoch_of(best) == 12


def test_card_of_a_trained_model_says_how_it_was_trained(scripted_run):
    run = scripted_run(LOSSES)
    result = run.train(num_lr_decays=1, seed=3)
    card = json.loads((run.train_dir / "best.json").read_text())
    assert card["training"]["lr"] == 0.01
    assert card["seed"] == 3
    assert card["sha256"] == result.card.sha256


def test_run_stopped_in_its_first_save_goes_on(scripted_run, monkeypatch):
    run = scripted_run(LOSSES)
    save_state = stages.save_state

    def stopped(state, variables, train_dir):
        if state.rows:
            raise KeyboardInterrupt
        save_state(state, variables, train_dir)

    with monkeypatch.context() as patch:
        patch.setattr(stages, "save_state", stopped)
        with pytest.raises(KeyboardInterrupt):
            run.train(num_lr_decays=1)
    assert list((run.train_dir / "0").glob("ckpt-e000-*"))
    run.train(num_lr_decays=1)
    # The first epoch is run again, as its end was not kept.
    assert run.calls == [EPOCHS[0], *EPOCHS[:5]]


def test_checkpoint_of_an_epoch_that_was_not_kept_is_not_the_best(
    scripted_run, monkeypatch
):
    run = scripted_run(LOSSES)
    save_state = stages.save_state

    def stopped(state, variables, train_dir):
        if len(state.rows) == 2:
            raise KeyboardInterrupt
        save_state(state, variables, train_dir)

    with monkeypatch.context() as patch:
        patch.setattr(stages, "save_state", stopped)
        with pytest.raises(KeyboardInterrupt):
            run.train(num_lr_decays=1)
    # Run again, epoch 1 does not come out as it did, as on a GPU.
    run.losses = {**LOSSES, (0, 1): 0.45, (0, 3): 0.46, (0, 5): 0.47}
    result = run.train(num_lr_decays=1)
    assert result.card.scores["val_loss"] == 0.41
    assert result.stages[0]["checkpoint"] == "0/ckpt-e002-l0.4100.keras"


@pytest.mark.parametrize("split", ["train", "val"])
def test_split_without_clips_is_refused_before_anything_is_done(scripted_run, split):
    run = scripted_run(LOSSES)
    counts = {**run.records.num_segments, split: 0}
    run.records = dataclasses.replace(run.records, num_segments=counts)
    message = f"tfrecord holds no {split} clips, and there must be some"
    with pytest.raises(DatasetError, match=message):
        run.train()
    assert run.calls == []
    assert not run.train_dir.exists()


def test_disk_without_room_is_refused_before_the_first_epoch(scripted_run, monkeypatch):
    run = scripted_run(LOSSES)
    usage = shutil.disk_usage(".")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(TrainingError, match=r"not enough disk space .* 1\.0 MB free"):
        run.train()
    assert run.calls == []


def test_finished_run_is_not_written_again(scripted_run):
    run = scripted_run(LOSSES)
    best = run.train(num_lr_decays=2).best
    card = read_card(best)
    write_card(dataclasses.replace(card, thresholds={"loud": 0.25}), best)
    before = best.read_bytes(), best.with_suffix(".json").read_bytes()
    result = run.train(num_lr_decays=2)
    assert (best.read_bytes(), best.with_suffix(".json").read_bytes()) == before
    assert result.card.thresholds == {"loud": 0.25}
    best.write_bytes(b"damaged")
    run.train(num_lr_decays=2)
    assert best.read_bytes() == before[0]


def test_epochs_name_split_clips_and_the_rate_that_was_used(scripted_run, caplog):
    caplog.set_level("INFO")
    run = scripted_run(LOSSES)
    schedule = InverseTime(time_decay=1.0)
    run.train(num_lr_decays=1, schedule=schedule, max_epochs=2)
    [line] = [x for x in caplog.messages if x.startswith("stage 0 epoch 1: ")]
    assert line.startswith("stage 0 epoch 1: lr 0.005  loss 0.1000  val_loss 0.4000 *")
    assert "(mtt-tagged, 3 val clips, " in line
    text = (run.train_dir / "0" / "training.csv").read_text()
    rates = [float(row["lr"]) for row in csv.DictReader(text.splitlines())]
    assert rates == [0.01, 0.005]


def test_run_that_did_nothing_yet_may_begin_with_other_options(scripted_run):
    run = scripted_run(LOSSES)
    run.stop_at = (0, 0)
    with pytest.raises(KeyboardInterrupt):
        run.train(num_lr_decays=1)
    run.stop_at = None
    assert run.train(num_lr_decays=1, lr=0.5).stages[0]["lr"] == 0.5
