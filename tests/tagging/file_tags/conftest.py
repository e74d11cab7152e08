"""Songs to write tags into, and a journal of each test's own."""

import json
import shutil
from pathlib import Path

import pytest
from songs import CONTAINERS, make_song

from resemul.configs.file_tags import FileTagsConfig
from resemul.tagging.file_tags import (
    Plan,
    WriteRules,
    apply_plan,
    group_by_song,
    open_journal,
    plan_songs,
    published_meanings,
)

TAGS = {"rock": 0.5, "indie rock": 0.25, "Mellow": 0.2, "sad": 0.1, "guitar": 0.05}


@pytest.fixture(scope="session")
def _song_masters(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    return {ending: make_song(folder / f"song.{ending}") for ending in CONTAINERS}


@pytest.fixture
def song(tmp_path, _song_masters):
    """A function that puts a song of a container into the test's folder."""

    def copy(ending: str, name: str = "song") -> Path:
        return shutil.copy(_song_masters[ending], tmp_path / f"{name}.{ending}")

    return copy


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """Where the journal is."""
    monkeypatch.setenv("RESEMUL_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "file-tags"


@pytest.fixture
def heard():
    """A function that says what `resemul tag` would of songs, as JSON lines."""

    def write(*paths: Path, tags=TAGS, model="msd-musicnn") -> str:
        return "".join(
            json.dumps(
                {
                    "path": str(path),
                    "model": model,
                    "model_sha256": "ab" * 32,
                    "resemul": "0.1.0",
                    "status": "tagged",
                    "error": None,
                    "seconds": 0.5,
                    "tags": tags,
                }
            )
            + "\n"
            for path in paths
        )

    return write


@pytest.fixture
def planned(heard):
    """A function that plans songs."""

    def plan(*paths: Path, config: FileTagsConfig | None = None, **kwargs) -> Plan:
        config = config or FileTagsConfig()
        results = map(json.loads, heard(*paths, **kwargs).splitlines())
        songs = plan_songs(group_by_song(results), published_meanings(), config)
        return Plan([song for song in songs if song.changes], config.formats, "now")

    return plan


@pytest.fixture
def written(planned, data_folder):
    """A function that plans songs and writes them; the run and the outcomes."""

    def write(*paths: Path, rules: WriteRules | None = None, **kwargs):
        plan = planned(*paths, **kwargs)
        with open_journal(data_folder) as journal:
            run = journal.start_run(Path("plan.jsonl"))
            outcomes = list(apply_plan(plan, journal, run, rules or WriteRules()))
        return run, outcomes

    return write


@pytest.fixture
def undone(data_folder):
    """A function that takes a run back; the outcomes."""
    from resemul.tagging.file_tags import undo_run

    def undo(run: str, rules: WriteRules | None = None):
        with open_journal(data_folder) as journal:
            return list(undo_run(journal, run, rules or WriteRules()))

    return undo
