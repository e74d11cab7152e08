"""The model that a run begins with: its options, its weights, its card."""

import dataclasses

import keras
import numpy as np
import pytest

from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import import_model
from resemul.configs import RunConfig, SampleCNNConfig, TrainConfig, make_run
from resemul.errors import ConfigError, DatasetError
from resemul.models import TOP_LAYER, build_model
from resemul.records import AudioSet, read_record_set
from resemul.records.record_set import RecordSet
from resemul.training import prepare_model, train_in_stages

SMALL = {"block": "se", "init_features": 2, "alpha": 1, "dropout": 0.0}


def records_of(folder, sample_rate=22_050, num_samples=59_049, tags=("high", "low")):
    """A set that is described, but holds nothing."""
    return RecordSet(
        folder=folder,
        dataset="mtt",
        split_name="mtt-tagged",
        tags=tags,
        sample_rate=sample_rate,
        num_samples=num_samples,
        files={},
        num_segments={"train": 4, "val": 2, "test": 1},
        num_clips={"test": 1},
        clip_ids=(),
        num_skipped={},
    )


def trained(tags, **options):
    """A model with weights of its own, and its card."""
    options = {**SMALL, "sample_rate": 22_050, **options}
    model = build_model("sample_cnn", len(tags), **options)
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.5, 1, w.shape) for w in model.get_weights()])
    options = dataclasses.asdict(SampleCNNConfig(**options))
    card = ModelCard("sample_cnn", options, list(tags), 22_050, 59_049, sha256="abc")
    return model, card


