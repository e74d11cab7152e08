import logging

import pandas as pd
import pytest

from resemul.configs.curation import VOCAL_TAGS, CleaningConfig
from resemul.curation.tag_lists import (
    OWN_LISTS,
    genre_candidates,
    percentile,
    read_list,
    read_vocal_lists,
    vocal_candidates,
    write_candidates,
)
from resemul.curation.tag_names import (
    TRANSFORMS,
    generate_final_frame,
    generate_genre_frame,
    make_key,
    search_genre,
)
from resemul.errors import ConfigError, DatasetError


def popularity(**counts):
    table = pd.DataFrame({"tag": list(counts), "count": list(counts.values())})
    return table.assign(tag_num=range(1, len(table) + 1))


def popular(names, first=9000):
    """A popularity in which each name is on one track fewer than the one before."""
    return popularity(**{name: first - i for i, name in enumerate(names)})


def rows(table):
    tags = zip(table["tag"], map(sorted, table["merge_tags"]), strict=True)
    return dict(tags)


@pytest.fixture
def lists(tmp_path):
    """Writes lists of a user's own; returns their folder."""

    def write(genre="-seen live\n", **vocal):
        folder = tmp_path / "lists"
        folder.mkdir(exist_ok=True)
        (folder / "non_genre_list_filtered.txt").write_text(genre)
        for tag in VOCAL_TAGS:
            text = vocal.get(tag, f"{tag}\n")
            (folder / f"{tag}_list_filtered.txt").write_text(text)
        return folder

    return write


@pytest.mark.parametrize(
    ("transform", "name", "key"),
    [
        ("c1", "Hip-Hop", "hiphop"),
        ("c1", "80's", "80"),
        ("c1", "bass", "bass"),
        ("c1", "DJS", "djs"),  # only a small s is a plural
        ("c1", "s", "s"),
        ("c1", "ss", "ss"),
        ("c1", "Рок", ""),
        ("c2", "r&b", "rnb"),
        ("c3", "drum & bass", "drumandbass"),
        ("c4", "rock and roll", "rocknroll"),
        ("c4", "band", "band"),
        ("c5", "80s Pop", "1980spop"),
        ("c5", "1980s", "1980"),
        ("c6", "00s", "2000"),
    ],
)
def test_keys(transform, name, key):
    assert make_key(name, TRANSFORMS[transform]) == key


def test_plurals_are_kept_where_they_are_asked_for():
    assert make_key("80s", TRANSFORMS["c5"], remove_plural=False) == "1980s"


def test_a_search_merges_names_with_the_same_key():
    pool = popularity(**{"hip hop": 50, "Hip-Hop": 30, "hiphops": 10, "HIPHOP!": 9})
    frame = pd.DataFrame({"tag": ["hip hop", "rock"], "merge_tags": [[], []]})
    assert rows(search_genre(pool, frame)) == {
        "hip hop": ["Hip-Hop", "hiphops"],
        "rock": [],
    }
    # Two main tags become the more popular of them.
    both = pd.DataFrame({"tag": ["hip hop", "Hip-Hop"], "merge_tags": [[], []]})
    assert rows(search_genre(pool, both)) == {"hip hop": ["Hip-Hop", "hiphops"]}


def test_names_without_a_latin_letter_or_digit_do_not_match_each_other():
    pool = popularity(рок=50, поп=40, metal=30)
    frame = pd.DataFrame({"tag": ["рок", "поп", "metal"], "merge_tags": [[], [], []]})
    assert rows(search_genre(pool, frame)) == {"рок": [], "поп": [], "metal": []}


def test_a_target_that_no_row_has_is_passed_over(caplog):
    pool = popularity(**{"1980s": 50})
    frame = pd.DataFrame({"tag": ["80s Pop"], "merge_tags": [[]]})
    with caplog.at_level(logging.INFO):
        result = search_genre(pool, frame, TRANSFORMS["c5"], ["80s"])
    assert rows(result) == {"80s Pop": []}
    assert "no row has the tag '80s'" in caplog.text


def test_genres_are_what_is_not_rejected():
    counts = {"rock": 5000, "seen live": 4000, "Seen Live": 3000, "r&b": 2500}
    counts |= {"rnb": 2400, "80s": 2300, "1980s": 300, "r and b": 250, "80's": 220}
    counts |= {"ROCK": 210, "rocks": 190}
    result = generate_genre_frame(popularity(**counts), ["seen live"])
    assert rows(result) == {
        "rock": ["ROCK"],
        "Seen Live": [],
        "r&b": ["r and b", "rnb"],
        "80s": ["1980s", "80's"],
    }
    result = generate_genre_frame(
        popularity(**counts), ["seen live"], sub_threshold=190, ignore_case=True
    )
    assert rows(result)["rock"] == ["ROCK", "rocks"]
    assert "Seen Live" not in rows(result)


