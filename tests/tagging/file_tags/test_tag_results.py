import json
from pathlib import Path

import pytest

from resemul.errors import FileTagsError
from resemul.tagging.file_tags.results import group_by_song, read_results


def result(path, **changes):
    return {
        "path": str(path),
        "model": "msd",
        "model_sha256": "ab",
        "resemul": "0.1.0",
        "status": "tagged",
        "error": None,
        "tags": {"rock": 0.5},
        **changes,
    }


def test_json_and_json_lines_are_read_alike():
    results = [result("a"), result("b")]
    whole = json.dumps({"schema": "resemul.tag/1", "results": results})
    lines = "\n".join(map(json.dumps, results))
    assert read_results(whole, "x") == read_results(lines, "x") == results


def test_another_schema_is_refused():
    with pytest.raises(FileTagsError, match=r"expected resemul.tag/1, got 'x/2'"):
        read_results('{"schema": "x/2", "results": []}', "x")


def test_what_is_no_json_is_named_by_its_line():
    with pytest.raises(FileTagsError, match=r"a\.txt, line 2 is no JSON"):
        read_results('{"path": "a"}\nrock\n', "a.txt")


def test_results_of_several_models_are_of_one_song(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "a")
    found = [result(tmp_path / "a"), result(tmp_path / "b"), result(link, model="mtt")]
    one, other = group_by_song(found)
    assert [r.model for r in one.results] == ["msd", "mtt"]
    assert other.path == tmp_path / "b"


def test_a_song_without_tags_says_why():
    [song] = group_by_song([result("a", status="failed", error="is no audio", tags={})])
    assert (song.results, song.problem) == ([], "is no audio")
    [song] = group_by_song([result("a", status="silent", tags={})])
    assert song.problem == "is silent"


def test_short_songs_have_tags():
    [song] = group_by_song([result("a", status="short")])
    assert song.results[0].tags == {"rock": 0.5}
    assert song.path == Path("a").resolve()


@pytest.mark.parametrize(
    "broken", [[], {}, result("a", tags=None), result("a", tags={"x": "y"}), 3]
)
def test_other_json_is_refused(broken):
    with pytest.raises(FileTagsError, match="not as 'resemul tag' writes them"):
        list(group_by_song([broken]))


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(FileTagsError):
        list(group_by_song([result("a", tags={"rock": float("nan")})]))
