"""Pictures: their size, what they draw, and what cannot be drawn."""

import numpy as np
import pytest
from loudness import NUM_SAMPLES, RATE, LoudnessRuntime, constant, wav_of

from resemul.configs.tagging import LibraryConfig
from resemul.errors import ConfigError
from resemul.tagging.many import tag_many
from resemul.tagging.results import TagResult
from resemul.tagging.tagger import Tagger
from resemul.tagging.taggram import plot_taggram

pytest.importorskip("matplotlib")


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "a $x$\n.wav"
    path.write_bytes(wav_of(constant(0.1, 13 * NUM_SAMPLES)))
    tags = [f"tag {i}" for i in range(20)]
    taggers = [Tagger(LoudnessRuntime(tags)), Tagger(LoudnessRuntime())]
    config = LibraryConfig(num_workers=1)
    [results] = tag_many(taggers, [str(path)], config, with_envelope=True)
    return results


def test_a_picture_is_wide_enough_for_a_paper(results, tmp_path):
    from matplotlib.image import imread

    plot_taggram(results, tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")
    assert pixels.shape[1] == 1_600
    assert 600 < pixels.shape[0] < 2_000
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 10


def test_the_strongest_tags_are_on_top_and_time_is_in_minutes(results):
    from resemul.tagging import taggram

    figure = taggram.draw_taggram(results)
    waveform, first, second, bar = figure.axes
    labels = [label.get_text() for label in first.get_yticklabels()]
    assert labels[:2] == ["tag 1", "tag 2"]
    assert len(labels) == taggram.NUM_TAGS
    assert first.yaxis_inverted()
    assert [label.get_text() for label in second.get_yticklabels()] == ["quiet", "loud"]
    assert second.get_xticklabels()[1].get_text() == "0:01"
    assert bar.get_ylabel() == "probability"
    assert figure.get_suptitle() == r"a \$x\$\n.wav"
    assert waveform.get_xlim() == (0, 3.25)


def test_a_file_without_scores_cannot_be_drawn(tmp_path):
    silent = TagResult("a.mp3", "m", "silent", ("rock",))
    with pytest.raises(ConfigError, match=r"a\.mp3 has no tags to draw"):
        plot_taggram([silent], tmp_path / "a.png")


def test_a_picture_that_cannot_be_written_is_named(results, tmp_path):
    with pytest.raises(ConfigError, match=r"a\.png cannot be drawn"):
        plot_taggram(results, tmp_path / "gone" / "a.png")


def test_a_result_draws_itself_with_its_waveform():
    result = Tagger(LoudnessRuntime())(constant(0.1, 3 * NUM_SAMPLES), RATE)
    waveform, tags, _ = result.draw().axes
    assert len(waveform.collections) == len(tags.collections) == 1
