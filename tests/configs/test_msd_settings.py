import json

import pytest

from resemul.configs import make_run
from resemul.configs.msd import (
    MsdSettings,
    change_settings,
    format_settings,
    is_settings,
    read_settings,
    settings_from,
)
from resemul.configs.msd_run import as_run, build_options
from resemul.errors import ConfigError

# As the published runs were set: no early stopping; the waveform without a plateau.
LOG_MEL = {
    "model": {"n_dense_units": 500, "n_filters": 16},
    "optimizer": {"name": "Adam", "learning_rate": 0.001},
    "tags": {"top": 50, "with": None, "without": None, "merge": None},
    "tfrecords": {"n_mels": 96, "n_tags": 155, "sample_rate": 16000},
    "config": {
        "batch_size": 64,
        "cycle_length": 2,
        "shuffle": True,
        "shuffle_buffer_size": 1000,
        "split": [80, 10, 10],
        "reduce_lr_plateau_min_delta": 0.1,
        "reduce_lr_plateau_patience": 2,
        "window_length": 15,
        "window_extract_randomly": True,
    },
}


def test_five_groups_are_written_with_lists_on_one_line():
    text = format_settings(change_settings(MsdSettings(), {"with": ["a", "b"]}))
    assert list(json.loads(text)) == [
        "model",
        "optimizer",
        "tags",
        "tfrecords",
        "config",
    ]
    assert '    "with": ["a", "b"],\n    "without": null,' in text
    assert '    "split": [80, 10, 10],' in text
    content = json.loads(text)
    assert content["optimizer"] == {"name": "Adam", "learning_rate": 0.001}
    assert content["config"]["early_stop_min_delta"] == 0
    assert content["config"]["early_stop_patience"] == 5


@pytest.mark.parametrize("layout", ["groups", "last"])
def test_what_is_written_is_read_again(layout, tmp_path):
    changes = {"optimizer.epsilon": 1e-8, "top": None, "merge": [["rap", "soul"]]}
    settings = change_settings(MsdSettings(), changes)
    (tmp_path / "x.json").write_text(format_settings(settings, layout))
    found = read_settings(tmp_path / "x.json")
    assert as_run_without_epsilon(found) == as_run_without_epsilon(settings)
    assert found.merge == (("rap", "soul"),)
    assert found.top is None


def as_run_without_epsilon(settings):
    return as_run(settings, "waveform")


def test_early_stopping_and_plateau_are_off_without_their_keys():
    settings = settings_from(LOG_MEL, "x")
    training = as_run(settings, "log-mel-spectrogram")["training"]
    assert training["patience"] is None
    config = {k: v for k, v in LOG_MEL["config"].items() if "plateau" not in k}
    settings = settings_from({**LOG_MEL, "config": config}, "x")
    assert settings.reduce_lr_plateau_patience is None


def test_zeros_of_the_last_layout_are_to_be_filled_in():
    content = json.loads(format_settings(MsdSettings(), "last"))
    training = content["model-training"]
    training |= {"reduceLRoP_patience": 0, "early_stop_patience": 0, "split": []}
    training |= {"window_random": False, "interleave_cycle_length": 4}
    settings = settings_from(content, "x")
    assert settings.reduce_lr_plateau_patience is settings.early_stop_patience is None
    assert settings.split == (80, 10, 10)
    assert settings.window_extract_randomly is False
    assert settings.cycle_length == 4


def test_names_of_all_groups_can_be_changed():
    settings = change_settings(
        MsdSettings(),
        {"learning_rate": 1e-4, "n_filters": 8, "window_random": False, "top": 10},
    )
    assert (settings.learning_rate, settings.n_filters, settings.top) == (1e-4, 8, 10)
    assert settings.window_extract_randomly is False
    with pytest.raises(
        ConfigError, match=r"options: there is no 'lr', only batch_size"
    ):
        change_settings(MsdSettings(), {"lr": 1}, "options")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top", "many"),
        ("batch_size", 0),
        ("split", [80]),
        ("split", [-1, 101]),
        ("with", [1]),
        ("n_mels", True),
        ("learning_rate", None),
    ],
)
def test_values_that_cannot_work_are_named(name, value):
    with pytest.raises(ConfigError, match=rf"x: {name} "):
        change_settings(MsdSettings(), {name: value}, "x")


