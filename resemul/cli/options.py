"""Options that several commands share."""

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from resemul.configs import PRECISIONS
from resemul.errors import ConfigError

logger = logging.getLogger(__name__)


def new_parser(description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    """A parser whose help shows the defaults that say something."""
    return argparse.ArgumentParser(
        description=description, epilog=epilog, formatter_class=_HelpFormatter
    )


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Adds `--data-dir`."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path("./dataset"),
        metavar="PATH",
        help="folder of the data set",
    )


def add_from_audio(parser: argparse.ArgumentParser) -> None:
    """Adds `--from-audio` and `--num-workers`."""
    parser.add_argument(
        "--from-audio",
        action="store_true",
        help="decode the audio files on the way instead of reading records; the same "
        "batches, no disk space. Of anything but MTT, or with other options, 'resemul "
        "build --index-only' counts the clips first",
    )
    parser.add_argument(
        "--num-workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that decode, with --from-audio",
    )


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Adds `--precision`, of predictions."""
    parser.add_argument(
        "--precision",
        default="float32",
        choices=PRECISIONS,
        help="of the model's arithmetic; auto takes bfloat16 where the machine is fast "
        "at it",
    )


def add_unused(parser: argparse.ArgumentParser, flag: str, **kwargs: Any) -> None:
    """Adds an option of the original that no longer has a meaning."""
    parser.add_argument(flag, action=_Unused, help="accepted, not used", **kwargs)


class _Unused(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        told: set[str | None] = getattr(namespace, "told_unused", set())
        if option_string not in told:
            parser._print_message(
                f"{option_string} has no effect: it is counted from the records\n"
            )
        namespace.told_unused = told | {option_string}


def require_at_least(minimum: int, **values: int) -> None:
    """Rejects an option, named as in the parser's namespace, that is too small."""
    for name, value in values.items():
        if value < minimum:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"{flag} must be at least {minimum}, got {value}")


@contextmanager
def output_file(path: Path) -> Iterator[TextIO]:
    """Opens a text file that gets its name when the block ends without an error.

    Enter it before a long computation: what cannot be written is refused at once.

    Raises:
        ConfigError: the file cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file in it")
    part = path.with_name(f".{path.name}.part")
    with ExitStack() as stack:
        try:
            file = part.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
        stack.callback(part.unlink, missing_ok=True)
        stack.callback(file.close)
        yield file
        try:
            file.close()
            part.replace(path)
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
