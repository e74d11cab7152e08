"""Builds the TFRecord shards of MagnaTagATune; the same as 'resemul build'."""

from resemul.cli import run_command

if __name__ == "__main__":
    raise SystemExit(run_command("build", prog="build_mtt.py"))
