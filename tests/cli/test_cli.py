"""What all commands have in common, and the options the original had."""

import importlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resemul import __version__, cli
from resemul.cli import COMMANDS
from resemul.errors import DatasetError

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "build_mtt.py": "build",
    "train.py": "train",
    "eval.py": "eval",
    "extract_excitations.py": "excitations",
}
HEAVY = (
    "av",
    "h5py",
    "jax",
    "keras",
    "matplotlib",
    "numpy",
    "pandas",
    "sklearn",
    "tensorflow",
    "torch",
)

# Runs every command and script with -h and says which heavy modules that took.
ASK_FOR_HELP = """
import contextlib, io, runpy, sys
from resemul.cli import COMMANDS, run

def help_of(name, ask):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            ask()
        except SystemExit as end:
            assert not end.code, (name, end.code)
    assert text.getvalue().startswith("usage: "), name
    print(name, *sorted(set(sys.modules) & set(sys.argv[2].split(","))), sep="|")

root = sys.argv[1]
heavy, scripts = sys.argv[2].split(","), sys.argv[3].split(",")
help_of("resemul", lambda: run(["-h"]))
for command in COMMANDS:
    help_of(command, lambda: run([command, "-h"]))
arguments = sys.argv
for script in scripts:
    sys.argv = [script, "-h", *arguments[2:]]
    sys.argv[2] = ",".join(heavy)
    help_of(script, lambda: runpy.run_path(f"{root}/{script}", run_name="__main__"))
"""


@pytest.fixture
def command(monkeypatch):
    """A command that does what it is given to do."""

    def install(main, name="build"):
        module = importlib.import_module(COMMANDS[name].module)
        monkeypatch.setattr(module, "main", main)
        return lambda *options: cli.run([name, *options])

    return install


def parse(name, *options):
    module = importlib.import_module(COMMANDS[name].module)
    args = vars(module.build_parser().parse_args(options))
    # Options of a config are kept as `TrainConfig.lr`, the flag beside the text.
    return {
        name.rpartition(".")[2]: value[1] if "." in name else value
        for name, value in args.items()
    }


def run_python(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_of_every_command_and_script_imports_nothing_heavy():
    result = run_python(
        "-c", ASK_FOR_HELP, str(ROOT), ",".join(HEAVY), ",".join(SCRIPTS)
    )
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines == ["resemul", *COMMANDS, *SCRIPTS]


@pytest.mark.parametrize(("script", "name"), SCRIPTS.items())
def test_a_script_is_its_command_under_another_name(script, name, monkeypatch):
    import runpy

    called = []
    monkeypatch.setattr(cli, "run_command", lambda *a, **k: called.append((a, k)) or 7)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    assert end.value.code == 7
    assert called == [((name,), {"prog": script})]


def test_python_m_resemul_runs_commands():
    result = run_python("-m", "resemul", "--version")
    assert (result.returncode, result.stdout.strip()) == (0, __version__)


def test_an_unknown_command_names_those_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(["bild"])
    assert end.value.code == 2
    err = capsys.readouterr().err
    assert "there is no command 'bild'; did you mean 'build'?" in err
    assert "build" in err


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_without_a_command_the_commands_are_listed(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.run(arguments)
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_exits_2(name, capsys):
    with pytest.raises(SystemExit) as end:
        cli.run([name, "--no-such-option"])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"resemul {name}: error: ")


def test_a_users_error_is_one_line_and_exit_status_1(command, capsys):
    def main(args):
        raise DatasetError("mp3/0/a.mp3 is empty")

    assert command(main)() == 1
    captured = capsys.readouterr()
    assert captured.err == "resemul build: error: mp3/0/a.mp3 is empty\n"
    assert captured.out == ""


def test_a_bug_shows_its_traceback(command):
    def main(args):
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        command(main)()


def test_ctrl_c_is_one_line_and_exit_status_130(command, capsys):
    def main(args):
        raise KeyboardInterrupt

    assert command(main)() == 130
    err = capsys.readouterr().err
    assert err == "\nresemul build: stopped; the same command goes on from here\n"


def test_sigterm_stops_as_ctrl_c_does(command, capsys):
    def main(args):
        signal.raise_signal(signal.SIGTERM)

    assert command(main)() == 143
    assert "stopped; the same command goes on" in capsys.readouterr().err


def test_only_commands_that_go_on_promise_it(command, capsys):
    def main(args):
        raise KeyboardInterrupt

    assert command(main, "describe")() == 130
    assert capsys.readouterr().err == "\nresemul describe: stopped\n"


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (3, 3)])
def test_the_exit_status_is_what_the_command_returns(command, returned, status):
    assert command(lambda args: returned)() == status


def test_errors_of_a_script_carry_its_name():
    result = run_python("build_mtt.py", "--num-samples", "0")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("build_mtt.py: error: ")
    assert result.stderr.count("\n") == 1


def test_output_cut_off_by_its_reader_is_no_traceback():
    code = (
        "import sys\n"
        "from resemul import cli\n"
        "from resemul.cli import build\n"
        "build.main = lambda args: [print(i) for i in range(100_000)] and 0\n"
        "sys.exit(cli.run(['build']))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout.readline() == "0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 1
    process.stderr.close()


def test_build_has_the_options_of_the_original():
    flags = ("data-dir", "sample-rate", "num-samples", "num-audios-per-shard")
    args = parse("build", *(f"--{flag}=7" for flag in flags))
    names = {flag.replace("-", "_") for flag in flags}
    assert {str(args[name]) for name in names} == {"7"}
    assert parse("build")["data_dir"] == Path("./dataset")


def test_train_has_the_options_of_the_original():
    flags = (
        *("data-dir", "train-dir", "block", "alpha", "batch-size", "momentum", "lr"),
        *("lr-decay", "dropout", "weight-decay", "initial-stage", "patience"),
        *("num-lr-decays", "num-read-threads"),
    )
    args = parse("train", "--no-multi", *(f"--{flag}=7" for flag in flags))
    names = {flag.replace("-", "_") for flag in flags}
    assert {str(args[name]) for name in names} == {"7"}
    assert args["multi"] == "false"


@pytest.mark.parametrize("flag", ["--num-audios-per-shard", "--num-segments-per-audio"])
def test_train_accepts_what_no_longer_matters_and_says_so(flag, capsys):
    parse("train", flag, "100")
    captured = capsys.readouterr()
    assert f"{flag} has no effect" in captured.out + captured.err


@pytest.mark.parametrize("block", ["se", "rese", "res", "basic"])
def test_train_knows_the_blocks_of_the_original(block):
    assert parse("train", "--block", block, "--no-multi")["block"] == block


def test_eval_has_the_options_of_the_original():
    args = parse("eval", "model.keras")
    expected = {"path": Path("model.keras"), "data_dir": Path("./dataset")}
    assert expected.items() <= args.items()


def test_excitations_has_the_options_of_the_original():
    args = parse("excitations", "model.keras")
    assert {
        "path": Path("model.keras"),
        "data_dir": Path("./dataset"),
        "out": Path("./excitations.pkl"),
    }.items() <= args.items()
