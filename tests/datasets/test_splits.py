"""Splits: sizes by hand, and groups that must never be torn apart."""

import logging
import random
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest

from resemul.configs import SplitConfig
from resemul.configs.dataset import format_ratio, parse_ratio
from resemul.datasets import Collection
from resemul.datasets.splits import (
    assign_splits,
    parse_split,
    split_by_group,
    split_randomly,
    split_sizes,
)
from resemul.errors import ConfigError, DatasetError

NAMES = [f"clip{i}" for i in range(34)]
RATIO = parse_ratio("13:1:3")


def collection(num_clips=6, **fields):
    """Clips 0, 1, ... with files a0.wav, a1.wav, ..."""
    return Collection(
        dataset="csv",
        source=Path("my.csv"),
        clip_ids=[str(i) for i in range(num_clips)],
        paths=[Path(f"a{i}.wav") for i in range(num_clips)],
        labels=pd.DataFrame({"rock": [1] * num_clips}, dtype="uint8"),
        audio_dir=Path(),
        **fields,
    )


@pytest.mark.parametrize(
    ("num_clips", "ratio", "sizes"),
    [
        (34, "13:1:3", [26, 2, 6]),
        (25_860, "13:1:3", [19_775, 1_521, 4_564]),
        (25_860, "19775:1520:4565", [19_775, 1_520, 4_565]),
        (100, "80:20", [72, 8, 20]),
        (100, "80/20", [72, 8, 20]),
        (10, "80:0:20", [8, 0, 2]),
        (10, "0.8:0.1:0.1", [8, 1, 1]),
        # 4 : 0.5 : 0.5, but no split shall be empty if it need not be.
        (5, "8:1:1", [3, 1, 1]),
        (2, "8:1:1", [1, 1, 0]),
    ],
)
def test_split_sizes_follow_the_ratio(num_clips, ratio, sizes):
    assert split_sizes(num_clips, parse_ratio(ratio)) == sizes


def test_split_sizes_always_add_up():
    draw = random.Random(0)
    for _ in range(300):
        num_clips = draw.randint(0, 50)
        ratio = [Fraction(draw.randint(0, 9)) for _ in range(3)]
        if any(ratio):
            sizes = split_sizes(num_clips, ratio)
            assert sum(sizes) == num_clips
            assert min(sizes) >= 0
            assert not any(
                size for size, part in zip(sizes, ratio, strict=True) if not part
            )


@pytest.mark.parametrize("ratio", ["", "8", "8:1:1:1", "a:b:c", "-1:1:1", "0:0:0"])
def test_parse_ratio_refuses_what_is_none(ratio):
    with pytest.raises(ConfigError, match=f"such as 13:1:3.* got '{ratio}'"):
        parse_ratio(ratio)


def test_format_ratio_says_all_three_parts():
    assert format_ratio(parse_ratio("80/20")) == "72:8:20"
    assert format_ratio(parse_ratio("13:1:3")) == "13:1:3"
    assert format_ratio(parse_ratio("0.8:0.1:0.1")) == "0.8:0.1:0.1"


def test_split_randomly_depends_on_names_and_seed_alone():
    splits = dict(zip(NAMES, split_randomly(NAMES, RATIO, 0), strict=True))
    assert Counter(splits.values()) == {"train": 26, "val": 2, "test": 6}
    backwards = NAMES[::-1]
    again = dict(zip(backwards, split_randomly(backwards, RATIO, 0), strict=True))
    assert again == splits
    other = dict(zip(NAMES, split_randomly(NAMES, RATIO, 1), strict=True))
    assert other != splits


def test_split_randomly_stays_what_it_was():
    """Scores of today and of next year must be of the same clips."""
    splits = split_randomly(["a", "b", "c", "d", "e"], parse_ratio("3:1:1"), 0)
    # SHA-256 of "0:a" to "0:e" begins 9df3, e021, be08, 7d98, e078.
    assert splits == ["train", "val", "train", "train", "test"]


def test_split_by_group_never_tears_a_group_apart():
    draw = random.Random(1)
    for seed in range(100):
        num_groups = draw.randint(3, 30)
        groups = [f"g{i}" for i in range(num_groups)]
        groups += [draw.choice(groups) for _ in range(draw.randint(0, 200))]
        draw.shuffle(groups)
        ratio = parse_ratio(draw.choice(["13:1:3", "8:1:1", "80:20", "1:1:1"]))
        splits = split_by_group(groups, ratio, seed)
        assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
        assert set(splits) == {"train", "val", "test"}


def test_split_by_group_comes_near_the_ratio():
    groups = [f"artist{i // 5}" for i in range(500)]
    sizes = Counter(split_by_group(groups, parse_ratio("8:1:1"), 0))
    assert sizes == {"train": 400, "val": 50, "test": 50}


@pytest.mark.parametrize("seed", range(10))
def test_split_by_group_gives_the_largest_group_to_training(seed):
    groups = ["big"] * 50 + [f"small {i // 10}" for i in range(50)]
    splits = split_by_group(groups, parse_ratio("2:1:1"), seed)
    assert set(splits[:50]) == {"train"}
    assert sorted(Counter(splits[50:]).values()) == [20, 30]


def test_split_by_group_leaves_a_part_of_zero_empty():
    splits = split_by_group(list("aabbccdd"), parse_ratio("1:0:1"), 0)
    assert Counter(splits) == {"train": 4, "test": 4}


