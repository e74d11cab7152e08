"""The notebook of tagging: runs with the published models, shows what it gives."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from notebook_outputs import count_figures, outputs

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "tagging.ipynb"
NUM_FIGURES = 3


@pytest.mark.slow
def test_notebook_runs_with_the_published_models(tmp_path):
    from resemul.errors import DownloadError
    from resemul.prediction.runtime import open_runtime

    try:
        for name in ("mtt-musicnn", "msd-musicnn"):
            open_runtime(name)
    except DownloadError as error:
        pytest.skip(str(error))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # A failing cell raises.
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    assert count_figures(notebook) == NUM_FIGURES
    assert "['slow', 'piano', 'guitar']" in json.dumps(outputs(notebook))


def test_committed_notebook_shows_its_outputs_and_nothing_of_the_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 2**19
    assert count_figures(notebook) == NUM_FIGURES
    assert {output.output_type for output in outputs(notebook)} == {"execute_result"}
    assert "/tmp" not in json.dumps(outputs(notebook))
