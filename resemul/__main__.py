"""Lets `python -m resemul COMMAND` run a command."""

from resemul.cli import run

if __name__ == "__main__":
    raise SystemExit(run())
