"""Checks that the configs share."""

from resemul.errors import ConfigError


def require(condition: bool, message: str) -> None:
    """Raises a `ConfigError` with `message` unless `condition` holds."""
    if not condition:
        raise ConfigError(message)
