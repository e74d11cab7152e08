import gzip
from pathlib import Path

import pandas as pd
import pytest

from resemul.datasets.merging import MTT_SYNONYMS, load_synonyms, merge_synonyms
from resemul.datasets.tags import top_tags
from resemul.errors import DatasetError

REAL_ANNOTATIONS = (
    Path(__file__).parents[2].parent / "shared/data/annotations_final.csv.gz"
)
LABELS = pd.DataFrame(
    {
        "clasical": [1, 0, 0, 0],
        "rock": [0, 0, 1, 0],
        "classic": [0, 1, 0, 0],
        "classical": [1, 1, 0, 0],
    },
    dtype="uint8",
)
CLASSICAL = ("classical", "clasical", "classic")


@pytest.fixture(scope="module")
def real_labels():
    if not REAL_ANNOTATIONS.is_file():
        pytest.skip("no annotations of MTT here")
    with gzip.open(REAL_ANNOTATIONS) as file:
        table = pd.read_csv(file, sep="\t")
    return table.drop(columns=["clip_id", "mp3_path"])


def test_merge_synonyms_joins_columns_by_or():
    merged = merge_synonyms(LABELS, [CLASSICAL])
    assert merged["classical"].tolist() == [1, 1, 0, 0]
    assert merged["rock"].tolist() == [0, 0, 1, 0]
    assert (merged.dtypes == "uint8").all()


@pytest.mark.parametrize(
    ("names", "columns"),
    [("readable", ["classical", "rock"]), ("header", ["clasical", "rock"])],
)
def test_merge_synonyms_names_a_group_by_either_rule(names, columns):
    assert list(merge_synonyms(LABELS, [CLASSICAL], names)) == columns


def test_merge_synonyms_passes_over_members_that_are_missing():
    groups = [("classical", "baroque", "classic"), ("horn", "horns")]
    merged = merge_synonyms(LABELS, groups)
    assert list(merged) == ["clasical", "rock", "classical"]
    assert merged["classical"].tolist() == [1, 1, 0, 0]


def test_merge_synonyms_gives_a_lone_member_the_readable_name():
    labels = LABELS[["clasical", "rock"]]
    assert list(merge_synonyms(labels, [CLASSICAL])) == ["classical", "rock"]
    assert list(merge_synonyms(labels, [CLASSICAL], "header")) == ["clasical", "rock"]


def test_merge_synonyms_refuses_another_rule():
    with pytest.raises(ValueError, match="got 'short'"):
        merge_synonyms(LABELS, [CLASSICAL], "short")


def test_mtt_synonyms_are_82_tags_in_29_groups():
    members = [tag for group in MTT_SYNONYMS for tag in group]
    assert (len(MTT_SYNONYMS), len(members), len(set(members))) == (29, 82, 82)
    assert "male vocal" in members
    assert "female vocal" not in members


def test_load_synonyms_reads_groups_and_names_their_content(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("# mine\n drum , drums\n\nfast, quick, fast beat\n")
    name, groups = load_synonyms(str(path))
    assert groups == (("drum", "drums"), ("fast", "quick", "fast beat"))
    path.write_text("drum, drums\n")
    other_name, _ = load_synonyms(str(path))
    assert name != other_name
    assert name.startswith("merge-")
    assert load_synonyms("mtt29") == ("mtt29", MTT_SYNONYMS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("drum, drums\nrock\n", r"line 2: expected synonyms separated by commas"),
        ("drum,\n", r"line 1: expected synonyms"),
        ("a, b\nb, c\n", r"'b' is there more than once"),
        ("# nothing\n", r"holds no synonyms"),
    ],
)
def test_load_synonyms_names_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "synonyms.txt"
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        load_synonyms(str(path))


def test_load_synonyms_of_an_unknown_name_lists_the_known():
    with pytest.raises(DatasetError, match=r"mtt92 is neither a file .*: mtt29"):
        load_synonyms("mtt92")


def test_real_tags_merge_into_135(real_labels):
    merged = merge_synonyms(real_labels, MTT_SYNONYMS)
    assert len(real_labels.columns) == 188
    assert len(merged.columns) == 135
    members = [tag for group in MTT_SYNONYMS for tag in group]
    assert set(members) <= set(real_labels.columns)
    female = real_labels[list(MTT_SYNONYMS[7])].any(axis=1).sum()
    assert merged["female"].sum() == female > real_labels["female"].sum()


def test_real_tags_differ_in_name_only_between_the_rules(real_labels):
    readable = merge_synonyms(real_labels, MTT_SYNONYMS)
    header = merge_synonyms(real_labels, MTT_SYNONYMS, "header")
    assert (readable.to_numpy() == header.to_numpy()).all()
    # The first column of its group is "clasical", the misspelt one.
    assert "clasical" in header
    assert "classical" not in header
    assert top_tags(readable, 2) == ("classical", "guitar")


def test_synonyms_can_be_given_as_they_are():
    name, groups = load_synonyms("rock, pop;funk,soul")
    assert groups == (("rock", "pop"), ("funk", "soul"))
    assert name.startswith("merge-")


def test_each_member_can_stay_with_the_clips_of_all():
    labels = pd.DataFrame({"a": [1, 0, 0], "x": [0, 1, 0], "b": [0, 0, 1]})
    merged = merge_synonyms(labels, [("a", "b", "none")], "each")
    assert merged.to_dict("list") == {"a": [1, 0, 1], "x": [0, 1, 0], "b": [1, 0, 1]}