def test_files_that_are_something_else_are_refused(tmp_path):
    path = tmp_path / "x.json"
    for text, said in (
        ("{", "is not JSON"),
        ("[]", "is no such configuration"),
        ('{"model": "x"}', "has none of the groups"),
        ('{"tags": {}, "magic": {}}', "no group 'magic'"),
        ('{"tags": 3}', "no group 'tags'"),
        ('{"config": {"speed": 3}}', "there is no 'speed'"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=said):
            read_settings(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path / "no.json")
    assert not is_settings({"model": "sample_cnn", "training": {}})


@pytest.mark.parametrize("front_end", ["waveform", "log-mel-spectrogram"])
def test_our_run_is_what_the_settings_mean(front_end):
    run = make_run(**as_run(settings_from(LOG_MEL, "x"), front_end))
    assert run.model == {"waveform": "pons_waveform"}.get(front_end, "pons_log_mel")
    assert run.model_options["num_samples"] == 240_000
    assert run.training.batch_size == 64
    assert run.training.crop == "random"
    assert run.training.validation == "centre"
    assert run.training.patience is None
    assert run.training.monitor == "val_pr_auc"


def test_epochs_of_patience_count_as_ours_do():
    training = as_run(MsdSettings(), "waveform")["training"]
    assert training["patience"] == 4
    assert training["schedule"]["patience"] == 1
    assert training["schedule"]["monitor"] == "val_pr_auc"


def test_a_delta_that_ends_every_training_is_told(caplog):
    settings = change_settings(MsdSettings(), {"early_stop_min_delta": 0.2})
    as_run(settings, "waveform")
    assert "after 6 epochs" in caplog.text


def test_optimizers_and_arguments_that_we_do_not_have_are_refused():
    settings = change_settings(MsdSettings(), {"optimizer.epsilon": 1e-8})
    assert as_run(settings, "waveform")["training"]["adam_epsilon"] == 1e-8
    settings = change_settings(MsdSettings(), {"optimizer.amsgrad": True})
    with pytest.raises(ConfigError, match="Adam has no amsgrad here"):
        as_run(settings, "waveform")
    settings = change_settings(MsdSettings(), {"name": "RMSprop"})
    with pytest.raises(ConfigError, match="one of adam, sgd, got 'RMSprop'"):
        as_run(settings, "waveform")
    with pytest.raises(ConfigError, match="front end must be one of"):
        as_run(MsdSettings(), "mfcc")


def test_tags_and_split_become_options_of_a_build():
    changes = {
        "with": ["rap"],
        "without": ["pop", "00s"],
        "merge": [["a", "b"], ["c", "d"]],
    }
    settings = change_settings(MsdSettings(), {**changes, "split": [90, 10]})
    assert build_options(settings) == [
        *("--dataset", "msd", "--top", "50", "--with-tags", "rap"),
        *("--without-tags", "pop,00s", "--merge", "a,b;c,d", "--merge-names", "each"),
        *("--split", "random", "--ratio", "90:10:0"),
    ]
    # All tags, said in either way.
    for top in (None, 155):
        settings = change_settings(MsdSettings(), {"top": top})
        assert "--top" not in build_options(settings)


def test_settings_choose_tags_and_files_of_whole_tracks():
    from resemul.configs.msd_run import as_choice, read_options

    settings = change_settings(
        MsdSettings(), {"with": ["rap"], "without": ["00s"], "merge": [["a", 3]]}
    )
    choice = as_choice(settings)
    assert (choice.top, choice.split) == (50, (80, 10, 10))
    assert choice.as_json() == {
        "split": [80.0, 10.0, 10.0],
        "top": 50,
        "with_tags": ["rap"],
        "without_tags": ["00s"],
        "merge": "a,3",
    }
    words = "--split-files 80,10,10 --top 50 --with-tags rap --without-tags 00s"
    assert read_options(settings) == [*words.split(), "--merge", "a,3"]
    # All tags: none is needed, so no track is left out.
    assert not as_choice(
        change_settings(settings, {"top": None, "without": None})
    ).chooses_tags
