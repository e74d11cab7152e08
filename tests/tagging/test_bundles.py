"""Bundles of files, tagged by tasks that know nothing of each other."""

import json
import os

import numpy as np
import pytest
from loudness import NUM_SAMPLES, constant, wav_of

from resemul.cli import tag
from resemul.configs.tagging import LibraryConfig
from resemul.errors import ConfigError, WeightsError
from resemul.runtime.tasks import Share, Task
from resemul.tagging.bundles import Bundles, Models, Work, tag_bundle
from resemul.tagging.packing import pack, unpack
from resemul.tagging.results import TagResult, Timeline


@pytest.fixture
def listed(tmp_path):
    """A list of five songs, one of them broken."""
    names = []
    for number in range(1, 6):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(wav_of(constant(number / 10, number * NUM_SAMPLES)))
        names.append(str(path))
    (tmp_path / "3.wav").write_bytes(b"")
    (tmp_path / "files.txt").write_text("\n".join(names))
    return tmp_path / "files.txt"


def run(listed, out, *options):
    args = ["--list", str(listed), "--model", "mtt-musicnn", "-o", str(out)]
    args += ["--timeline"]
    args += ["--files-per-part", "2", "--num-workers", "1", *options]
    return tag.main(tag.build_parser().parse_args(args))


def test_results_come_back_as_they_were(tmp_path):
    timeline = Timeline(np.arange(2.0), np.arange(2.0) + 1, np.ones((2, 3), "float32"))
    scores = np.array([0.1, 0.2, 0.3], "float32")
    tags = ("x", "y", "z")
    one = TagResult("a\udce9", "m", "tagged", tags, scores, "", 2.0, timeline)
    other = TagResult("b", "m", "failed", error="gone")
    wide = TagResult("c", "n", "tagged", ("v",), scores[:1], embeddings=np.ones((2, 5)))
    path = tmp_path / "part.npz"
    path.write_bytes(pack([[one, wide], [other, wide]], ["mark", None]))
    results, about = unpack(path)
    assert about == ["mark", None]
    assert [[r.path for r in of_file] for of_file in results] == [
        ["a\udce9", "c"],
        ["b", "c"],
    ]
    assert results[0][0].to_dict(True) == one.to_dict(True)
    np.testing.assert_array_equal(results[0][0].scores, scores)
    np.testing.assert_array_equal(results[1][1].embeddings, np.ones((2, 5)))
    path.write_bytes(path.read_bytes()[:-30])
    assert unpack(path) is None


def test_tasks_in_any_order_write_what_one_run_does(open_fakes, listed, capsys):
    whole, shared = listed.with_name("one.jsonl"), listed.with_name("many.jsonl")
    assert run(listed, whole) == 1  # a file is broken
    for task in ("3/3", "3/3", "1/3"):
        assert run(listed, shared, "--task", task) == 0
        assert not shared.exists()
    assert "task 1/3 is done" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"1 of 3 parts are missing.*: --task 2/3$"):
        run(listed, shared, "--finish")
    assert run(listed, shared, "--task", "2/3") == 1
    assert shared.read_bytes() == whole.read_bytes()
    # A task that comes late has nothing to do.
    assert run(listed, shared, "--task", "1/3") == 0
    assert "holds all of it already" in capsys.readouterr().out
    assert not list(listed.parent.glob(".many.jsonl.parts/*.npz"))


def test_tasks_need_an_output(open_fakes, listed):
    args = tag.build_parser().parse_args(["--list", str(listed), "--task", "1/2"])
    with pytest.raises(ConfigError, match="give -o OUT"):
        tag.main(args)


def work_of(tagger, folder):
    library = LibraryConfig(num_workers=1, files_per_part=2)
    return Work.of(folder, Models(("m",)), [tagger], library)


def test_a_part_is_made_once_and_again_for_files_that_changed(tagger, listed, tmp_path):
    work = work_of(tagger, tmp_path)
    names = listed.read_text().split("\n")
    bundles = list(Bundles(names, work))
    assert [len(bundle.paths) for bundle in bundles] == [2, 2, 1]
    assert tag_bundle(bundles[0], work, [tagger]) == 0
    assert tag_bundle(bundles[0], work, [tagger]) == 2
    os.utime(names[0], ns=(0, 0))
    assert tag_bundle(bundles[0], work, [tagger]) == 1


def test_another_model_of_that_name_is_refused(tagger, listed, tmp_path):
    work = work_of(tagger, tmp_path)
    said = json.loads(work.parameters_json)
    said["models"][0][1] = "other"
    other = Work(tmp_path, work.models, work.library, json.dumps(said))
    [bundle, *_] = Bundles(listed.read_text().split("\n"), other)
    with pytest.raises(WeightsError, match="is not what the command"):
        tag_bundle(bundle, other, [tagger])


def test_bundles_are_cut_by_whoever_counts_the_same(tagger, tmp_path):
    work = work_of(tagger, tmp_path)
    names = [f"{number}.mp3" for number in range(7)]
    one, other = Bundles(iter(names), work), Bundles(names, work)
    assert one.num_files == 7
    assert one.digest == other.digest != Bundles(names[:-1], work).digest
    picked = [list(Share(Task(n, 2)).pick(one)) for n in (1, 2)]
    assert sorted(picked[0] + picked[1], key=lambda b: b.part) == list(other)
