"""The demo data set: its layout, its balance, and what it refuses to touch."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from resemul.configs import DatasetConfig
from resemul.datasets import load_annotations
from resemul.datasets.demo import (
    DEMO_TAGS,
    MARKER_FILE,
    format_annotations,
    plan_clips,
    render,
    write_demo,
)
from resemul.datasets.demo_sounds import SAMPLE_RATE, SOURCES, render_clip
from resemul.errors import ConfigError, DatasetError

NUM_CLIPS = 16


def encode_stub(waveform: np.ndarray, sample_rate: int, bit_rate: int) -> bytes:
    return gzip.compress(waveform.tobytes(), mtime=0)


def write_small(data_dir: Path, seed: int = 0, num_clips: int = NUM_CLIPS) -> int:
    return write_demo(data_dir, encode_stub, num_clips, seed, clip_seconds=0.2)


def contents(data_dir: Path) -> dict[str, bytes]:
    files = sorted(path for path in data_dir.rglob("*") if path.is_file())
    return {str(path.relative_to(data_dir)): path.read_bytes() for path in files}


def test_write_demo_gives_a_data_set_that_load_tracks_reads(tmp_path):
    num_written = write_small(tmp_path)
    annotations = load_annotations(DatasetConfig(data_dir=tmp_path))
    assert num_written == NUM_CLIPS + 3  # two damaged clips and the annotations
    assert set(annotations.tags) == set(DEMO_TAGS)
    assert annotations.split_sizes() == {"train": 14, "val": 1, "test": 3}
    assert all((annotations.audio_dir / t.path).is_file() for t in annotations.tracks)


def test_write_demo_adds_one_empty_and_one_shortened_file_to_training(tmp_path):
    write_small(tmp_path)
    *_, empty, short = load_annotations(DatasetConfig(data_dir=tmp_path)).tracks
    whole = plan_clips(NUM_CLIPS, 0)[-1]
    whole_size = len(encode_stub(render(whole, 0, 0.2), SAMPLE_RATE, 0))
    assert (tmp_path / "mp3" / empty.path).stat().st_size == 0
    assert (tmp_path / "mp3" / short.path).stat().st_size == whole_size // 2
    assert {empty.split, short.split} == {"train"}


def test_write_demo_gives_the_same_bytes_for_the_same_seed_only(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_small(tmp_path / name, seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_write_demo_keeps_what_is_there_and_adds_what_is_missing(tmp_path):
    write_small(tmp_path)
    before = contents(tmp_path)
    next((tmp_path / "mp3" / "3").iterdir()).unlink()
    assert write_small(tmp_path) == 1
    assert write_small(tmp_path) == 0
    assert contents(tmp_path) == before


def test_write_demo_goes_on_after_a_stop(tmp_path):
    num_encoded = 0

    def encode_until_stopped(waveform, sample_rate, bit_rate):
        nonlocal num_encoded
        num_encoded += 1
        if num_encoded == 5:
            raise KeyboardInterrupt
        return encode_stub(waveform, sample_rate, bit_rate)

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path, encode_until_stopped, NUM_CLIPS, 0, 0.2)
    assert not (tmp_path / "annotations_final.csv").exists()
    assert write_small(tmp_path) == NUM_CLIPS + 3 - 4


def test_write_demo_with_workers_gives_the_same_bytes(tmp_path):
    write_small(tmp_path / "alone")
    write_demo(tmp_path / "pool", encode_stub, NUM_CLIPS, 0, 0.2, num_workers=2)
    assert contents(tmp_path / "alone") == contents(tmp_path / "pool")


@pytest.mark.parametrize("name", ["annotations_final.csv", "mp3/0/real.mp3"])
def test_write_demo_leaves_a_real_data_set_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("precious")
    with pytest.raises(DatasetError, match="was not written by demo-data"):
        write_small(tmp_path)
    assert contents(tmp_path) == {name: b"precious"}


def test_write_demo_leaves_a_demo_with_other_parameters_alone(tmp_path):
    write_small(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(DatasetError, match=r"seed 0.*asked for.*seed 1"):
        write_small(tmp_path, seed=1)
    assert contents(tmp_path) == before


def test_write_demo_leaves_annotations_alone_that_were_changed(tmp_path):
    write_small(tmp_path)
    (tmp_path / "annotations_final.csv").write_text("precious")
    with pytest.raises(DatasetError, match="was changed"):
        write_small(tmp_path)
    assert (tmp_path / "annotations_final.csv").read_text() == "precious"


def test_write_demo_names_a_broken_marker(tmp_path):
    (tmp_path / MARKER_FILE).write_text("{")
    with pytest.raises(DatasetError, match=MARKER_FILE):
        write_small(tmp_path)


def test_write_demo_names_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        write_small(tmp_path / "file")


@pytest.mark.parametrize("option", ["clip_seconds", "num_workers"])
def test_write_demo_refuses_a_zero(tmp_path, option):
    with pytest.raises(ConfigError, match=f"{option} must be .* got 0"):
        write_demo(tmp_path, encode_stub, **{option: 0})
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(("num_clips", "seed"), [(15, 0), (16, -1)])
def test_plan_clips_refuses_bad_numbers(num_clips, seed):
    with pytest.raises(ConfigError, match=r"got (15|-1)"):
        plan_clips(num_clips, seed)


@pytest.mark.parametrize("num_clips", [160, 192])
@pytest.mark.parametrize("seed", range(20))
def test_plan_clips_spreads_every_tag_over_every_split(num_clips, seed):
    clips = plan_clips(num_clips, seed)
    for folders, least in (("def", 6), ("c", 1), ("0123456789ab", 20)):
        chosen = [clip for clip in clips if clip.folder in folders]
        for tag in DEMO_TAGS:
            num_with = sum(tag in clip.tags for clip in chosen)
            assert least <= num_with <= len(chosen) - least


def test_plan_clips_gives_each_clip_two_to_five_labels_and_a_path_of_its_own():
    clips = plan_clips(192, seed=0)
    assert {len(clip.tags) for clip in clips} == {2, 3, 4, 5}
    assert all(len(set(clip.tags)) == len(clip.tags) for clip in clips)
    assert len({clip.path for clip in clips}) == len(clips) == 194


def test_format_annotations_looks_like_mtt():
    header, first, *_, end = format_annotations(plan_clips(16, 0)).split(b"\r\n")
    assert header.startswith(b'"clip_id"\t"guitar"\t"drums"\t')
    assert header.endswith(b'\t"mp3_path"')
    assert re.fullmatch(rb'"1"(\t"[01]"){14}\t"0/[\w-]+-0-29\.mp3"', first)
    assert end == b""


def test_render_is_louder_for_loud_than_for_quiet_clips():
    levels: dict[str | None, list[float]] = {"quiet": [], None: [], "loud": []}
    for clip in plan_clips(32, seed=0):
        levels[clip.loudness].append(float(np.std(render(clip, 0, 1.0))))
    assert max(levels["quiet"]) < min(levels[None])
    assert max(levels[None]) < min(levels["loud"])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("notes_per_second", [0.6, 8.0])
def test_render_clip_fills_its_length_with_finite_sound(source, notes_per_second):
    rng = np.random.default_rng(0)
    sound = render_clip((source,), notes_per_second, -20, 2 * SAMPLE_RATE, rng)
    assert sound.shape == (2 * SAMPLE_RATE,)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() < 1
    assert np.std(sound) == pytest.approx(0.1, rel=0.3)


def test_render_clip_puts_bells_above_bass():
    def centre_hz(source: str) -> float:
        rng = np.random.default_rng(0)
        spectrum = np.abs(np.fft.rfft(render_clip((source,), 2, -20, SAMPLE_RATE, rng)))
        return float(np.average(np.arange(len(spectrum)), weights=spectrum**2))

    assert centre_hz("bass") < 150
    assert centre_hz("bells") > 900
