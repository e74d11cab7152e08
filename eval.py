"""Scores a model on the test split; the same as 'resemul eval'."""

from resemul.cli import run_command

if __name__ == "__main__":
    raise SystemExit(run_command("eval", prog="eval.py"))
