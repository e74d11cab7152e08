"""`resemul build` on files of one's own: the options, and one build of each kind."""

import json
import wave

import numpy as np
import pytest

from resemul import cli
from resemul.cli import build
from resemul.cli.build_options import build_config
from resemul.configs import BuildConfig
from resemul.errors import ConfigError

SECONDS = {"low/a.wav": 1, "low/b.wav": 3, "high/c.wav": 6, "high/d.wav": 1}


@pytest.fixture
def sounds(tmp_path):
    """Two folders with two tones each."""
    for name, seconds in SECONDS.items():
        path = tmp_path / "sounds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        hz = 300 if name.startswith("low") else 2_000
        tone = np.sin(2 * np.pi * hz * np.arange(seconds * 8_000) / 8_000)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8_000)
            file.writeframes((10_000 * tone).astype("<i2").tobytes())
    return tmp_path / "sounds"


def config_of(*options):
    return build_config(build.build_parser().parse_args(options))


def run_build(data_dir, *options):
    return cli.run(
        ["build", "--data-dir", str(data_dir), "--num-workers", "1", *options]
    )


def test_mtt_is_built_as_ever():
    assert config_of() == BuildConfig()


def test_other_collections_are_read_whole_and_padded():
    config = config_of("--dataset", "csv", "--annotations", "my.csv")
    assert (config.clip_seconds, config.min_segments) == (None, 0)
    config = config_of("--dataset", "folders", "--clip-seconds", "29")
    assert (config.clip_seconds, config.min_segments) == (29.0, 0)
    assert config_of("--clip-seconds", "all").clip_seconds is None
    assert config_of("--dataset", "csv", "--min-segments", "2").min_segments == 2


@pytest.mark.parametrize("length", ["0", "-1", "nan", "inf", "long"])
def test_a_length_must_be_one(length):
    with pytest.raises(ConfigError, match=f"--clip-seconds .*, got '?{length}"):
        config_of(f"--clip-seconds={length}")


@pytest.mark.slow
def test_folders_become_records(sounds, tmp_path, capsys):
    options = ["--dataset", "folders", "--audio-dir", str(sounds), "--ratio", "2:1:1"]
    assert run_build(tmp_path / "mine", *options) == 0
    assert "split stratified-2:1:1-seed0, 2 tags" in capsys.readouterr().out
    manifest = json.loads((tmp_path / "mine/tfrecord/manifest.json").read_text())
    clips = dict(clip for shard in manifest["shards"] for clip in shard["clips"])
    # 6 s hold two segments of 2.68 s; what is shorter than one is padded to one.
    assert clips == {"low/a.wav": 1, "low/b.wav": 1, "high/c.wav": 2, "high/d.wav": 1}
    assert manifest["num_skipped"] == 0
    assert run_build(tmp_path / "mine", *options, "--split-seed", "1") == 1
    assert "stratified-2:1:1-seed0 -> stratified-2:1:1-seed1" in capsys.readouterr().err


@pytest.mark.slow
def test_a_table_with_a_missing_file_is_built_without_it(sounds, tmp_path, capsys):
    (sounds / "my.csv").write_text(
        "path,tags,artist\nlow/a.wav,low,Ann\nlow/b.wav,low,Ann\nhigh/c.wav,high,Bob\n"
        "high/d.wav,high,Cid\nlow/e.wav,low;soft,Ann\n"
    )
    options = ["--dataset", "csv", "--annotations", str(sounds / "my.csv")]
    options += ["--ratio", "1:1:1"]
    assert run_build(tmp_path / "mine", *options) == 1
    assert "1 of 5 audio files do not exist" in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()
    assert run_build(tmp_path / "mine", *options, "--skip-missing") == 0
    out = capsys.readouterr().out
    assert "split stratified-by-artist-1:1:1-seed0, 3 tags" in out
    assert "clip low/e.wav: low/e.wav does not exist" in out
