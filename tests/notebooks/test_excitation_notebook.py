import dataclasses
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from notebook_outputs import count_figures, outputs

from resemul.checkpoints.card import ModelCard
from resemul.checkpoints.model_file import save_model
from resemul.configs import SampleCNNConfig
from resemul.excitations import extract_excitations, save_excitations
from resemul.models import build_model
from resemul.records import load_clips, read_record_set

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "excitation_analysis.ipynb"
MAX_BYTES = 2**20
NUM_FIGURES = 7


@pytest.fixture
def demo(tmp_path, monkeypatch, tiny_records, tiny_model_options):
    """A tiny model, its excitations and records, in the notebook's variables."""
    records = read_record_set(tiny_records)
    model = build_model("sample_cnn", 3, **tiny_model_options)
    card = ModelCard(
        model="sample_cnn",
        options=dataclasses.asdict(SampleCNNConfig(**tiny_model_options)),
        tags=list(records.tags),
        sample_rate=records.sample_rate,
        num_samples=records.num_samples,
    )
    save_model(model, card, tmp_path / "model.keras")
    clips = load_clips(records).as_numpy_iterator()
    table = extract_excitations(model, clips, records.tags)
    save_excitations(table, tmp_path / "ex.parquet")
    monkeypatch.setenv("RESEMUL_MODEL", str(tmp_path / "model.keras"))
    monkeypatch.setenv("RESEMUL_EXCITATIONS", str(tmp_path / "ex.parquet"))
    monkeypatch.setenv("RESEMUL_DATA_DIR", str(tiny_records))
    monkeypatch.setenv("RESEMUL_TAGS", "loud,low")


@pytest.mark.slow
def test_notebook_runs_on_other_files(demo, tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    # A failing cell raises.
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    assert count_figures(notebook) == NUM_FIGURES
    texts = json.dumps(outputs(notebook))
    assert "'rows': 27, 'tags': 3, 'clips': 7" in texts
    assert "'segments': 9" in texts


def test_committed_notebook_shows_its_outputs_and_nothing_of_the_machine():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < MAX_BYTES
    assert count_figures(notebook) == NUM_FIGURES
    assert {output.output_type for output in outputs(notebook)} == {"execute_result"}
    texts = [
        "".join(content)
        for output in outputs(notebook)
        for kind, content in output.data.items()
        if kind.startswith("text/")
    ]
    assert not re.search(r"(^|[\s'\"(=])/\w+/", "\n".join(texts), re.MULTILINE)
