"""What makes a run another run, and what does not."""

import pytest

from resemul.checkpoints.card import ModelCard
from resemul.configs import OneCycle, Plateau, SampleCNNConfig, TrainConfig
from resemul.records import read_record_set
from resemul.training.resume import as_json, describe_run, find_differences


@pytest.fixture
def describe(tiny_records):
    """Describes a run of `sample_cnn`, with other options of training and model."""
    records = read_record_set(tiny_records)

    def make(training=None, source=None, **options):
        card = ModelCard(
            "sample_cnn",
            as_json(SampleCNNConfig(**options)),
            ["loud"],
            22_050,
            59_049,
            training=as_json(training or TrainConfig()),
            source=source or {},
        )
        return describe_run(card, records)

    return make


def differences(earlier, new):
    return list(find_differences(earlier, new))


def start(**hashes):
    return {"init_from": {"model": "sample_cnn", **hashes}}


def test_same_run_has_no_differences(describe):
    assert differences(describe(), describe()) == []


@pytest.mark.parametrize(
    ("training", "options", "message"),
    [
        (TrainConfig(lr=0.5), {}, "lr 0.01 -> 0.5"),
        (TrainConfig(), {"alpha": 8}, "options alpha 16 -> 8"),
        (
            TrainConfig(schedule=Plateau()),
            {},
            "schedule inverse_time -> plateau",
        ),
    ],
)
def test_one_other_option_is_one_difference(describe, training, options, message):
    assert message in differences(describe(), describe(training, **options))
    assert len(differences(describe(), describe(TrainConfig(lr=0.5)))) == 1


def test_how_far_a_run_goes_may_change(describe):
    further = TrainConfig(max_epochs=7, patience=9, num_lr_decays=2)
    assert differences(describe(), describe(further)) == []


def test_options_that_the_earlier_run_did_not_have_had_their_defaults(describe):
    earlier = describe()
    del earlier["crop"], earlier["freeze_body"], earlier["options"]["alpha"]
    del earlier["schedule"]["time_decay"]
    assert differences(earlier, describe()) == []
    assert differences(earlier, describe(TrainConfig(crop="centre"))) == [
        "crop segments -> centre"
    ]
    assert differences(earlier, describe(alpha=8)) == ["options alpha 16 -> 8"]


def test_options_that_are_no_more_do_not_matter(describe):
    earlier = {**describe(), "speed": 3}
    earlier["options"] = {**earlier["options"], "heads": 2}
    assert differences(earlier, describe()) == []


def test_flat_fields_of_before_are_compared_as_the_schedule(describe):
    earlier = describe()
    del earlier["schedule"]
    earlier |= {"lr_schedule": "plateau", "plateau_patience": 1, "cycle_ratio": 4.0}
    assert (
        differences(earlier, describe(TrainConfig(schedule=Plateau(patience=1)))) == []
    )
    [difference] = differences(earlier, describe(TrainConfig(schedule=Plateau())))
    assert difference == "schedule patience 1 -> 3"


def test_length_of_a_stage_matters_where_the_rate_depends_on_it(describe):
    runs = [
        describe(
            TrainConfig(schedule=OneCycle(), max_epochs_per_stage=n, num_lr_decays=1)
        )
        for n in (2, 3)
    ]
    assert differences(*runs) == ["max_epochs_per_stage 2 -> 3"]


def test_first_weights_are_compared_and_not_the_bytes_of_their_file(describe):
    first = describe(source=start(sha256="1", weights_sha256="a"))
    assert (
        differences(first, describe(source=start(sha256="2", weights_sha256="a"))) == []
    )
    [difference] = differences(
        first, describe(source=start(sha256="1", weights_sha256="b"))
    )
    assert difference == "init_from a -> b"
    assert differences(first, describe()) == ["init_from a -> none"]
    # Of a run that was begun before, only the file's hash is known.
    older = describe(source=start(sha256="1"))
    assert differences(older, first) == []
