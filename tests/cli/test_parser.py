"""What every command's parser adds to argparse."""

import pytest

from resemul import cli
from resemul.cli.parser import closest, new_parser


@pytest.fixture
def parser():
    parser = new_parser("Does it.", "Slowly.", ["resemul do --speed 3 song.mp3"])
    parser.add_argument("--speed", type=int, default=2, help="how fast")
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_program("resemul do")
    return parser


def test_help_keeps_the_lines_of_examples_and_shows_defaults(parser):
    text = parser.format_help()
    assert "Slowly.\n\nexamples:\n  resemul do --speed 3 song.mp3\n" in text
    assert "how fast (default: 2)" in text
    assert "say nothing\n" in text


def test_a_wrong_option_names_the_nearest_in_one_line(parser, capsys):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--sped=3"])
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "resemul do: error: unrecognized arguments: --sped=3; did you mean --speed?\n"
    )


def test_another_error_names_the_help(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--speed", "fast"])
    assert "'resemul do -h' explains the command" in capsys.readouterr().err


def test_help_of_an_action_names_its_command(capsys):
    with pytest.raises(SystemExit):
        cli.run(["pretrained", "list", "-h"])
    assert capsys.readouterr().out.startswith("usage: resemul pretrained list")


def test_overview_lists_every_command_in_a_group(capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(["-h"])
    text = capsys.readouterr().out
    assert end.value.code == 0
    for title, commands in cli.GROUPS.items():
        assert f"\n{title}:\n" in text
        for name, command in commands.items():
            assert f"  {name} " in text
            assert command.summary in text


def test_closest_finds_a_slip_and_nothing_in_noise():
    assert closest("excitaions", cli.COMMANDS) == "excitations"
    assert closest("xyzzy", cli.COMMANDS) is None
