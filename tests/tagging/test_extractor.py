"""One call for a file, as users of other tools type it."""

import doctest

import pytest
from loudness import constant

import resemul
from resemul.tagging import extractor
from resemul.tagging import tagger as tagger_module


@pytest.fixture(autouse=True)
def _forget_models():
    extractor._tagger.cache_clear()
    yield
    extractor._tagger.cache_clear()


def test_top_tags_are_names_and_the_model_stays_loaded(open_fakes, songs):
    assert resemul.top_tags(songs / "a-loud.wav", model="x", top_n=1) == ["loud"]
    first = open_fakes["x"]
    assert resemul.top_tags(songs / "sub/c-quiet.wav", "x") == ["quiet", "loud"]
    assert open_fakes["x"] is first


def test_extract_gives_taggram_tags_and_embeddings(open_fakes, songs):
    taggram, tags, embeddings = resemul.extract(songs / "a-loud.wav", "x", hop=0.125)
    assert taggram.shape == (5, 2)
    assert tags == ["loud", "quiet"]
    assert embeddings.shape == (5, 2)


def test_a_tagger_opens_its_model_by_name(open_fakes, songs):
    tagger = resemul.Tagger("msd-musicnn")
    assert tagger(songs / "a-loud.wav").model == "msd-musicnn"


def test_examples_of_the_docstrings_are_right(tagger, songs, monkeypatch):
    monkeypatch.chdir(songs)
    (songs / "a-loud.wav").rename("song.wav")
    names = {"tagger": tagger, "array": constant(0.1, 9_000)}
    failed, tried = doctest.testmod(tagger_module, extraglobs=names)
    assert (failed, tried > 5) == (0, True)
