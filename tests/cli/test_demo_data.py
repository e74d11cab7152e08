"""`resemul demo-data`, from the command line to files that decode."""

from resemul.audio import load_waveform
from resemul.cli import run_command
from resemul.cli.demo_data import build_parser
from resemul.configs import DatasetConfig
from resemul.datasets import demo, load_annotations


def test_demo_data_writes_mp3_files_that_decode(tmp_path, capsys):
    options = "--num-clips 16 --seed 5 --clip-seconds 0.5 --num-workers 1"
    data_dir = tmp_path / "demo"
    status = run_command("demo-data", ["--data-dir", str(data_dir), *options.split()])
    assert status == 0
    assert "16 clips and 2 damaged ones, 14 tags, seed 5" in capsys.readouterr().out
    annotations = load_annotations(DatasetConfig(data_dir=data_dir))
    waveform = load_waveform(annotations.audio_dir / annotations.tracks[0].path)
    assert 0.5 <= len(waveform) / 22_050 < 0.7


def test_demo_data_says_in_one_line_what_it_refuses(tmp_path, capsys):
    (tmp_path / "annotations_final.csv").write_text("precious")
    assert run_command("demo-data", ["--data-dir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("resemul demo-data: error: ")
    assert error.count("\n") == 1


def test_demo_data_defaults_are_those_of_the_library():
    defaults = build_parser().parse_args([])
    assert defaults.num_clips == demo.NUM_CLIPS
    assert defaults.clip_seconds == demo.CLIP_SECONDS
