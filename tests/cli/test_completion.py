"""Completion, in the shell that every test machine has."""

import subprocess

import pytest

from resemul import cli
from resemul.cli.completion import SHELLS

# What pressing the Tab key does: the words, the last of which is to be completed.
TAB = """
source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
function=$(complete -p resemul | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" resemul "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
echo "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "resemul.bash"
    with pytest.MonkeyPatch.context() as patch, path.open("w") as file:
        patch.setattr("sys.stdout", file)
        assert cli.run(["completion", "bash"]) == 0
    return path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("exc", "excitations"),
        ("tag --file-t", "--file-timeout"),
        ("train --optimizer ''", "sgd adam"),
        ("train --model musicnn_", "musicnn_vgg"),
        ("file-tags un", "undo"),
        ("tag song", "song.mp3"),
    ],
)
def test_tab_completes(words, expected, script, tmp_path):
    (tmp_path / "song.mp3").touch()
    done = subprocess.run(
        ["bash", "-c", TAB.format(script=script, words=f"resemul {words}")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == expected.split()


@pytest.mark.parametrize("shell", SHELLS)
def test_there_is_a_script_for_each_shell(shell, capsys):
    assert cli.run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in cli.COMMANDS)
