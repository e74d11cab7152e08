"""Cards: every field checked, whoever wrote them."""

import dataclasses
import errno
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from resemul.checkpoints.card import (
    ModelCard,
    card_path,
    check_fits,
    parse_card,
    read_card,
    write_card,
)
from resemul.configs.audio import AudioConfig
from resemul.errors import DatasetError, WeightsError

CARD = ModelCard(
    model="sample_cnn",
    options={"block": "se"},
    tags=["low", "high", "loud"],
    sample_rate=22_050,
    num_samples=4,
    thresholds={"low": 0.5},
)
CONTENT = dataclasses.asdict(CARD)


def parse(**changes) -> ModelCard:
    return parse_card(json.dumps(CONTENT | changes).encode(), "best.json")


def test_a_card_is_read_as_it_was_written(tmp_path):
    card = dataclasses.replace(CARD, mix="mean", padding=256, hop=512, short="repeat")
    write_card(card, tmp_path / "model.keras")
    assert read_card(tmp_path / "model.keras") == card


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", ""),
        ("model", None),
        ("model", "a\nb"),
        ("options", []),
        ("tags", None),
        ("tags", "low"),
        ("tags", []),
        ("tags", ["a", 1, 2]),
        ("tags", ["a", "b", "a"]),
        ("tags", ["a", " ", "b"]),
        ("tags", ["a", "\x1b[31mred", "b"]),
        ("tags", ["a", "\u202eback", "b"]),
        ("tags", ["a" * 201]),
        ("sample_rate", "22050"),
        ("sample_rate", 0),
        ("sample_rate", -1),
        ("sample_rate", math.nan),
        ("sample_rate", 22_050.0),
        ("sample_rate", True),
        ("sample_rate", 10**12),
        ("num_samples", 0),
        ("num_samples", "59049"),
        ("num_samples", 10**12),
        ("mix", "loud"),
        ("resampler", None),
        ("padding", -1),
        ("hop", 0),
        ("short", ["zeros"]),
        ("dataset", 3),
        ("num_clips", {"test": -5}),
        ("num_clips", {"test": 1.5}),
        ("scores", {"val_loss": "low"}),
        ("seed", 0.5),
        ("versions", {"keras": 3}),
        ("sha256", "abc"),
        ("thresholds", []),
        ("thresholds", {"low": "0.5"}),
        ("thresholds", {"low": math.nan}),
        ("thresholds", {"low": math.inf}),
        ("thresholds", {"low": 10**400}),
        ("thresholds", {"gone": 0.5}),
        ("colour", "red"),
    ],
)
def test_a_field_that_cannot_be_is_refused_in_one_line(field, value):
    with pytest.raises(WeightsError) as error:
        parse(**{field: value})
    message = str(error.value)
    assert message.startswith("best.json is not a model card: ")
    assert field in message
    assert len(message.splitlines()) == 1
    assert message.isascii()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON in UTF-8"),
        (b"[1]", "it is no JSON object"),
        (b"{}", "it has no format"),
        (b'{"format": 1}', "it lacks model, options, tags, sample_rate, num_samples"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"format":' + b'{"a":' * 50, "nested too deep"),
        (b'{"format": 2}', "has format 2; this version reads format 1"),
        (b'{"format": "1"}', 'has format "1"; this version reads format 1'),
        (b'{"format": true}', "has format true; this version reads format 1"),
    ],
)
def test_what_is_no_card_is_refused(raw, message):
    with pytest.raises(WeightsError) as error:
        parse_card(raw, "best.json")
    assert message in str(error.value)


def test_brackets_in_a_tag_are_no_depth():
    tags = ["[" * 50, '"[{' * 30, "\\"]
    assert parse(tags=tags, thresholds={}).tags == tags


def test_a_card_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("resemul.checkpoints.card.MAX_CARD_BYTES", 100)
    write_card(CARD, tmp_path / "model.keras")
    with pytest.raises(WeightsError, match="more than 100 bytes"):
        read_card(tmp_path / "model.keras")


def test_a_card_of_before_has_the_old_meaning():
    new = ("mix", "resampler", "padding", "hop", "short", "weights_sha256", "export")
    old = {name: value for name, value in CONTENT.items() if name not in new}
    card = parse_card(json.dumps(old).encode(), "best.json")
    assert card.audio == AudioConfig(22_050, "ffmpeg", "swr", 0, None, "zeros")
    assert parse_card(json.dumps(old).encode(), "best.json") == CARD
    imported = old | {"source": {"format": "PyTorch"}}
    assert parse_card(json.dumps(imported).encode(), "best.json").mix == "mean"
    # Trained here, from published weights.
    begun = old | {"source": {"init_from": {"model": "fcn5"}}}
    assert parse_card(json.dumps(begun).encode(), "best.json").mix == "ffmpeg"


def test_a_score_that_is_not_a_number_is_no_score(tmp_path):
    assert parse(scores={"val_roc_auc": math.nan}).scores == {"val_roc_auc": None}
    card = dataclasses.replace(
        CARD, scores={"a": math.nan}, training={"b": [math.inf, {"c": 1.5}]}
    )
    write_card(card, tmp_path / "model.keras")
    text = (tmp_path / "model.json").read_text()

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(text, parse_constant=refuse)
    assert content["scores"] == {"a": None}
    assert content["training"] == {"b": [None, {"c": 1.5}]}


def test_a_card_that_could_not_be_read_is_not_written(tmp_path):
    card = dataclasses.replace(CARD, thresholds={"low": math.nan})
    with pytest.raises(WeightsError, match="cannot be written: thresholds must hold"):
        write_card(card, tmp_path / "model.keras")
    assert list(tmp_path.iterdir()) == []


def test_write_card_on_a_full_disk_keeps_the_card(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    write_card(CARD, path)
    before = card_path(path).read_text()

    def replace(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(WeightsError, match=r"model\.json cannot be written: No space"):
        write_card(dataclasses.replace(CARD, seed=1), path)
    assert card_path(path).read_text() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_card_path_keeps_dots_in_the_name():
    path = Path("log/0/ckpt-e003-l0.1234.keras")
    assert card_path(path) == Path("log/0/ckpt-e003-l0.1234.json")


def records(**changes):
    fitting = {"tags": tuple(CARD.tags), "sample_rate": 22_050, "num_samples": 4}
    return SimpleNamespace(folder=Path("data/tfrecord"), **fitting | changes)


def test_check_fits_accepts_records_that_do():
    check_fits(CARD, records())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_rate": 16_000}, "sample_rate 16000 instead of 22050"),
        ({"num_samples": 3}, "num_samples 3 instead of 4"),
        ({"mix": "mean"}, "mix mean instead of ffmpeg"),
        ({"resampler": "swr-long"}, "resampler swr-long instead of swr"),
        ({"tags": ("high", "low", "loud")}, "number 1 is 'high' instead of 'low'"),
        ({"tags": ("low", "high")}, "2 tags instead of 3, without loud"),
        ({"tags": (*CARD.tags, "rock")}, "4 tags instead of 3, with rock"),
        (
            {"tags": tuple("abcdefg")},
            "7 tags instead of 3, without low, high, loud and with a, b, c, d, e, ...",
        ),
        (
            {"num_samples": 3, "sample_rate": 1},
            "sample_rate 1 instead of 22050; num_samples 3 instead of 4",
        ),
    ],
)
def test_check_fits_says_what_differs(changes, message):
    with pytest.raises(DatasetError) as error:
        check_fits(CARD, records(**changes))
    assert message in str(error.value)
    assert "data/tfrecord was not built for this model" in str(error.value)
