"""Things from outside the package, by the name that a user gave: `module:object`."""

import importlib
import sys
from pathlib import Path
from typing import Any

from resemul.errors import ConfigError


def is_outside_name(name: str) -> bool:
    """Is this `module:object`, rather than an entry of one of our tables?"""
    module, separator, attribute = name.partition(":")
    return bool(separator) and all(
        part.isidentifier() for part in [*module.split("."), attribute]
    )


def load_outside(name: str, what: str) -> Any:
    """Imports the object that `module:object` names.

    The current folder is looked into as well, as by `python -m`. Only call this with
    a name that the user typed or vouched for: importing runs the module's code.

    Args:
        name: such as `my_module:my_model`.
        what: what it should be, for messages: "model", "metric", ...

    Raises:
        ConfigError: there is no such module or object.
    """
    if not is_outside_name(name):
        raise ConfigError(f"a {what} from outside is named module:object, got {name!r}")
    module_name, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.split(".")[0]:
            raise
        raise ConfigError(
            f"{what} {name}: there is no module {module_name!r} in {here} or among "
            "what is installed"
        ) from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise ConfigError(
            f"{what} {name}: {module_name} has no {attribute!r}"
        ) from error
