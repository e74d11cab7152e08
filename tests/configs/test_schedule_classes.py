"""Rates that can be worked out by hand, and how schedules are written and read."""

import dataclasses
import json
import math

import pytest

from resemul.configs import (
    RECIPES,
    SCHEDULES,
    Constant,
    InverseTime,
    OneCycle,
    Plateau,
    Schedule,
    StageProgress,
    TrainConfig,
    Triangular,
    nest_schedule,
)
from resemul.configs.values import fields_from_json
from resemul.errors import ConfigError

LOSSES = [0.5, 0.4, 0.4, 0.39, 0.41, 0.42, 0.4, 0.395, 0.38, 0.38, 0.5, 0.6, 0.37, 0.4]


def rates_here(lr, losses, schedule):
    """The rate of each epoch, and of the one after the last."""
    return [
        schedule.rate(lr, StageProgress(number, 1, losses=losses[:number]))
        for number in range(len(losses) + 1)
    ]


def rates_of(schedule, steps, lr=1.0, steps_per_epoch=5, max_epochs=2):
    return [
        schedule.rate(lr, StageProgress(step, steps_per_epoch, max_epochs))
        for step in steps
    ]


def test_triangular_goes_up_and_down_and_up():
    rates = rates_of(Triangular(ratio=5, epochs=0.8), range(13), lr=0.5)
    up = [0.1, 0.2, 0.3, 0.4]
    down = [0.5, 0.4, 0.3, 0.2]
    assert rates == pytest.approx([*up, *down, *up, 0.5])


def test_triangular_equals_the_formula_of_the_publication():
    low, high, num_rising = 1.4e-3 / 4, 1.4e-3, 2 * 2026
    steps = (0, 1, 2026, 4051, 4052, 4053, 8103, 8104, 30_000)
    rates = rates_of(Triangular(), steps, lr=high, steps_per_epoch=2026)
    for step, rate in zip(steps, rates, strict=True):
        ratio = step / num_rising - 2 * (step // (2 * num_rising))
        expected = low + (high - low) * abs(abs(ratio - 1) - 1)
        assert rate == pytest.approx(expected)


def test_one_cycle_rises_in_two_fifths_and_falls_to_0():
    expected = {
        0: 0.1,
        2: 0.55,
        4: 1.0,
        6: 0.75,  # (1 + cos 60 degrees) / 2
        7: 0.5,
        8: 0.25,
        10: 0.0,
        99: 0.0,
    }
    assert rates_of(OneCycle(ratio=10.0), expected) == pytest.approx(
        list(expected.values())
    )


def test_inverse_time_divides_by_the_steps():
    assert rates_of(InverseTime(time_decay=0.5), [0, 2]) == [1.0, 0.5]


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("min_delta", [0.0, 0.015])
@pytest.mark.parametrize("min_lr", [0.0, 0.0005])
def test_plateau_gives_the_rates_of_pytorch(patience, min_delta, min_lr):
    torch = pytest.importorskip("torch")
    weights = [torch.nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(weights, 0.01)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.2,
        patience=patience,
        threshold=min_delta,
        threshold_mode="abs",
        min_lr=min_lr,
        eps=0,
    )
    expected = [0.01]
    for loss in LOSSES:
        scheduler.step(loss)
        expected.append(optimizer.param_groups[0]["lr"])
    schedule = Plateau(
        patience=patience, min_delta=min_delta, min_lr=min_lr, factor=0.2
    )
    assert rates_here(0.01, LOSSES, schedule) == pytest.approx(expected)
    assert len(set(expected)) > 1


def test_plateau_waits_for_more_than_its_patience():
    rates = rates_here(1.0, [4, 4, 4, 4, 4, 4], Plateau(patience=1, factor=0.5))
    # The first epoch is the best; then every second one without progress counts.
    assert rates == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_plateau_of_the_lightning_port_begins_in_the_fourth_epoch_after_the_best():
    rates = rates_here(0.01, [0.2] * 6, RECIPES["sgd_plateau"].schedule)
    assert rates == pytest.approx([0.01] * 5 + [0.002] * 2)


def test_plateau_does_not_raise_a_rate_below_the_lowest():
    rates = rates_here(1e-4, [1, 1, 1], Plateau(patience=0, min_lr=1e-2))
    assert rates == [1e-4] * 4


def test_rate_of_other_schedules_is_that_of_the_stage():
    assert rates_here(0.1, [1, 1, 1, 1, 1, 1], Constant()) == [0.1] * 7


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_is_read_as_it_was_written(name):
    schedule = SCHEDULES[name]()
    content = json.loads(json.dumps(dataclasses.asdict(schedule)))
    assert content["name"] == schedule.name == name
    assert Schedule.from_json(content, "a.json") == schedule
    assert math.isfinite(rates_of(schedule, [3])[0])


def test_options_that_are_missing_have_their_defaults():
    content = {"schedule": {"name": "plateau", "patience": 7}}
    fields = fields_from_json(TrainConfig, content, "a.json")
    assert fields == {"schedule": Plateau(patience=7)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "luck"}, "a.json: schedule: name must be one of inverse_time, "),
        ({"patience": 3}, "a.json: schedule: name must be one of inverse_time, "),
        ({"name": "plateau", "ratio": 3}, "a.json: schedule: no option 'ratio'; there"),
        ({"name": "plateau", "factor": 1}, "a.json: schedule: factor must be above 0"),
        ("plateau", "a.json: schedule takes an object with the name and options of"),
    ],
)
def test_schedules_that_cannot_work_are_refused(content, message):
    with pytest.raises(ConfigError) as error:
        fields_from_json(TrainConfig, {"schedule": content}, "a.json")
    assert str(error.value).startswith(message)


