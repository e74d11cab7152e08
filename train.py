"""Trains a model in stages; the same as 'resemul train'."""

from resemul.cli import run_command

if __name__ == "__main__":
    raise SystemExit(run_command("train", prog="train.py"))
