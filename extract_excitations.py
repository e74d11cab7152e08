"""Extracts a model's SE excitations; the same as 'resemul excitations'."""

from resemul.cli import run_command

if __name__ == "__main__":
    raise SystemExit(run_command("excitations", prog="extract_excitations.py"))
