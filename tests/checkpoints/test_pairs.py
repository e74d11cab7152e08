"""A model and its card are replaced together, wherever the writer is stopped."""

import dataclasses
import os
from contextlib import suppress
from pathlib import Path

import pytest
from checkpoint_files import CARD

from resemul.checkpoints.card import card_path, write_card
from resemul.checkpoints.pairs import read_pair, replace_pair
from resemul.errors import WeightsError
from resemul.runtime.files import file_sha256


class Killed(BaseException):
    """As good as kill -9: what was being done is not done, nor is anything after."""


@pytest.fixture
def kill(monkeypatch):
    """Stops at the n-th change of a name; nothing is tidied up afterwards."""

    def set_up(after: int) -> None:
        count = 0
        real_replace = os.replace

        def step(*args):
            nonlocal count
            if count == after:
                # A dead process tidies up nothing.
                monkeypatch.setattr(Path, "unlink", lambda *args, **kwargs: None)
                raise Killed
            count += 1
            return real_replace(*args)

        monkeypatch.setattr(Path, "replace", step)

    return set_up


def write(folder: Path, content: str) -> tuple[Path, str]:
    """Replaces `model.keras`; each content has its own tags. Returns its hash."""
    part = folder / ".part"
    part.write_text(content)
    sha256 = file_sha256(part)
    card = dataclasses.replace(CARD, tags=[content], sha256=sha256)
    replace_pair(part, card, folder / "model.keras")
    return sha256


def tags(folder: Path) -> list[str]:
    return read_pair(folder / "model.keras").tags


def test_a_pair_is_two_files(tmp_path):
    write(tmp_path, "first")
    write(tmp_path, "second")
    assert tags(tmp_path) == ["second"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["model.json", "model.keras"]


# The next card is given its name, the model, the card.
@pytest.mark.parametrize(
    ("after", "expected"), [(0, "first"), (1, "first"), (2, "second")]
)
def test_a_stop_leaves_the_old_pair_or_the_new_one(
    tmp_path, kill, monkeypatch, after, expected
):
    write(tmp_path, "first")
    kill(after)
    with pytest.raises(Killed):
        write(tmp_path, "second")
    monkeypatch.undo()
    assert tags(tmp_path) == [expected]
    assert (tmp_path / "model.keras").read_text() == expected


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("second", [0, 1, 2, 3])
def test_so_do_two_stops_one_after_the_other(
    tmp_path, kill, monkeypatch, first, second
):
    write(tmp_path, "first")
    for content, after in (("second", first), ("third", second)):
        kill(after)
        with suppress(Killed):  # it may be whole before it is stopped
            write(tmp_path, content)
        monkeypatch.undo()
        assert tags(tmp_path) == [(tmp_path / "model.keras").read_text()]
    write(tmp_path, "fourth")
    assert tags(tmp_path) == ["fourth"]


def test_the_very_first_write_may_be_stopped_as_well(tmp_path, kill, monkeypatch):
    kill(2)
    with pytest.raises(Killed):
        write(tmp_path, "first")
    monkeypatch.undo()
    assert not (tmp_path / "model.json").exists()
    assert tags(tmp_path) == ["first"]


def test_new_thresholds_outlive_a_stop(tmp_path, kill, monkeypatch):
    write(tmp_path, "first")
    kill(2)
    with pytest.raises(Killed):
        write(tmp_path, "second")
    monkeypatch.undo()
    path = tmp_path / "model.keras"
    write_card(dataclasses.replace(read_pair(path), thresholds={"second": 0.5}), path)
    assert read_pair(path).thresholds == {"second": 0.5}


def test_a_card_of_another_file_is_refused(tmp_path):
    write(tmp_path, "first")
    (tmp_path / "model.keras").write_text("another")
    with pytest.raises(WeightsError, match="its SHA-256 differs"):
        tags(tmp_path)


def test_an_error_leaves_nothing_behind(tmp_path, monkeypatch):
    write(tmp_path, "first")

    def fail(self, target):
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(WeightsError, match="cannot be written"):
        write(tmp_path, "second")
    monkeypatch.undo()
    assert tags(tmp_path) == ["first"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".part", "model.json", "model.keras"]
    assert card_path(tmp_path / "model.keras").is_file()
