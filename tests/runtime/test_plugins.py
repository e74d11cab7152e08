import pytest

from resemul.errors import ConfigError
from resemul.runtime.plugins import is_outside_name, load_outside


@pytest.mark.parametrize(
    ("name", "is_outside"),
    [
        ("my_module:my_model", True),
        ("package.module:thing", True),
        ("sample_cnn", False),
        ("C:/music", False),
        (":x", False),
        ("a:", False),
    ],
)
def test_outside_names_are_told_from_entries_and_paths(name, is_outside):
    assert is_outside_name(name) is is_outside


def test_load_outside_finds_a_module_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "module_of_this_test.py").write_text("thing = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    assert load_outside("module_of_this_test:thing", "metric") == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module_here:x", "there is no module"),
        ("json:no_such_thing", "has no 'no_such_thing'"),
        ("json", "module:object"),
    ],
)
def test_load_outside_says_what_is_missing(name, message):
    with pytest.raises(ConfigError, match=message):
        load_outside(name, "metric")
