"""`resemul build`; what the records hold is tested with `records`."""

import json

import pytest

from resemul import cli
from resemul.records import shards
from resemul.records.write import write_shard


@pytest.fixture
def build(tiny_dataset, monkeypatch, capsys):
    """Runs `resemul build` without worker processes, which take seconds to start."""
    asked = {}

    def run_shard_jobs(jobs, folder, state_folder, num_workers, **options):
        asked["num_workers"] = num_workers
        for job in jobs:
            yield write_shard(job, folder, state_folder)

    monkeypatch.setattr(shards, "run_shard_jobs", run_shard_jobs)

    def run(*options):
        status = cli.run(["build", "--data-dir", str(tiny_dataset), *options])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    run.data_dir = tiny_dataset
    run.asked = asked
    return run


def read_manifest(build):
    return json.loads((build.data_dir / "tfrecord/manifest.json").read_text())


def test_build_prints_what_the_records_hold(build):
    status, out, _ = build("--num-audios-per-shard", "3")
    assert status == 0
    lines = out.splitlines()
    assert lines[:4] == [
        f"split mtt-tagged, 3 tags, in {build.data_dir / 'tfrecord'}",
        "  train     17 clips      18 segments",
        "  val        3 clips       3 segments",
        "  test       7 clips       9 segments",
    ]
    assert lines[4] == "27 clips are short, and used with the segments they have:"
    assert lines[5].endswith(": 1 of 10 segments")
    assert len(list((build.data_dir / "tfrecord").glob("*.tfrecord"))) == 8


def test_build_lists_the_clips_it_skipped(build):
    path = sorted((build.data_dir / "mp3/0").iterdir())[0]
    path.write_bytes(b"")
    status, out, _ = build()
    assert status == 0
    assert out.splitlines()[-2:] == [
        "1 clips were skipped:",
        f"  train clip 100: 0/{path.name} is empty (0 bytes)",
    ]


def test_build_says_how_many_clips_are_mostly_silence(build):
    status, out, _ = build("--num-samples", "110250", "--min-segments", "0")
    assert status == 0
    # 5 s in a segment; all but three clips of 6 s last 3 s.
    assert "24 of 27 clips are shorter than a segment of 5.00 s" in out
    assert "filled with silence: they have 3.0" in out
    assert read_manifest(build)["num_padded"] == 24


def test_build_writes_its_records_where_it_is_told(build, tmp_path):
    assert build("--records-dir", str(tmp_path / "records-16k"))[0] == 0
    assert (tmp_path / "records-16k/manifest.json").exists()
    assert not (build.data_dir / "tfrecord").exists()


def test_build_keeps_untagged_clips_if_asked(build):
    status, out, _ = build("--keep-untagged")
    assert status == 0
    assert out.startswith("split mtt-all, 3 tags")
    assert "  train     18 clips" in out


def test_build_hands_its_options_on(build):
    options = ["--sample-rate", "16000", "--num-samples", "16000"]
    options += ["--min-segments", "4", "--num-workers", "3"]
    assert build(*options)[0] == 0
    manifest = read_manifest(build)
    assert manifest["identity"]["options"] == {
        "sample_rate": 16_000,
        "num_samples": 16_000,
        "clip_seconds": 29.0,
        "num_audios_per_shard": 100,
        "min_segments": 4,
        "decoder": "pyav",
    }
    # Three of the clips last 6 s; the other have 3 of the 4 segments.
    assert manifest["num_skipped"] == 24
    assert build.asked["num_workers"] == 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--model", "fcn4"], (12_000, 349_440, 30.0, 0)),
        (["--model", "fcn4", "--num-samples", "9"], (12_000, 9, 30.0, 0)),
        (["--model", "fcn4", "--clip-seconds", "all"], (12_000, 349_440, None, 0)),
        (["--model", "fcn4", "--dataset", "csv"], (12_000, 349_440, None, 0)),
        (["--model", "pons_log_mel", "--dataset", "csv"], (16_000, 240_000, None, 0)),
        (["--sample-rate", "16000"], (16_000, 59_049, 29.0, 1)),
    ],
)
def test_build_makes_the_records_of_the_model_but_for_what_is_given(options, expected):
    from resemul.cli.build import build_parser
    from resemul.cli.build_options import build_config

    config = build_config(build_parser().parse_args(options))
    assert expected == (
        config.sample_rate,
        config.num_samples,
        config.clip_seconds,
        config.min_segments,
    )


def test_build_again_says_the_same(build):
    first = build()[:2]
    assert build()[:2] == first


def test_build_with_other_options_is_refused_until_overwritten(build):
    build()
    status, out, err = build("--num-samples", "22050")
    assert status == 1
    assert out == ""
    assert "num_samples 59049 -> 22050" in err
    assert "--overwrite" in err
    assert err.count("\n") == 1
    assert build("--num-samples", "22050", "--overwrite")[0] == 0
    assert read_manifest(build)["identity"]["options"]["num_samples"] == 22_050


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--sample-rate", "0"],
            "--sample-rate must be at least 1000 and at most 768000, got 0",
        ),
        (["--num-samples", "0"], "--num-samples must be at least 1, got 0"),
        (["--num-audios-per-shard", "0"], "--num-audios-per-shard must be at least 1"),
        (["--min-segments", "11"], "to 10, got 11"),
        (
            ["--num-samples", "700000"],
            "no segment of 700000 samples (--num-samples) fits into 29.0 s",
        ),
    ],
)
def test_build_refuses_options_that_cannot_work(build, options, message):
    status, _, err = build(*options)
    assert status == 1
    assert message in err
    assert not (build.data_dir / "tfrecord").exists()


def test_build_without_annotations_names_the_remedy(tmp_path, capsys):
    assert cli.run(["build", "--data-dir", str(tmp_path)]) == 1
    assert "'resemul download mtt' fetches it" in capsys.readouterr().err


def test_build_without_audio_says_so(build):
    import shutil

    shutil.rmtree(build.data_dir / "mp3")
    status, _, err = build()
    assert status == 1
    assert f"{build.data_dir / 'mp3'} does not exist" in err
