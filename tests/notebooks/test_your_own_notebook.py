"""The notebook of a model, a data set and a metric from outside the package."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from notebook_outputs import outputs

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "your_own.ipynb"
MAX_LINES = 20


def texts(notebook):
    """What the cells print and return, in one."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in outputs(notebook)
    )


@pytest.mark.slow
def test_the_notebook_goes_from_three_functions_to_tags(tmp_path, monkeypatch):
    for name, value in (("WORK", tmp_path / "work"), ("CLIPS", 30), ("EPOCHS", 2)):
        monkeypatch.setenv(f"RESEMUL_{name}", str(value))
    # The package may be there as a folder only.
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # A failing cell raises.
    NotebookClient(
        notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = texts(notebook)
    assert "Brier score" in shown
    assert "log2/best.json: " in shown
    assert "sounds/03-hum-ticks.wav  0:03" in shown


def test_committed_notebook_shows_its_outputs_and_nothing_of_the_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 2**16
    kinds = {output.output_type for output in outputs(notebook)}
    assert kinds == {"execute_result", "stream"}
    assert "/tmp" not in json.dumps(outputs(notebook))
    assert "mean F1" in texts(notebook)


def test_each_of_the_three_is_twenty_lines_or_so():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    written = [c.source for c in notebook.cells if c.source.startswith("%%writefile")]
    assert len(written) == 3
    assert all(len(source.splitlines()) <= MAX_LINES + 1 for source in written)
