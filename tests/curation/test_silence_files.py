import io
import json
import os

import numpy as np
import pandas as pd
import pytest

from resemul.audio.encode import encode_mp3
from resemul.configs.curation import SilenceFilter
from resemul.curation.silence_files import (
    SilenceConfig,
    measure_file,
    write_silence,
)
from resemul.curation.stored_intervals import common_folder, npz_path_of, read_npz
from resemul.errors import AudioError, DatasetError

RATE = 16_000


@pytest.fixture(scope="module")
def mp3s():
    """A tone of 2 s with a gap of 1 s inside, and 1 s of zeros."""
    tone = 0.3 * np.sin(np.arange(RATE) / 5).astype("float32")
    gap = np.zeros(RATE, "float32")
    return {
        "gap.clip.mp3": encode_mp3(np.concatenate([tone, gap, tone]), RATE, 32_000),
        "zeros.clip.mp3": encode_mp3(gap, RATE, 32_000),
        "broken.clip.mp3": b"no audio" * 50,
        "#1.clip.mp3": encode_mp3(tone, RATE, 32_000),
    }


@pytest.fixture
def source(tmp_path, mp3s):
    """A table of four files, one of them broken."""
    for name, content in mp3s.items():
        (tmp_path / name).write_bytes(content)
    table = pd.DataFrame({"file_path": list(mp3s), "file_size": range(1, 5)})
    path = tmp_path / "files.csv"
    path.write_text("# fetched\n" + table.to_csv(index=False))
    return path


def run(source, wanted=None, measure=measure_file, **config):
    """What a run writes, and what it says."""
    output = io.StringIO()
    summary = write_silence(
        source,
        output,
        source.with_name("journal"),
        SilenceConfig(root=source.parent, **config),
        wanted or SilenceFilter(),
        measure,
    )
    return pd.read_csv(io.StringIO(output.getvalue()), index_col="mp3_path"), summary


def test_a_file_is_measured_at_its_own_rate(source):
    found = measure_file(source.with_name("gap.clip.mp3"))
    assert found["sample_rate"] == RATE
    (_, first_end), (second_start, _) = found["split"]
    # mp3 smears a sound by up to a frame; hops are 32 ms.
    assert first_end / RATE == pytest.approx(1.0, abs=0.2)
    assert second_start / RATE == pytest.approx(2.0, abs=0.2)


def test_rows_get_their_columns_and_broken_files_are_listed(source):
    table, summary = run(source)
    assert table.index.tolist() == ["gap.clip.mp3", "zeros.clip.mp3", "#1.clip.mp3"]
    assert table["effective_clip_length"]["zeros.clip.mp3"] == 0
    assert table["max_silence_length"]["gap.clip.mp3"] == pytest.approx(1, abs=0.2)
    assert (summary.num_rows, summary.num_left) == (4, 3)
    [(path, reason)] = summary.broken
    assert path == "broken.clip.mp3"
    assert "broken.clip.mp3" in reason


def test_a_silent_file_does_not_pass_a_filter(source):
    table, _ = run(source, SilenceFilter(trim_length=0.5))
    assert table.index.tolist() == ["gap.clip.mp3", "#1.clip.mp3"]
    table, _ = run(source, SilenceFilter(max_silence=0.5, min_size=3))
    assert table.index.tolist() == ["#1.clip.mp3"]


def test_worker_processes_give_the_same(source):
    one, _ = run(source)
    source.with_name("journal").unlink()
    two, _ = run(source, num_workers=2)
    pd.testing.assert_frame_equal(one, two)


def end_if_fatal(path, *rest):
    if path.name == "fatal.mp3":
        os._exit(3)
    return measure_file(path, *rest)


def test_a_file_that_kills_its_process_is_listed(source):
    source.write_text("file_path,file_size\nfatal.mp3,1\ngap.clip.mp3,1\n")
    table, summary = run(source, num_workers=1, measure=end_if_fatal)
    assert table.index.tolist() == ["gap.clip.mp3"]
    [(path, reason)] = summary.broken
    assert path == "fatal.mp3"
    assert "died" in reason


