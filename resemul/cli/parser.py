"""A parser of options that shows examples and knows what was probably meant."""

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import NoReturn


def new_parser(
    description: str, epilog: str | None = None, examples: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """A parser whose help shows the defaults that say something.

    Args:
        description: what the command does.
        epilog: what else one should know.
        examples: whole command lines.
    """
    parts = [epilog, examples_text(examples) if examples else None]
    return CommandParser(
        description=description,
        epilog="\n".join(filter(None, parts)) or None,
        formatter_class=_HelpFormatter,
    )


def examples_text(examples: Iterable[str]) -> str:
    """What a parser's epilog ends in, of whole command lines."""
    return "\n".join(["examples:", *(f"  {example}" for example in examples)])


def closest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was probably meant to be; None if none is near."""
    return next(iter(difflib.get_close_matches(word, list(words), 1, 0.6)), None)


class CommandParser(argparse.ArgumentParser):
    """Says, after what is wrong, which option or choice is the nearest."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2, without the pages of a long usage."""
        hint = self._hint(message) or f"; '{self.prog} -h' explains the command"
        self.exit(2, f"{self.prog}: error: {message}{hint}\n")

    def set_program(self, prog: str) -> None:
        """Names the program in the usage, also in that of actions below it."""
        self.prog = prog
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, parser in action.choices.items():
                    parser.set_program(f"{prog} {name}")

    def _hint(self, message: str) -> str:
        _, _, rest = message.partition("unrecognized arguments: ")
        for word in rest.split():
            flag = word.split("=")[0]
            near = closest(flag, self._option_string_actions)
            if flag.startswith("--") and near:
                return f"; did you mean {near}?"
        return ""


class _HelpFormatter(
    argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter
):
    """Fills paragraphs, keeps the lines of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        prose, separator, examples = text.partition("examples:\n")
        filled = argparse.HelpFormatter._fill_text(self, prose, width, indent)
        gap = "\n\n" if filled and separator else ""
        return f"{filled}{gap}{separator}{examples}"

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == []:
            return action.help
        return super()._get_help_string(action)