def layer_weights(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def assert_same(arrays, others):
    for array, other in zip(arrays, others, strict=True):
        np.testing.assert_array_equal(array, other)


def test_default_model_takes_the_rate_of_the_records(tmp_path):
    records = records_of(tmp_path, 16_000, 59_049)
    _, card = prepare_model(make_run(model_options=SMALL), records)
    assert (card.sample_rate, card.num_samples) == (16_000, 59_049)
    assert card.options["sample_rate"] == 16_000
    assert card.options["dropout"] == 0.0
    assert card.tags == ["high", "low"]
    assert card.source == {}


def test_longer_records_are_told(tmp_path, caplog):
    caplog.set_level("INFO")
    prepare_model(make_run(model_options=SMALL), records_of(tmp_path))
    assert "examples of" not in caplog.text
    longer = records_of(tmp_path, num_samples=220_500)
    _, card = prepare_model(make_run(model_options=SMALL), longer)
    assert card.num_samples == 59_049
    assert "records of 10.00 s, examples of 2.68 s (crop segments)" in caplog.text


@pytest.mark.parametrize("crop", ["random", "centre", "segments"])
def test_other_models_keep_their_length(tmp_path, crop):
    run = make_run("won_sample_cnn", None, {"channels": 2}, {"crop": crop})
    records = records_of(tmp_path, 16_000, 464_000)
    _, card = prepare_model(run, records)
    assert (card.sample_rate, card.num_samples) == (16_000, 59_049)


@pytest.mark.parametrize(
    ("model", "options", "records", "message"),
    [
        (
            "won_sample_cnn",
            {},
            (22_050, 59_049),
            "has 22050 Hz, won_sample_cnn takes 16000 Hz; 'resemul build --model "
            "won_sample_cnn' makes",
        ),
        (
            "sample_cnn",
            {"sample_rate": 16_000},
            (22_050, 59_049),
            "has 22050 Hz, sample_cnn takes 16000 Hz; 'resemul build --model sample_cnn"
            " --sample-rate 16000' makes",
        ),
        (
            "sample_cnn",
            {"num_samples": 60_000},
            (22_050, 59_049),
            "has segments of 59049 samples, sample_cnn takes 60000; 'resemul build "
            "--model sample_cnn --num-samples 60000' makes",
        ),
        (
            "won_sample_cnn",
            {},
            (16_000, 50_000),
            "has segments of 50000 samples, won_sample_cnn takes 59049; 'resemul build "
            "--model won_sample_cnn' makes",
        ),
    ],
)
def test_records_that_do_not_fit_are_refused_with_the_remedy(
    tmp_path, model, options, records, message
):
    with pytest.raises(DatasetError) as error:
        prepare_model(make_run(model, None, options), records_of(tmp_path, *records))
    assert str(error.value).startswith(f"{tmp_path} {message}")


def test_audio_that_was_counted_for_another_model_is_to_be_counted_again(tmp_path):
    records = AudioSet(**vars(records_of(tmp_path)), source=object())
    with pytest.raises(DatasetError, match="fcn4 --index-only --overwrite' makes"):
        prepare_model(make_run("fcn4"), records)


def test_trained_model_of_the_same_tags_keeps_its_last_layer(tmp_path):
    source = trained(("high", "low"))
    model, card = prepare_model(make_run(), records_of(tmp_path), source)
    assert_same(model.get_weights(), source[0].get_weights())
    # Options that are not given are those of the trained model.
    assert card.options == source[1].options
    start = card.source["init_from"]
    assert (start["sha256"], start["model"]) == ("abc", "sample_cnn")
    assert len(start["weights_sha256"]) == 64


@pytest.mark.parametrize("tags", [("high", "rock"), ("low", "high"), ("a", "b", "c")])
def test_trained_model_of_other_tags_gets_a_new_last_layer(tmp_path, tags):
    source = trained(("high", "low"))
    model, card = prepare_model(make_run(), records_of(tmp_path, tags=tags), source)
    found, before = layer_weights(model), layer_weights(source[0])
    assert found.keys() == before.keys()
    assert not np.array_equal(found[TOP_LAYER][0], before[TOP_LAYER][0])
    assert (found[TOP_LAYER][1] == 0).all()
    for name in before.keys() - {TOP_LAYER}:
        assert_same(found[name], before[name])
    assert card.tags == list(tags)


def test_options_that_leave_the_weights_alone_may_change(tmp_path):
    run = make_run(model_options={"dropout": 0.5})
    _, card = prepare_model(run, records_of(tmp_path), trained(("high", "low")))
    assert card.options["dropout"] == 0.5
    assert card.options["init_features"] == 2


@pytest.mark.parametrize(
    "options",
    [
        {"init_features": 4},
        {"alpha": 2},
        {"multi": False},
        {"block": "rese"},
        # Its layers are all there, and fit; those of the excitations are left over.
        {"block": "basic"},
    ],
)
def test_options_that_change_the_model_are_refused(tmp_path, options):
    run = make_run(model_options=options)
    with pytest.raises(ConfigError, match=r"^layer \w+ has weights .*; leave out") as e:
        prepare_model(run, records_of(tmp_path), trained(("high", "low")))
    assert "\n" not in str(e.value)


def test_imported_model_can_be_trained_further(tmp_path):
    torch = pytest.importorskip("torch")
    state = {}
    built = build_model("won_sample_cnn", 2, channels=2)
    for layer in built.layers:
        for weight in layer.weights:
            weight.assign(np.random.default_rng(0).uniform(0.5, 1, weight.shape))
    # As published: kernels (out, in, width), matrices (out, in).
    for layer in built.layers:
        arrays = [torch.tensor(array) for array in layer.get_weights()]
        if isinstance(layer, keras.layers.Conv1D):
            names = ("weight", "bias")
            arrays[0] = arrays[0].permute(2, 1, 0).contiguous()
        elif isinstance(layer, keras.layers.Dense):
            names = ("weight", "bias")
            arrays[0] = arrays[0].T.contiguous()
        else:
            names = ("weight", "bias", "running_mean", "running_var")
        name = {"tags": "dense"}.get(layer.name, layer.name.replace("_", "."))
        state |= {f"{name}.{n}": a for n, a in zip(names, arrays, strict=False)}
    torch.save(state, tmp_path / "model.pth")
    source = import_model(tmp_path / "model.pth", tags=["high", "low"])
    records = records_of(tmp_path, 16_000, 464_000)
    model, card = prepare_model(make_run("won_sample_cnn"), records, source)
    assert_same(model.get_weights(), built.get_weights())
    assert card.options["channels"] == 2
    assert card.source["init_from"]["sha256"] == source[1].source["sha256"] != ""


def test_body_that_is_not_trained_cannot_be_frozen(tmp_path):
    run = make_run(training={"freeze_body": True})
    with pytest.raises(ConfigError, match="name it: --init-from"):
        prepare_model(run, records_of(tmp_path))


@pytest.mark.parametrize("tags", [None, ("other", "tags", "than")])
def test_frozen_body_stays_as_it_was_bit_for_bit(tiny_records, tmp_path, tags):
    records = read_record_set(tiny_records)
    source = trained(tags or records.tags)
    training = TrainConfig(
        freeze_body=True,
        batch_size=4,
        steps_per_epoch=2,
        max_epochs=2,
        num_lr_decays=1,
        coupled_weight_decay=0.1,
    )
    run = RunConfig(training=training)
    model, card = prepare_model(run, records, source)
    before = layer_weights(model)
    result = train_in_stages(
        model,
        card,
        records,
        tmp_path / "log",
        training,
        lambda _: {"test_roc_auc": 0.5, "test_pr_auc": 0.5, "test_clips": 1},
    )
    assert result.stages[0]["num_epochs"] == 2
    # The model is that of the best epoch, its body that of the trained one.
    after = layer_weights(model)
    for name, arrays in layer_weights(source[0]).items():
        if name != TOP_LAYER:
            assert_same(after[name], arrays)
    for array, other in zip(after[TOP_LAYER], before[TOP_LAYER], strict=True):
        assert not np.array_equal(array, other)
