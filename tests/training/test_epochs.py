"""Real epochs, on records of a few tones."""

import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from resemul.configs import InverseTime, Plateau, Stage, TrainConfig
from resemul.errors import DatasetError, TrainingError
from resemul.models import build_model
from resemul.records import load_segments, read_record_set
from resemul.training.epochs import EpochRunner
from resemul.training.state import RunState, save_state, seed_random_layers


@pytest.fixture
def runner(tiny_records, tiny_model_options):
    """Makes a model and its `EpochRunner`."""

    def make(model_options=None, **options):
        keras.utils.set_random_seed(0)
        records = read_record_set(tiny_records)
        model_options = {**tiny_model_options, **(model_options or {})}
        model = build_model("sample_cnn", len(records.tags), **model_options)
        config = TrainConfig(batch_size=8, shuffle_buffer=100, **options)
        return model, EpochRunner(model, records, config), records

    return make


def test_epoch_depends_on_the_seed_and_the_epoch_alone(runner):
    weights = []
    for epoch in ((0, 1), (0, 1), (0, 2)):
        model, epochs, _ = runner({"dropout": 0.5})
        epochs.compile(Stage("sgd", 0.01))
        epochs.fit("", epoch, [])
        weights.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_rate_changes_with_every_step_and_the_last_one_is_told(runner):
    _, epochs, _ = runner(schedule=InverseTime(time_decay=0.5))
    epochs.compile(Stage("sgd", 0.01))
    # 19 segments make 3 batches of 8.
    first = epochs.fit("", (0, 0), [])
    assert first["lr"] == pytest.approx(0.01 / (1 + 0.5 * 2))
    second = epochs.fit("", (0, 1), [{"val_loss": 0.5}])
    assert second["lr"] == pytest.approx(0.01 / (1 + 0.5 * 5))
    rate = float(epochs._fused.optimizer.learning_rate)
    assert rate == pytest.approx(second["lr"])


def test_rate_starts_anew_in_every_stage(runner):
    _, epochs, _ = runner(schedule=InverseTime(time_decay=0.5))
    for lr in (0.01, 0.002):
        epochs.compile(Stage("sgd", lr))
        assert epochs.fit("", (0, 0), [])["lr"] == pytest.approx(lr / 2)


def test_stage_with_the_optimizer_of_the_one_before_begins_anew_without_a_trace(runner):
    model, epochs, _ = runner()
    first_weights = model.get_weights()
    weights, traced = [], []
    for lr in (0.01, 0.02, 0.01):
        model.set_weights(first_weights)
        epochs.compile(Stage("sgd", lr))
        # Of stage 1, as in stage 0 statistics are corrected.
        epochs.fit("", (1, 0), [])
        traced.append(epochs._fused.train_function)
        weights.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[2])
    assert not np.array_equal(weights[0], weights[1])
    assert traced[0] is traced[1] is traced[2]
    epochs.compile(Stage("adam", 0.01))
    assert isinstance(epochs._fused.optimizer, keras.optimizers.Adam)


def test_rate_is_not_a_part_of_the_state(runner):
    _, epochs, _ = runner(schedule=Plateau())
    epochs.compile(Stage("sgd", 0.01))
    assert not [v for v in epochs.variables() if "learning_rate" in v.path]


def test_state_with_a_rate_as_it_used_to_be_is_restored(runner, tmp_path):
    _, epochs, _ = runner(schedule=Plateau())
    epochs.compile(Stage("adam", 0.01))
    epochs.fit("", (0, 0), [])
    before = epochs.variables()
    num_weights = len(epochs._fused.weights)
    optimizer = epochs._fused.optimizer
    assert optimizer.variables[1] is optimizer.learning_rate
    old = [*epochs._fused.weights, *optimizer.variables]
    save_state(RunState(run={}, stage=0), old, tmp_path)
    values = [np.asarray(variable.value) for variable in before]
    epochs.compile(Stage("adam", 0.01))
    assert int(epochs._fused.optimizer.iterations) == 0
    epochs.restore(tmp_path)
    assert len(values) > num_weights
    for variable, value in zip(epochs.variables(), values, strict=True):
        np.testing.assert_array_equal(np.asarray(variable.value), value)


def test_optimizer_is_sgd_with_nesterov_momentum(runner):
    _, epochs, _ = runner(momentum=0.8)
    epochs.compile(Stage("sgd", 0.01))
    assert isinstance(epochs._fused.optimizer, keras.optimizers.SGD)
    assert epochs._fused.optimizer.nesterov
    assert epochs._fused.optimizer.momentum == 0.8


def test_variables_hold_the_momentum_too(runner):
    _, epochs, _ = runner()
    epochs.compile(Stage("sgd", 0.01))
    momentum = [v for v in epochs.variables() if "momentum" in v.path]
    assert len(momentum) == len(epochs._fused.trainable_variables) > 0


