"""The pages of the models say what the package knows now."""

import importlib.util
from pathlib import Path

import pytest

from resemul.configs import MODEL_ENTRIES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def model_pages():
    spec = importlib.util.spec_from_file_location(
        "model_pages", DOCS / "model_pages.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", MODEL_ENTRIES)
def test_the_page_of_a_model_is_current(name, model_pages):
    written = (DOCS / "models" / f"{name}.md").read_text("utf-8")
    assert written == model_pages.page(name), "run: python docs/model_pages.py"


def test_there_is_a_page_for_each_model_and_no_other():
    pages = {path.stem for path in (DOCS / "models").glob("*.md")}
    assert pages == set(MODEL_ENTRIES)


def test_every_page_is_linked_from_the_overview():
    overview = (DOCS / "models.md").read_text("utf-8")
    assert all(f"(models/{name}.md)" in overview for name in MODEL_ENTRIES)