# As commit cbcdda0 wrote the default, with an option of every schedule.
FLAT = {
    "lr": 0.01,
    "lr_schedule": "inverse_time",
    "lr_time_decay": 1e-6,
    "plateau_monitor": "val_loss",
    "plateau_patience": 3,
    "plateau_factor": 0.2,
    "plateau_min_delta": 0.0,
    "plateau_min_lr": 0.0,
    "cycle_ratio": 4.0,
    "cycle_epochs": 2.0,
}


@pytest.mark.parametrize(
    ("changes", "schedule"),
    [
        ({}, InverseTime()),
        ({"lr_time_decay": 0.5}, InverseTime(time_decay=0.5)),
        ({"lr_schedule": "constant"}, Constant()),
        (
            {"lr_schedule": "plateau", "plateau_patience": 1, "plateau_min_lr": 1e-5},
            Plateau(patience=1, min_lr=1e-5),
        ),
        (
            {"lr_schedule": "triangular", "cycle_ratio": 8.0, "cycle_epochs": 1},
            Triangular(ratio=8.0, epochs=1),
        ),
        ({"lr_schedule": "one_cycle", "cycle_ratio": 10.0}, OneCycle(ratio=10.0)),
    ],
)
def test_flat_fields_of_before_are_the_schedule_that_they_name(changes, schedule):
    content = nest_schedule({**FLAT, **changes}, Constant())
    assert content.keys() == {"lr", "schedule"}
    assert Schedule.from_json(content["schedule"], "a.json") == schedule


def test_single_flat_field_changes_the_schedule_that_there_is():
    base = Plateau(patience=1, factor=0.5)
    content = nest_schedule({"plateau_patience": 5}, base)
    assert Schedule.from_json(content["schedule"], "") == Plateau(
        patience=5, factor=0.5
    )


def test_content_without_flat_fields_stays_as_it_is():
    assert nest_schedule({"lr": 0.1}, Plateau()) == {"lr": 0.1}
    content = {"schedule": {"name": "constant"}}
    assert nest_schedule(content, Plateau()) == content
