"""Records of files that are read whole, or are shorter than a segment."""

import dataclasses
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from resemul.configs import BuildConfig
from resemul.datasets import Annotations, Track
from resemul.errors import ConfigError
from resemul.records import load_clips, read_record_set, write_shards

CONFIG = BuildConfig(
    sample_rate=8_000, num_samples=100, clip_seconds=None, min_segments=0
)
# Samples in the files: short, five segments and a bit, exactly one.
NUM_SAMPLES = {"short": 30, "long": 570, "exact": 100}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Spares a new process and its imports: what happens in a shard is the same."""

    def run_shard_jobs(jobs, folder, state_folder, **options):
        from resemul.records.write import write_shard

        for job in jobs:
            yield write_shard(job, folder, state_folder)

    monkeypatch.setattr("resemul.records.shards.run_shard_jobs", run_shard_jobs)


@pytest.fixture
def annotations(tmp_path):
    for name, num_samples in NUM_SAMPLES.items():
        write_ramp(tmp_path / "audio" / f"{name}.wav", num_samples)
    return Annotations(
        dataset="csv",
        split_name="files-00000000-all",
        tags=("rock",),
        tracks=[
            Track(name, Path(f"{name}.wav"), "test", np.array([1], "uint8"))
            for name in NUM_SAMPLES
        ],
        audio_dir=tmp_path / "audio",
        source_sha256="0" * 64,
    )


def write_ramp(path, num_samples):
    """Samples 1/32768, 2/32768, ... at 8 kHz."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(np.arange(1, num_samples + 1, dtype="<i2").tobytes())


def clips_of(annotations, tmp_path, config):
    """Manifest, and the segments of each clip."""
    manifest = write_shards(annotations, tmp_path / "tfrecord", config)
    records = read_record_set(tmp_path)
    segments = [clip for clip, _ in load_clips(records).as_numpy_iterator()]
    return manifest, dict(zip(records.clip_ids, segments, strict=True))


def test_files_are_read_whole_and_short_ones_padded(annotations, tmp_path):
    manifest, segments = clips_of(annotations, tmp_path, CONFIG)
    assert {name: len(clip) for name, clip in segments.items()} == {
        "short": 1,
        "long": 5,
        "exact": 1,
    }
    ramp = np.arange(1, 571) / 32_768
    assert segments["short"][0].tolist() == [*ramp[:30], *[0.0] * 70]
    assert segments["long"].ravel().tolist() == ramp[:500].tolist()
    assert manifest.short() == []
    assert manifest.skipped() == []
    options = json.loads((tmp_path / "tfrecord/manifest.json").read_text())["identity"]
    assert options["options"]["clip_seconds"] is None


def test_short_files_are_skipped_if_asked(annotations, tmp_path):
    config = dataclasses.replace(CONFIG, min_segments=1)
    manifest, segments = clips_of(annotations, tmp_path, config)
    assert segments.keys() == {"long", "exact"}
    assert [clip.clip_id for clip in manifest.skipped()] == ["short"]


def test_padding_and_a_length_go_together(annotations, tmp_path):
    config = dataclasses.replace(CONFIG, clip_seconds=0.025)
    manifest, segments = clips_of(annotations, tmp_path, config)
    assert {name: len(clip) for name, clip in segments.items()} == {
        "short": 1,
        "long": 2,
        "exact": 1,
    }
    assert sorted(manifest.short()) == [("exact", "test", 1), ("short", "test", 1)]


def test_a_build_is_known_by_the_options_it_always_had(annotations, tmp_path):
    """Else builds of earlier versions would be refused."""
    config = BuildConfig(sample_rate=8_000, num_samples=100, clip_seconds=0.025)
    manifest, _ = clips_of(annotations, tmp_path, config)
    assert manifest.identity.options == {
        "sample_rate": 8_000,
        "num_samples": 100,
        "clip_seconds": 0.025,
        "num_audios_per_shard": 100,
        "min_segments": 1,
        "decoder": "pyav",
    }


def test_build_config_refuses_fewer_than_no_segments():
    with pytest.raises(ConfigError, match="min_segments must be at least 0, got -1"):
        BuildConfig(clip_seconds=None, min_segments=-1)
    with pytest.raises(ConfigError, match="min_segments must be 0 to 10, got 11"):
        BuildConfig(min_segments=11)
