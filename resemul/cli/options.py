"""Options that several commands share."""

import argparse
import dataclasses
import inspect
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from resemul.configs import PRECISIONS
from resemul.configs.fields import (
    Kind,
    Option,
    OptionError,
    fields_of,
    kinds_of,
    options_of,
)
from resemul.configs.values import parse_field
from resemul.errors import ConfigError

logger = logging.getLogger(__name__)


def add_fields(
    group: argparse._ActionsContainer,
    config_class: type,
    names: Iterable[str] | None = None,
    flags: Mapping[str, str] | None = None,
    prefix: str = "",
) -> None:
    """Adds a flag for each field of a config; `fields_given` reads them.

    Help, default, bounds and choices are the field's own.

    Args:
        group: a parser, or a group of one.
        config_class: a config whose fields were made by `configs.fields.option`.
        names: of the fields; all of them if None.
        flags: by name of a field, another flag than the field's own.
        prefix: goes before each help, such as "sample_cnn: ".
    """
    options, kinds = options_of(config_class), kinds_of(config_class)
    defaults = {f.name: f.default for f in fields_of(config_class)}
    for name in options if names is None else names:
        said, kind, default = options[name], kinds[name], defaults[name]
        extra: dict[str, Any] = {"metavar": _metavar(said, kind)}
        text = f"{prefix}{'do not ' if default is True else ''}{said.help}"
        if isinstance(default, bool):
            extra = {"nargs": 0, "const": "false" if default else "true"}
        elif default not in (None, (), dataclasses.MISSING):
            many = isinstance(default, tuple)
            text += f" ({','.join(map(str, default)) if many else default})"
        group.add_argument(
            (flags or {}).get(name) or flags_of(config_class)[name],
            action=_Field,
            dest=_dest(config_class, name),
            default=argparse.SUPPRESS,
            help=text,
            **extra,
        )


def fields_given(
    args: argparse.Namespace,
    config_class: type,
    read_as: type | None = None,
    where: str = "options",
) -> dict[str, Any]:
    """The values of the fields whose flags were given, by name of the field.

    Args:
        args: parsed by a parser with `add_fields`.
        config_class: the one given to it.
        read_as: a config with fields of the same names, for whose values to take them.
        where: what an error is to name if there is no such field.

    Raises:
        ConfigError: a value cannot work; says so in the words that were typed.
    """
    return {
        name: parse_field(read_as or config_class, name, text, where, flag)
        for name, (flag, text) in _typed(args, config_class).items()
    }


@contextmanager
def in_typed_words(config_class: type) -> Iterator[None]:
    """Errors of options that do not go together name their flags, not the fields."""
    try:
        yield
    except OptionError as error:
        raise ConfigError(error.with_names(flags_of(config_class))) from error


def flags_of(config_class: type) -> dict[str, str]:
    """The flag of each field of a config, by name."""
    defaults = {field.name: field.default for field in fields_of(config_class)}
    return {
        name: _flag(name, said, defaults[name])
        for name, said in options_of(config_class).items()
    }


class _Field(argparse.Action):
    """Keeps the flag beside the text that was typed."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        text = self.const if self.nargs == 0 else values
        setattr(namespace, self.dest, (option_string, text))


def _typed(args: argparse.Namespace, config_class: type) -> dict[str, tuple[str, str]]:
    given = vars(args)
    names = [field.name for field in fields_of(config_class)]
    return {
        name: given[dest]
        for name in names
        if (dest := _dest(config_class, name)) in given
    }


def _dest(config_class: type, name: str) -> str:
    # Two configs of one parser may have fields of the same name, or inherit one.
    owner = next(
        base
        for base in reversed(config_class.__mro__)
        if name in inspect.get_annotations(base)
    )
    return f"{owner.__name__}.{name}"


def _flag(name: str, said: Option, default: Any) -> str:
    words = name.replace("_", "-")
    return said.flag or (f"--no-{words}" if default is True else f"--{words}")


def _metavar(said: Option, kind: Kind) -> str:
    """What is expected, in a word: `N`, `NUMBER|none`, `sgd|adam`."""
    if said.choices:
        word = "|".join(said.choices)
    else:
        words = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}
        word = words.get(kind.item) or kind.item.__name__.upper()
    if kind.is_many:
        word = f"{word},..."
    return f"{word}|none" if kind.is_optional else word


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Adds `--data-dir`."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path("./dataset"),
        metavar="PATH",
        help="folder of the data set",
    )


def add_records_dir(parser: argparse._ActionsContainer) -> None:
    """Adds `--records-dir`."""
    parser.add_argument(
        "--records-dir",
        type=Path,
        metavar="PATH",
        help="folder of the records, so that one data set can serve models of several "
        "rates (default: <data-dir>/tfrecord)",
    )


def add_from_audio(parser: argparse.ArgumentParser) -> None:
    """Adds `--records-dir`, `--from-audio` and `--num-workers`."""
    add_records_dir(parser)
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


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Adds `--trust`, of commands that open a model."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="open a model that is not of this package as well; that can run code "
        "which it names or describes",
    )


def start_for_model(name_or_path: str | Path) -> None:
    """Starts TensorFlow for a model; one that is not there is told before.

    Raises:
        WeightsError: there is neither a file nor a published model of that name.
    """
    from resemul.checkpoints.finding import published_name
    from resemul.runtime.tensorflow import start_tensorflow

    published_name(name_or_path)
    start_tensorflow()


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