def test_a_stopped_run_goes_on_where_it_was(source):
    whole, _ = run(source)
    journal = source.with_name("journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 5
    # Killed in the middle of the third row.
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:9])
    measured = []

    def measure(path, padding):
        measured.append(path.name)
        return measure_file(path, padding)

    again, summary = run(source, num_workers=0, measure=measure)
    pd.testing.assert_frame_equal(again, whole)
    done = {json.loads(line)["row"] for line in lines[1:3]}
    names = pd.read_csv(source, comment=None, skiprows=1)["file_path"]
    assert measured == [name for row, name in enumerate(names) if row not in done]
    assert len(summary.broken) == 1


def test_a_journal_of_another_table_does_not_count(source):
    run(source)
    source.write_text(source.read_text().replace("zeros.clip.mp3,2\n", ""))
    table, _ = run(source)
    assert table.index.tolist() == ["gap.clip.mp3", "#1.clip.mp3"]


def test_a_table_that_has_the_columns_is_only_filtered(source):
    output = source.with_name("heard.csv")
    table, _ = run(source)
    table.reset_index().to_csv(output, index=False)
    again, summary = run(output, SilenceFilter(trim_length=2), measure=None)
    assert again.index.tolist() == ["gap.clip.mp3"]
    assert again.columns.tolist() == table.columns.tolist()
    assert summary.num_rows == 3


def test_intervals_of_the_original_are_taken(source, tmp_path):
    (tmp_path / "npz").mkdir()
    np.savez(tmp_path / "npz" / "broken.npz", array=np.zeros(9), sr=10, split=[[5, 25]])
    (tmp_path / "npz" / "gap.npz").write_bytes(b"PK\x03\x04 cut off")
    table, summary = run(source, npz_root=tmp_path / "npz")
    assert table["audio_start"]["broken.clip.mp3"] == 0.5
    assert table["audio_end"]["broken.clip.mp3"] == 2.5
    assert table["npz_path"]["gap.clip.mp3"] == "gap.npz"
    assert table["max_silence_length"]["gap.clip.mp3"] == pytest.approx(1, abs=0.2)
    assert summary.broken == []


def test_stored_objects_are_not_unpickled(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, split=np.array([{}], dtype=object), sr=1)
    with pytest.raises(AudioError, match="allow_pickle"):
        read_npz(path)


def test_npz_files_lie_as_the_mp3s_do(tmp_path):
    assert npz_path_of("1/2/12.clip.mp3", tmp_path) == "1/2/12.npz"
    assert npz_path_of("a/song.flac", tmp_path) == "a/song.npz"
    assert npz_path_of(f"{tmp_path}/1/12.clip.mp3", tmp_path) == "1/12.npz"
    root = tmp_path / "mp3"
    assert common_folder(["a/x.mp3", "b/y.mp3"], root) == root
    inside = [f"{root}/a/x.mp3", f"{root}/b/y.mp3"]
    assert common_folder(inside, root) == root
    assert common_folder(inside, tmp_path / "elsewhere") == root
    assert common_folder(inside[:1], tmp_path / "elsewhere") == root / "a"
    assert common_folder([], root) == root


def test_a_table_without_paths_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,file_size\n1,2\n")
    with pytest.raises(DatasetError, match="no column mp3_path, file_path"):
        run(path)
    path.write_text("file_path,file_size\n,2\n")
    with pytest.raises(DatasetError, match="row 1 has no path"):
        run(path)


def test_stored_audio_without_intervals_is_looked_at(tmp_path):
    from resemul.curation.stored_intervals import read_npz

    sound = np.ones(8_192, "float32") * 0.1
    silence = np.zeros(16_384, "float32")
    array = np.concatenate([sound, silence, sound])
    np.savez(tmp_path / "1.npz", array=array, sr=8_000)
    found = read_npz(tmp_path / "1.npz")
    assert found["sample_rate"] == 8_000
    [[start, end], [again, stop]] = found["split"]
    assert (start, stop) == (0, 32_768)
    # Within a frame of where the sound ends and begins again.
    assert abs(end - 8_192) <= 2_048
    assert abs(again - 24_576) <= 2_048
