"""Options that several commands share."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