def test_validation_loss_is_what_keras_computes_with_the_penalty(runner):
    model, epochs, records = runner({"weight_decay": 0.1})
    epochs.compile(Stage("sgd", 0.01))
    data = load_segments(records, "val", 8)
    model.compile(loss="binary_crossentropy", jit_compile=False)
    expected = model.evaluate(data, verbose=0)
    assert epochs.validate()["val_loss"] == pytest.approx(expected, abs=1e-5)
    assert expected > 1  # the penalty counts


@pytest.mark.parametrize("split", ["train", "val"])
def test_damaged_record_is_named_with_the_remedy(runner, tiny_records, split):
    shard = sorted((tiny_records / "tfrecord").glob(f"{split}-*"))[0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.unlink()  # a link to the file of all tests
    shard.write_bytes(content)
    _, epochs, _ = runner()
    epochs.compile(Stage("sgd", 0.01))
    message = f"{shard.name} is damaged; delete"
    step = epochs.validate if split == "val" else lambda: epochs.fit("", (0, 0), [])
    with pytest.raises(DatasetError, match=message):
        step()


def test_loss_that_is_no_number_stops_the_epoch(runner):
    _, epochs, _ = runner()
    epochs.compile(Stage("sgd", 1e30))

    def three_epochs():
        for number in range(3):
            epochs.fit("stage 0", (0, number), [])

    with pytest.raises(TrainingError, match=r"stage 0: the loss is .*a lower --lr"):
        three_epochs()


def test_dropout_is_seeded_layer_by_layer():
    model = build_model("sample_cnn", 3, block="res", init_features=1)
    seed_random_layers(model, 1, 2)
    layers = [layer for layer in model.layers if hasattr(layer, "seed_generator")]
    states = [tuple(np.asarray(layer.seed_generator.state)) for layer in layers]
    assert len(set(states)) == len(states) == 10
    seed_random_layers(model, 1, 3)
    assert states[0] != tuple(np.asarray(layers[0].seed_generator.state))


@pytest.mark.slow
def test_killed_run_ends_as_one_that_was_not_killed(tiny_records, tmp_path):
    """kill -9 at whatever the run was doing, four times; then the losses agree."""
    command = [
        *(sys.executable, "-m", "resemul", "train", "--data-dir", str(tiny_records)),
        *("--init-features", "2", "--alpha", "1", "--batch-size", "8"),
        *("--num-lr-decays", "2", "--epochs-per-stage", "8"),
    ]

    def start(name):
        return subprocess.Popen(
            [*command, "--train-dir", str(tmp_path / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    whole = start("whole")
    assert whole.wait(300) == 0, whole.stderr.read()
    for finished_epochs in (0, 2, 6, 10):
        process = start("killed")
        _wait_for_epochs(tmp_path / "killed", finished_epochs, process)
        process.kill()
        process.wait()
        assert not (tmp_path / "killed" / "best.keras").exists()
    last = start("killed")
    assert last.wait(300) == 0, last.stderr.read()
    for stage in ("0", "1"):
        texts = [
            (tmp_path / n / stage / "training.csv").read_text()
            for n in ("whole", "killed")
        ]
        numbers = [np.genfromtxt(t.splitlines(), delimiter=",")[1:] for t in texts]
        np.testing.assert_allclose(*numbers, atol=1e-5)
    cards = [
        json.loads((tmp_path / name / "best.json").read_text())
        for name in ("whole", "killed")
    ]
    assert cards[0]["scores"] == pytest.approx(cards[1]["scores"], abs=1e-5)


def _wait_for_epochs(train_dir, number, process):
    """Returns when that many epochs are in the CSV files, or the process ended."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        lines = [
            max(0, len(path.read_text().splitlines()) - 1)
            for path in train_dir.glob("[0-9]/training.csv")
        ]
        if sum(lines) >= number:
            return
        time.sleep(0.02)


def test_model_of_the_first_stage_has_statistics_of_the_batches_alone(runner):
    model, epochs, _ = runner()
    epochs.compile(Stage("sgd", 1e-9))
    epochs.fit("", (0, 0), [])
    moved = np.asarray(epochs._fused.get_layer("stem_bn").moving_variance)
    # Three steps of momentum 0.99.
    left = 0.99**3
    corrected = np.asarray(model.get_layer("stem_bn").moving_variance)
    np.testing.assert_allclose(corrected, (moved - left) / (1 - left), atol=1e-5)
    epochs.compile(Stage("sgd", 1e-9))
    epochs.fit("", (1, 1), [])
    fused = epochs._fused.get_layer("stem_bn").moving_variance
    np.testing.assert_array_equal(model.get_layer("stem_bn").moving_variance, fused)


def test_statistics_of_a_frozen_body_stay(runner):
    model, epochs, _ = runner(freeze_body=True)
    epochs.compile(Stage("sgd", 0.01))
    epochs.fit("", (0, 0), [])
    assert np.all(np.asarray(model.get_layer("stem_bn").moving_variance) == 1)
