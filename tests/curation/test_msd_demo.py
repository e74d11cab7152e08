import pandas as pd
import pytest

from resemul import cli
from resemul.audio.encode import encode_mp3
from resemul.curation.demo import SPELLINGS, plan_tracks, write_msd_demo
from resemul.datasets.demo import plan_clips
from resemul.errors import DatasetError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The least that there is: 16 clips, 2 damaged, 2 silent, 3 copies, 1 unknown."""
    folder = tmp_path_factory.mktemp("demo") / "msd"
    write_msd_demo(folder, encode_mp3, num_clips=16, clip_seconds=1.0, num_workers=1)
    return folder


def run(*words):
    return cli.run(list(map(str, words)))


def test_the_previews_lie_as_those_of_7digital(demo):
    tracks = plan_tracks(plan_clips(16, 0))
    assert len(tracks) == 24
    paths = sorted((demo / "previews").rglob("*.clip.mp3"))
    assert sorted(demo / "previews" / track.path for track in tracks) == paths


def test_every_stage_finds_what_is_wrong(demo, tmp_path, capsys):
    files, heard, ultimate = (tmp_path / f"{n}.csv" for n in ("f", "h", "u"))
    root = demo / "previews"
    assert run("msd", "fetch", files, "--root-dir", root) == 0
    assert "24 files, 1 left out" in capsys.readouterr().out
    options = ("--root-dir-mp3", root, "--num-workers", "1")
    filters = ("--filter-trim-length", "0.8")
    assert run("msd", "silence", files, heard, *options, *filters) == 0
    # One is empty, one too short, two are silent.
    assert len(pd.read_csv(heard, comment="#")) == 20
    capsys.readouterr()
    lists = ("--path-h5", demo / "msd_summary_file.h5", "--path-db")
    lists += (demo / "lastfm_tags.db", "--path-txt-mism", demo / "sid_mismatches.txt")
    lists += ("--path-txt-dupl", demo / "msd_duplicates.txt")
    lists += ("--discard-no-tag", "--discard-dupl")
    assert run("msd", "wrangle", heard, ultimate, *lists) == 0
    steps = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[:-1]]
    # No track; two for one; two mismatches; ...; no tag; three copies.
    assert steps == ["20", "20", "18", "16", "16", "16", "15", "12"]
    clean = tmp_path / "clean.db"
    words = ("--threshold", "1", "--sub-threshold", "1")
    assert run("msd", "clean-tags", demo / "lastfm_tags.db", clean, *words) == 0
    report = pd.read_csv(tmp_path / "clean.names.csv")
    tag_of = dict(zip(report["name"], report["tag"], strict=True))
    for spellings in SPELLINGS.values():
        # Half of the clips of a demo this small do without some of them.
        assert len({tag_of[name] for name in spellings if name in tag_of}) == 1
    assert "seen live" not in tag_of
    assert tag_of["female vocals"] == "female"
    info = ("msd", "info", "title", "TRDEMO000000000003", "--path-db")
    capsys.readouterr()
    assert run(*info, demo / "track_metadata.db") == 0
    assert capsys.readouterr().out == "TRDEMO000000000003,Demo 3\n"


def test_a_second_run_keeps_what_is_there(demo):
    path = next((demo / "previews").rglob("*.clip.mp3"))
    before = path.stat().st_mtime_ns
    write_msd_demo(demo, encode_mp3, num_clips=16, clip_seconds=1.0, num_workers=1)
    assert path.stat().st_mtime_ns == before
    with pytest.raises(DatasetError, match="other parameters"):
        write_msd_demo(demo, encode_mp3, num_clips=17, clip_seconds=1.0)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(DatasetError, match="holds other files"):
        write_msd_demo(tmp_path, encode_mp3, num_clips=16)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
