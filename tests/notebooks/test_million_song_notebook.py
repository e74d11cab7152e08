from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "million_song.ipynb"


def outputs(notebook):
    code = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [output for cell in code for output in cell.outputs]


@pytest.mark.slow
def test_the_tutorial_runs_from_folder_to_scores(tmp_path, monkeypatch):
    for name, value in (
        ("WORK", tmp_path / "work"),
        ("CLIPS", 24),
        ("CLIP_SECONDS", 4),
        ("EPOCHS", 1),
    ):
        monkeypatch.setenv(f"RESEMUL_{name}", str(value))
    # The package may be there as a folder only.
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # A failing cell raises.
    NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    ).execute()
    texts = "".join(o.text for o in outputs(notebook) if o.output_type == "stream")
    assert "duplicates" in texts
    assert "ROC AUC" in texts
    assert any("image/png" in o.get("data", {}) for o in outputs(notebook))


def test_the_notebook_holds_results_and_no_paths_of_a_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert any("image/png" in o.get("data", {}) for o in outputs(notebook))
    text = NOTEBOOK.read_text("utf-8")
    assert "/home/" not in text
    assert "/tmp/" not in text
    assert not any(o.output_type == "error" for o in outputs(notebook))
