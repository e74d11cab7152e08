import pytest

from resemul.configs.file_tags import TAG_KINDS
from resemul.errors import ConfigError
from resemul.tagging.file_tags.vocabulary import (
    VOCABULARIES,
    TagMeaning,
    meaning_of,
    published_meanings,
    read_map,
)
from resemul.weights.tags import TAG_PRESETS


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_tag_of_a_published_vocabulary_has_a_kind(name):
    tags = [tag for tags in VOCABULARIES[name].values() for tag in tags]
    assert sorted(tags) == sorted(TAG_PRESETS[name])
    assert set(VOCABULARIES[name]) <= set(TAG_KINDS)


def test_vocabularies_agree_on_what_they_share():
    meanings = published_meanings()
    for vocabulary in VOCABULARIES.values():
        for kind, tags in vocabulary.items():
            assert {meanings[tag].kind for tag in tags} == {kind}


@pytest.mark.parametrize(
    ("tag", "kind", "name"),
    [
        ("indie rock", "genre", "Indie Rock"),
        ("rnb", "genre", "R&B"),
        ("Mellow", "mood", "Mellow"),
        ("mellow", "mood", "Mellow"),
        ("80s", "decade", "1980s"),
        ("genre---hiphop", "genre", "Hip-Hop"),
        ("mood/theme---relaxing", "mood", "Relaxing"),
    ],
)
def test_meaning_of(tag, kind, name):
    assert meaning_of(tag, published_meanings()) == TagMeaning(kind, (name,))


def test_a_map_gives_tags_other_meanings(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(
        "tag,kind,name\ntrip hop,genre,Electronic; Trip-Hop\nrock,ignore,\n"
    )
    assert read_map(path) == {
        "trip hop": TagMeaning("genre", ("Electronic", "Trip-Hop")),
        "rock": TagMeaning("ignore", ("Rock",)),
    }


def test_a_map_needs_no_names(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text("tag,kind\ndub techno,genre\n")
    assert read_map(path) == {"dub techno": TagMeaning("genre", ("Dub Techno",))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rock,genre\n", "column names"),
        ("tag,kind\nrock,sound\n", "line 2: expected a tag and one of genre"),
        ("tag,kind\n,genre\n", "line 2"),
        ("tag,kind,name\nrock,genre,\x07\n", "line 2"),
    ],
)
def test_a_map_that_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "map.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_map(path)