def test_the_final_frame_has_genres_then_vocal_tags(lists):
    folder = lists(female="female vocalists\n-female\nfemale voice\n", rap="rap\nRap\n")
    table = popular(["rock", "seen live", "rnb", "rhythm and blues", "funk", "funky"])
    result = generate_final_frame(table, CleaningConfig(lists=folder))
    assert result.index.tolist() == list(range(7))
    assert rows(result) == {
        "rock": [],
        "rnb": ["rhythm and blues"],
        "funk": ["funky"],
        "rap": ["Rap"],
        "instrumental": [],
        "male": [],
        "female": ["female vocalists", "female voice"],
    }


def test_the_threshold_is_passed_on(lists):
    table = popularity(rock=500, pop=90)
    config = CleaningConfig(lists=lists(), threshold=100)
    assert generate_final_frame(table, config)["tag"].tolist()[:2] == ["rock", "rap"]
    config = CleaningConfig(lists=lists())
    assert generate_final_frame(table, config)["tag"].tolist()[0] == "rap"


def test_vocal_tags_and_their_lists_are_passed_on(lists):
    folder = lists()
    (folder / "choir_list_filtered.txt").write_text("choir\nchoral\n")
    config = CleaningConfig(lists=folder, vocal_tags=("choir",))
    result = generate_final_frame(popularity(rock=5000), config)
    assert rows(result) == {"rock": [], "choir": ["choral"]}
    config = CleaningConfig(lists=folder, vocal_tags=("organ",))
    with pytest.raises(DatasetError, match=r"organ_list_filtered.txt does not exist"):
        generate_final_frame(popularity(rock=5000), config)


def test_dropping_a_popular_tag_keeps_the_vocal_tags(lists):
    config = CleaningConfig(lists=lists(), drop=("rock",))
    result = generate_final_frame(popular(["rock", "pop"]), config)
    assert result["tag"].tolist() == ["pop", *VOCAL_TAGS]


def test_what_a_plural_merges_wrongly_is_dropped(lists):
    table = popular(["00s", "2000s", "00", "2000", "80s", "80"])
    result = generate_final_frame(table, CleaningConfig(lists=lists()))
    assert rows(result)["00s"] == ["2000s"]
    assert rows(result)["80s"] == []


def test_names_that_are_nowhere_do_not_end_it(lists, caplog):
    config = CleaningConfig(lists=lists(), combine=[["rock", "x"]], drop=["y"])
    with caplog.at_level(logging.INFO):
        result = generate_final_frame(popular(["rock"]), config)
    assert result["tag"].tolist()[0] == "rock"
    assert "not there to be combined: x" in caplog.text
    assert "not there to be dropped: y" in caplog.text


def test_a_group_is_combined_by_main_tags_or_where_case_is_ignored_by_any(lists):
    table = popular(["Funk", "funk", "funky"])
    config = CleaningConfig(lists=lists())
    assert rows(generate_final_frame(table, config))["Funk"] == ["funk"]
    config = CleaningConfig(lists=lists(), ignore_case=True)
    assert rows(generate_final_frame(table, config))["Funk"] == ["funk", "funky"]


@pytest.mark.parametrize("merge_index", [True, [True]])
def test_names_are_added_with_one_answer_or_one_each(lists, merge_index):
    config = CleaningConfig(
        lists=lists(),
        add=[["pop", "Pop"]],
        add_targets=["funk"],
        add_target_merge_index=merge_index,
    )
    result = generate_final_frame(popular(["rock", "pop", "funk"]), config)
    assert rows(result)["funk"] == ["Pop", "pop"]
    config = CleaningConfig(
        lists=lists(), add=[["pop"]], add_targets=["funk"], add_target_merge_index=False
    )
    result = generate_final_frame(popular(["rock", "pop", "funk"]), config)
    assert rows(result)["pop"] == ["funk"]


def test_additions_that_do_not_fit_are_refused(lists):
    with pytest.raises(ConfigError, match="each needs one"):
        CleaningConfig(add=[["a"]])
    with pytest.raises(ConfigError, match="one a group"):
        CleaningConfig(add=[["a"]], add_targets=["b"], add_target_merge_index=[])
    config = CleaningConfig(lists=lists(), add=[["a"]], add_targets=["nowhere"])
    with pytest.raises(ConfigError, match="no row has the tag 'nowhere'"):
        generate_final_frame(popular(["rock"]), config)


