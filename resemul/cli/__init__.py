"""The command line: `resemul COMMAND`, and the scripts at the root."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from resemul import __version__
from resemul.errors import ResemulError

# Command: its module, and what it does. The module is imported when its command
# runs, so that '-h' answers at once.
COMMANDS: dict[str, tuple[str, str]] = {
    "download": ("resemul.cli.download", "fetch, check and unpack a data set"),
    "demo-data": ("resemul.cli.demo_data", "write a small synthetic data set"),
    "verify": ("resemul.cli.verify", "check that every annotated file can be used"),
    "describe": ("resemul.cli.describe", "count clips and tags in each split"),
    "build": ("resemul.cli.build", "turn audio into TFRecord shards"),
    "models": ("resemul.cli.models", "list the architectures"),
    "train": ("resemul.cli.train", "train a model in stages"),
    "eval": ("resemul.cli.eval", "score a model on the test split"),
    "thresholds": (
        "resemul.cli.thresholds",
        "fit the threshold of each tag on the validation split",
    ),
    "tag": ("resemul.cli.tag", "tag audio files with a trained model"),
    "file-tags": (
        "resemul.cli.file_tags",
        "write tags into the songs themselves, and take them back",
    ),
    "excitations": ("resemul.cli.excitations", "extract a model's SE excitations"),
    "plot-excitations": (
        "resemul.cli.plot_excitations",
        "draw the figures of the excitation analysis",
    ),
    "import": (
        "resemul.cli.import_weights",
        "turn a published model into a .keras file",
    ),
    "export": ("resemul.cli.export", "write a model for another runtime"),
    "pretrained": ("resemul.cli.pretrained", "list and fetch published models"),
}


def run(argv: Sequence[str] | None = None) -> int:
    """Runs `argv` (default: the process's arguments); returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] not in COMMANDS:
        # Ends the process: with the help, the version, or what is wrong.
        _build_overview().parse_args(arguments[:1] or ["--help"])
        _build_overview().error(f"expected a command, got {arguments[0]!r}")
    return run_command(arguments[0], arguments[1:])


def run_command(
    name: str, argv: Sequence[str] | None = None, prog: str | None = None
) -> int:
    """Runs one command; a `ResemulError` becomes one line and exit status 1."""
    module = importlib.import_module(COMMANDS[name][0])
    parser: argparse.ArgumentParser = module.build_parser()
    parser.prog = prog or f"resemul {name}"
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # TensorFlow's C++ side logs at INFO about every CPU feature; warnings remain.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        status = module.main(args)
        sys.stdout.flush()
    except ResemulError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:
        # The reader of our output (head, say) went away: not worth a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(
            f"\n{parser.prog}: stopped; what was finished is kept, and the same "
            "command goes on from there",
            file=sys.stderr,
        )
        return 130
    return int(status or 0)


def _build_overview() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(
        f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items()
    )
    parser = argparse.ArgumentParser(
        prog="resemul",
        description="Music auto-tagging from raw waveforms.",
        epilog=f"commands:\n{listing}\n\n'resemul COMMAND -h' explains one command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="resemul COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    return parser
