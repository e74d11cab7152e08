"""The command line: `resemul COMMAND`, and the scripts at the root."""

import argparse
import errno
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from resemul import __version__
from resemul.cli.parser import CommandParser, closest
from resemul.errors import ResemulError
from resemul.runtime.stopping import signals_stop


class Command(NamedTuple):
    """The module of a command, and what it does.

    The module is imported when its command runs, so that '-h' answers at once.
    """

    module: str
    summary: str
    # It keeps what it has finished, and goes on from there when it is given again.
    goes_on: bool = False


GROUPS: dict[str, dict[str, Command]] = {
    "your music": {
        "tag": Command("resemul.cli.tag", "tag audio files, folders or lists of them"),
        "file-tags": Command(
            "resemul.cli.file_tags",
            "write tags into the songs themselves, and take them back",
        ),
        "serve": Command("resemul.cli.serve", "tag over HTTP, with a page to look at"),
    },
    "models": {
        "pretrained": Command(
            "resemul.cli.pretrained", "list and fetch published models", goes_on=True
        ),
        "models": Command("resemul.cli.models", "list the architectures"),
        "import": Command(
            "resemul.cli.import_weights", "turn a published model into a .keras file"
        ),
        "export": Command("resemul.cli.export", "write a model for another runtime"),
    },
    "data": {
        "download": Command(
            "resemul.cli.download", "fetch, check and unpack a data set", goes_on=True
        ),
        "demo-data": Command(
            "resemul.cli.demo_data", "write a small synthetic data set", goes_on=True
        ),
        "describe": Command(
            "resemul.cli.describe", "count clips and tags in each split"
        ),
        "verify": Command(
            "resemul.cli.verify",
            "check that every annotated file can be used",
            goes_on=True,
        ),
        "curate": Command("resemul.cli.curate", "find silent, broken and double files"),
        "msd": Command(
            "resemul.cli.msd", "curate the Million Song Dataset and Last.fm's tags"
        ),
        "build": Command(
            "resemul.cli.build", "turn audio into TFRecord shards", goes_on=True
        ),
    },
    "training and scores": {
        "train": Command("resemul.cli.train", "train a model in stages", goes_on=True),
        "eval": Command(
            "resemul.cli.eval", "score a model on the test split", goes_on=True
        ),
        "compare": Command(
            "resemul.cli.compare", "compare two models on the same clips"
        ),
        "thresholds": Command(
            "resemul.cli.thresholds",
            "fit the threshold of each tag on the validation split",
        ),
        "excitations": Command(
            "resemul.cli.excitations", "extract a model's SE excitations"
        ),
        "plot-excitations": Command(
            "resemul.cli.plot_excitations",
            "draw the figures of the excitation analysis",
        ),
    },
    "this program": {
        "completion": Command(
            "resemul.cli.completion", "let the Tab key complete commands and options"
        ),
    },
}
# Libraries that come with the extra `train` alone.
OF_TRAINING = {
    "google_crc32c",
    "h5py",
    "keras",
    "scipy",
    "sklearn",
    "tensorboard",
    "tensorflow",
}

COMMANDS: dict[str, Command] = {
    name: command for group in GROUPS.values() for name, command in group.items()
}


def run(argv: Sequence[str] | None = None) -> int:
    """Runs `argv` (default: the process's arguments); returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        # Ends the process: with the help, the version, or what is wrong.
        _overview(*arguments[:1]).parse_args(arguments[:1] or ["--help"])
    return run_command(arguments[0], arguments[1:])


def run_command(
    name: str, argv: Sequence[str] | None = None, prog: str | None = None
) -> int:
    """Runs one command; a `ResemulError` becomes one line and exit status 1."""
    module = importlib.import_module(COMMANDS[name].module)
    parser: CommandParser = module.build_parser()
    parser.set_program(prog or f"resemul {name}")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with signals_stop():
            status = module.main(args)
            sys.stdout.flush()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in OF_TRAINING:
            raise
        print(
            f"{parser.prog}: error: needs {error.name}, which is not installed; "
            "pip install 'resemul[train]' brings all that this command needs",
            file=sys.stderr,
        )
        return 1
    except ResemulError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # The reader of our output (head, say) went away: not worth a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        # Of standard output: whoever writes a file says which.
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        print(f"{parser.prog}: error: no space is left to write to", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt as stop:
        kept = "; the same command goes on from here" if COMMANDS[name].goes_on else ""
        print(f"\n{parser.prog}: stopped{kept}", file=sys.stderr)
        return getattr(stop, "exit_status", 130)
    return int(status or 0)


def _overview(word: str = "") -> argparse.ArgumentParser:
    """The parser of what is no command: help, version, or a word like one."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(
        f"\n{title}:\n"
        + "\n".join(f"  {name:{width}}  {c.summary}" for name, c in group.items())
        for title, group in GROUPS.items()
    )
    parser = argparse.ArgumentParser(
        prog="resemul",
        description="Tags music, and trains the models that do, from raw waveforms.",
        epilog=f"{listing.lstrip()}\n\n'resemul COMMAND -h' explains one command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="resemul COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=__version__)
    if word and not word.startswith("-"):
        near = closest(word, COMMANDS)
        hint = f"did you mean {near!r}?" if near else "'resemul -h' lists the commands"
        parser.error(f"there is no command {word!r}; {hint}")
    return parser