def test_percentile_takes_the_shortest_part_and_can_take_all():
    table = popularity(a=60, b=30, c=10)
    assert percentile(table, 90)["tag"].tolist() == ["a", "b"]
    assert percentile(table, 91)["tag"].tolist() == ["a", "b", "c"]
    assert percentile(table, 100)["tag"].tolist() == ["a", "b", "c"]
    assert percentile(table, 0).empty
    assert percentile(popularity(), 90).empty


def test_candidates_are_the_frequent_names_and_those_that_begin_with_a_word():
    counts = {"rock": 5000, "rap": 3000, "Gangsta Rap": 900, "trap": 800, "rapcore": 90}
    table = popularity(**counts)
    assert genre_candidates(table) == ["rock", "rap"]
    assert vocal_candidates(table, "rap", 100) == ["rap", "Gangsta Rap", "rapcore"]
    assert vocal_candidates(table, "rap", 90) == ["rap", "Gangsta Rap"]


def test_candidates_are_written_and_not_overwritten(tmp_path):
    folder = tmp_path / "new"
    written = write_candidates(popularity(rock=5000, male=10), folder)
    assert {path.name: count for path, count in written.items()} == {
        "non_genre_list.txt": 1,
        "rap_list.txt": 0,
        "instrumental_list.txt": 0,
        "male_list.txt": 1,
        "female_list.txt": 0,
    }
    assert (folder / "non_genre_list.txt").read_text() == "rock\n"
    with pytest.raises(ConfigError, match="is there already"):
        write_candidates(popularity(rock=5000), folder)


def test_a_list_keeps_what_has_no_mark(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(
        "\ufeffrock\r\n-seen live\n\n --odd\n--twice\nrock\n# no comment".encode()
    )
    kept, rejected = read_list(path)
    assert kept == ["rock", " --odd", "# no comment"]
    assert rejected == ["seen live", "twice"]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_list(path)


def test_our_own_lists_are_in_the_documented_format():
    kept, rejected = read_list(OWN_LISTS / "non_genre_list_filtered.txt")
    assert "rock" in kept
    assert "seen live" in rejected
    small = [name.lower() for name in kept + rejected]
    assert len(small) == len(set(small))
    vocal = read_vocal_lists(OWN_LISTS)
    names = [name for merged in vocal["merge_tags"] for name in merged]
    assert len(names) == len(set(names))


def test_our_own_lists_give_decades_the_other_spellings():
    counts = {"rock": 9000, "Seen Live": 8000, "60s": 7000, "Female Vocalists": 6000}
    counts |= {"1960s": 3000, "60's": 2500, "1960's": 300, "female vocalists": 100}
    counts |= {"gangsta rap": 5000}
    result = rows(generate_final_frame(popularity(**counts)))
    assert list(result) == ["rock", "60s", *VOCAL_TAGS]
    assert result["60s"] == ["1960's", "1960s", "60's"]


@pytest.fixture(scope="module")
def real_frame(real_data):
    """The clean tags of the published lists, from their 404 names alone."""
    folder = real_data / "tag_lists"
    names = [n for n in (folder / "non_genre_list.txt").read_text().split("\n") if n]
    table = popular(names, first=2000 + len(names))
    return names, generate_final_frame(table, CleaningConfig(lists=folder))


def test_real_lists_give_155_tags(real_frame):
    names, frame = real_frame
    assert len(names) == 404
    assert len(frame) == 155
    assert frame["tag"].tolist()[-4:] == list(VOCAL_TAGS)
    merged = rows(frame)
    assert merged["rnb"] == ["RB", "r and b", "r&b", "rhythm and blues"]
    assert merged["rock n roll"] == ["Rock and Roll"]
    assert merged["00s"] == ["2000s"]
    assert sum(map(len, frame["merge_tags"][:151])) == 17


def test_real_tags_have_the_published_numbers(real_frame):
    _, frame = real_frame
    number = {tag.lower(): i for i, tag in enumerate(frame["tag"], 1)}
    tags = ["rock", "ballad", "rock n roll", "trip-hop", "synthpop", "rap", "female"]
    assert [number[tag] for tag in tags] == [1, 47, 55, 57, 60, 152, 155]


def test_real_lists_have_the_published_sizes(real_data):
    folder = real_data / "tag_lists"
    kept, rejected = read_list(folder / "non_genre_list_filtered.txt")
    assert (len(kept), len(rejected)) == (168, 236)
    for tag, total, num_rejected in (
        ("male", 18, 2),
        ("female", 61, 9),
        ("rap", 106, 11),
        ("instrumental", 64, 11),
    ):
        kept, rejected = read_list(folder / f"{tag}_list_filtered.txt")
        assert (len(kept) + len(rejected), len(rejected)) == (total, num_rejected)
