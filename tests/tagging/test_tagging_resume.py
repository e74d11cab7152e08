"""A run that was stopped goes on: what is finished is not done again."""

import numpy as np
import pytest
from loudness import NUM_SAMPLES, LoudnessRuntime, constant, wav_of

from resemul.configs.tagging import LibraryConfig
from resemul.errors import ConfigError
from resemul.tagging.resume import Parts, tag_with_parts
from resemul.tagging.tagger import Tagger

CONFIG = LibraryConfig(num_workers=1)


@pytest.fixture
def paths(tmp_path):
    paths = []
    for number in range(1, 5):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(wav_of(constant(number / 10, number * NUM_SAMPLES)))
        paths.append(str(path))
    (tmp_path / "3.wav").write_bytes(b"")
    return paths


@pytest.fixture
def parts(tmp_path):
    with Parts.beside(tmp_path / "out.csv") as parts:
        yield parts


def run(taggers, paths, parts, **options):
    """The results, and for each file whether it was known."""
    pairs = list(tag_with_parts(taggers, paths, CONFIG, parts, **options))
    return [results for results, _ in pairs], [known for _, known in pairs]


def test_a_second_run_reads_what_the_first_has_finished(tagger, paths, parts):
    results = tag_with_parts([tagger], paths, CONFIG, parts)
    next(results), next(results)
    results.close()
    expected, _ = run([tagger], paths, None)
    found, known = run([tagger], paths, parts)
    assert known == [True, True, False, False]
    for [one], [other] in zip(found, expected, strict=True):
        assert one.to_dict(True) == other.to_dict(True)
        np.testing.assert_array_equal(one.scores, other.scores)
    assert run([tagger], paths, parts)[1] == [True] * 4


def test_failures_are_remembered(tagger, paths, parts):
    run([tagger], paths, parts)
    found, known = run([tagger], paths, parts)
    assert known[2]
    assert "is empty" in found[2][0].error


def test_a_changed_file_is_done_anew(tagger, paths, parts, tmp_path):
    run([tagger], paths, parts)
    (tmp_path / "2.wav").write_bytes(wav_of(constant(0.3, NUM_SAMPLES)))
    found, known = run([tagger], paths, parts)
    assert known == [True, False, True, True]
    assert found[1][0].scores[0] == pytest.approx(0.9)


def test_other_parameters_are_another_run(runtime, paths, parts):
    run([Tagger(runtime)], paths, parts)
    others = [
        [Tagger(runtime, hop=0.1)],
        [Tagger(runtime, tail="drop")],
        [Tagger(LoudnessRuntime(sha256="cd" * 32))],
        [Tagger(runtime), Tagger(LoudnessRuntime(model="b"))],
    ]
    for taggers in others:
        assert run(taggers, paths, parts)[1] == [False] * 4
    options = {"with_embeddings": True, "with_envelope": True}
    found, known = run([Tagger(runtime)], paths, parts, **options)
    assert known == [False] * 4
    again, known = run([Tagger(runtime)], paths, parts, **options)
    assert known == [True] * 4
    np.testing.assert_array_equal(again[1][0].embeddings, found[1][0].embeddings)
    np.testing.assert_array_equal(again[1][0].envelope, found[1][0].envelope)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"x" * 100])
def test_a_damaged_part_is_done_anew(tagger, paths, parts, content):
    run([tagger], paths, parts)
    for path in parts.folder.glob("*.npz"):
        path.write_bytes(content)
    found, known = run([tagger], paths, parts)
    assert known == [False] * 4
    assert found[1][0].scores[0] == pytest.approx(0.4)


def test_a_folder_for_parts_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"\.out\.csv\.parts cannot be made"):
        Parts.beside(tmp_path / "file" / "out.csv").__enter__()


def test_one_run_at_a_time_uses_the_parts(parts, tmp_path):
    with pytest.raises(ConfigError, match="another run uses"):
        Parts.beside(tmp_path / "out.csv").__enter__()


def test_what_a_killed_run_has_begun_is_cleared_away(tmp_path):
    with Parts.beside(tmp_path / "out.csv") as parts:
        (parts.folder / ".12.npz.99.part").write_bytes(b"")
    (tmp_path / ".out.csv.99.part").write_bytes(b"")
    (tmp_path / ".other.csv.99.part").write_bytes(b"")
    with Parts.beside(tmp_path / "out.csv"):
        assert [p.name for p in tmp_path.rglob("*.part")] == [".other.csv.99.part"]