def test_split_by_group_with_another_seed_splits_otherwise():
    groups = [f"artist{i // 5}" for i in range(100)]
    ratio = parse_ratio("8:1:1")
    assert split_by_group(groups, ratio, 0) == split_by_group(groups, ratio, 0)
    assert split_by_group(groups, ratio, 0) != split_by_group(groups, ratio, 1)


def test_split_by_group_refuses_too_few_groups():
    with pytest.raises(DatasetError, match=r"2 groups cannot fill .* train, val, test"):
        split_by_group(["a", "b", "b"], parse_ratio("8:1:1"), 0)


@pytest.mark.parametrize(
    ("text", "split"),
    [(" Train", "train"), ("validation", "val"), ("TESTING", "test"), ("x", None)],
)
def test_parse_split_knows_the_usual_words(text, split):
    assert parse_split(text) == split


def test_assign_splits_names_rule_ratio_and_seed():
    config = SplitConfig(rule="random", ratio="2:1:3", seed=7)
    splits, name = assign_splits(collection(), config)
    assert name == "random-2:1:3-seed7"
    assert Counter(splits) == {"train": 2, "val": 1, "test": 3}


def test_assign_splits_takes_what_the_annotations_have():
    given = ["train", "train", "val", "val", "test", "test"]
    groups = list("aabbcc")
    splits, name = assign_splits(collection(splits=given), SplitConfig())
    assert splits == given
    assert name.startswith("column-")
    with_groups = collection(groups=groups, group_name="artist")
    _, name = assign_splits(with_groups, SplitConfig())
    assert name == "stratified-by-artist-8:1:1-seed0"
    assert assign_splits(collection(), SplitConfig())[1] == "stratified-8:1:1-seed0"


def test_assign_splits_tells_two_columns_apart_by_name():
    one = collection(splits=["train", "train", "val", "val", "test", "test"])
    other = collection(splits=["train", "val", "val", "val", "test", "test"])
    names = {assign_splits(c, SplitConfig())[1] for c in (one, other)}
    assert len(names) == 2


def test_assign_splits_reads_lists_of_ids_and_paths(tmp_path, caplog):
    (tmp_path / "train").write_text("0\na1.wav\n")
    (tmp_path / "test").write_text("# held out\n4\n")
    config = SplitConfig(train_list=tmp_path / "train", test_list=tmp_path / "test")
    splits, name = assign_splits(collection(), config)
    assert splits == ["train", "train", None, None, "test", None]
    assert name.startswith("files-")
    assert "3 clips are in no list" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [("9", r"val, line 2: my\.csv has no clip '9'"), ("0", r"'0' is in train already")],
)
def test_assign_splits_refuses_lists_that_do_not_fit(tmp_path, line, message):
    (tmp_path / "train").write_text("0\n")
    (tmp_path / "val").write_text(f"1\n{line}\n")
    config = SplitConfig(train_list=tmp_path / "train", val_list=tmp_path / "val")
    with pytest.raises(DatasetError, match=message):
        assign_splits(collection(), config)


def test_assign_splits_reads_groups_from_another_table(tmp_path):
    path = tmp_path / "groups.tsv"
    path.write_text("artist\tfile\nX\ta0.wav\nX\ta1.wav\nY\ta2.wav\nZ\ta3.wav\n")
    splits, name = assign_splits(collection(4), SplitConfig(groups_file=path))
    assert name == "stratified-by-artist-8:1:1-seed0"
    assert splits[0] == splits[1]
    assert len(set(splits)) == 3
    with pytest.raises(DatasetError, match=r"column 'file' has no clip '4'"):
        assign_splits(collection(5), SplitConfig(groups_file=path))
    config = SplitConfig(groups_file=path, group_column="singer")
    with pytest.raises(DatasetError, match=r"has no column 'singer'"):
        assign_splits(collection(4), config)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("group", "no column says which clips belong together; .*--group-column"),
        ("column", "no split 'column'; .*--split-column"),
        ("directory", "no split 'directory'"),
    ],
)
def test_assign_splits_says_what_a_rule_lacks(rule, message):
    with pytest.raises(DatasetError, match=message):
        assign_splits(collection(), SplitConfig(rule=rule))


def test_assign_splits_refuses_options_without_effect():
    given = collection(splits=["train"] * 6)
    for options in ({"ratio": "1:1:1"}, {"seed": 1}):
        with pytest.raises(ConfigError, match=r"stratified, .*, not .column."):
            assign_splits(given, SplitConfig(**options))


def test_assign_splits_warns_of_groups_in_two_splits(caplog):
    given = ["train", "train", "val", "val", "test", "test"]
    torn = collection(splits=given, groups=list("aabcbc"), group_name="artist")
    with caplog.at_level(logging.WARNING):
        assign_splits(torn, SplitConfig())
    assert "2 values of artist have clips in more than one split, 'b'" in caplog.text
    caplog.clear()
    kept = collection(splits=given, groups=list("aabbcc"), group_name="artist")
    assign_splits(kept, SplitConfig())
    assert caplog.text == ""


def test_split_config_refuses_lists_with_another_rule(tmp_path):
    with pytest.raises(ConfigError, match="split 'files', not 'random'"):
        SplitConfig(rule="random", test_list=tmp_path)
    with pytest.raises(ConfigError, match="'files' needs a list"):
        SplitConfig(rule="files")
    with pytest.raises(ConfigError, match="got 'alphabet'"):
        SplitConfig(rule="alphabet")
