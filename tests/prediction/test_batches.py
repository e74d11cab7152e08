"""Means over the segments of clips, with models whose output is easy to know."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resemul.prediction import batches
from resemul.prediction.batches import (
    choose_batch_size,
    fill_batches,
    predict_pairs,
)


def mean_model(num_outputs=1):
    """Maps `(batch, 4)` to the mean of the samples, times 1, 2, ...: `(batch, 1)`."""
    waveform = keras.Input((4,))
    outputs = [
        keras.layers.Dense(
            1, use_bias=False, kernel_initializer=keras.initializers.Constant(i / 4)
        )(waveform)
        for i in range(1, num_outputs + 1)
    ]
    return keras.Model(waveform, outputs[0] if num_outputs == 1 else outputs)


def predict_each(model, clips, batch_size=None):
    """The outputs of clips that nothing goes with."""
    pairs = ((clip, None) for clip in clips)
    return (outputs for outputs, _ in predict_pairs(model, pairs, batch_size))


def predict_clips(model, clips, batch_size=None):
    """Per clip, the mean of each output over its segments."""
    for outputs in predict_each(model, clips, batch_size):
        yield [output.mean(axis=0) for output in outputs]


def clips_of(*values):
    """A clip per list, with a constant segment per number."""
    return [np.repeat(np.array(v, "float32")[:, None], 4, axis=1) for v in values]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 7, 100])
def test_predict_pairs_averages_each_clip_whatever_the_batches(batch_size):
    clips = clips_of([1, 3], [5], [2, 4, 9], [7], [8, 0])
    means = [m[0].tolist() for m in predict_clips(mean_model(), clips, batch_size)]
    assert means == [[2], [5], [5], [7], [4]]


def test_predict_pairs_gives_a_mean_for_each_output():
    [means] = predict_clips(mean_model(2), clips_of([1, 3]))
    assert [mean.tolist() for mean in means] == [[2], [4]]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_predict_pairs_gives_every_segment_of_each_clip(batch_size):
    clips = clips_of([1, 3], [5], [2, 4, 9])
    outputs = list(predict_each(mean_model(2), clips, batch_size))
    assert [o[0].tolist() for o in outputs] == [[[1], [3]], [[5]], [[2], [4], [9]]]
    assert [o[1].tolist() for o in outputs] == [[[2], [6]], [[10]], [[4], [8], [18]]]


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends trace otherwise"
)
def test_predict_pairs_traces_a_model_once_for_all_sizes():
    traced = []

    class Noted(keras.layers.Layer):
        def call(self, inputs):
            traced.append(inputs.shape[0])
            return inputs

    waveform = keras.Input((4,))
    model = keras.Model(waveform, Noted()(waveform))
    traced.clear()
    for batch_size in (3, 2, 5):
        list(predict_each(model, clips_of([1, 3], [5], [2, 4]), batch_size))
    assert traced == [None]


def test_predict_pairs_of_no_clips_is_empty():
    assert list(predict_clips(mean_model(), [])) == []


def test_predict_pairs_refuses_a_clip_without_segments():
    with pytest.raises(ValueError, match="no segments"):
        list(predict_clips(mean_model(), [np.zeros((0, 4), "float32")]))


def test_predict_pairs_reads_no_further_than_it_must():
    read = []

    def clips():
        for number, clip in enumerate(clips_of([1, 1], [2, 2], [3, 3])):
            read.append(number)
            yield clip

    assert next(predict_clips(mean_model(), clips(), batch_size=2))[0] == [1]
    assert read == [0]


def record_sizes(model):
    """The list to which the size of each batch that `model` runs is added."""
    sizes, run = [], model.predict_on_batch
    model.predict_on_batch = lambda batch: (sizes.append(len(batch)), run(batch))[1]
    return sizes


def test_no_batch_is_larger_than_what_there_is_to_predict():
    model = mean_model()
    sizes = record_sizes(model)
    list(predict_clips(model, clips_of([1, 2, 3]), batch_size=32))
    assert sizes == [3]
    sizes.clear()
    list(predict_clips(model, clips_of([1, 2, 3], [4, 5]), batch_size=2))
    assert sizes == [2, 2, 1]


def test_batches_of_every_size_compile_the_model_twice_at_most():
    traced = []

    class Counting(keras.layers.Layer):
        def call(self, inputs):
            traced.append(inputs.shape)
            return inputs

    waveform = keras.Input((4,))
    model = keras.Model(waveform, Counting()(waveform))
    traced.clear()
    for num_segments in (5, 3, 1, 7, 2, 6):
        list(predict_clips(model, clips_of(range(num_segments))))
    assert 1 <= len(traced) <= 2


@pytest.mark.parametrize("num_segments", [1, 3, 5, 8])
def test_batches_are_padded_to_few_sizes_where_each_size_is_compiled(
    monkeypatch, num_segments
):
    monkeypatch.setattr(batches, "_is_compiled_for_each_size", lambda: True)
    model = mean_model()
    sizes = record_sizes(model)
    clip = clips_of(range(num_segments))
    [[means]] = predict_each(model, clip, batch_size=6)
    assert means.ravel().tolist() == list(range(num_segments))
    assert sizes == {1: [1], 3: [4], 5: [6], 8: [6, 2]}[num_segments]


def test_what_goes_with_a_clip_comes_out_with_it():
    pairs = zip(clips_of([1, 3], [5], [2, 4, 9]), "abc", strict=True)
    found = [
        (name, outputs[0].ravel().tolist())
        for outputs, name in predict_pairs(mean_model(), pairs, batch_size=4)
    ]
    assert found == [("a", [1, 3]), ("b", [5]), ("c", [2, 4, 9])]


def test_a_clip_is_given_before_the_next_is_read_if_batches_end_with_clips():
    read, sizes = [], []

    def pairs():
        for name, clip in zip("ab", clips_of([1, 2, 3], [4]), strict=True):
            read.append(name)
            yield clip, name

    def predict(batch):
        sizes.append(len(batch))
        return [batch]

    results = fill_batches(predict, pairs(), batch_size=2, across_clips=False)
    assert next(results)[1] == "a"
    assert read == ["a"]
    assert next(results)[1] == "b"
    assert sizes == [2, 1, 1]


@given(st.lists(st.integers(1, 9), max_size=8), st.integers(1, 7), st.booleans())
def test_every_segment_comes_back_to_its_clip(lengths, batch_size, across_clips):
    total = np.cumsum([0, *lengths])
    clips = [np.arange(a, b)[:, None] for a, b in itertools.pairwise(total)]
    sizes = []

    def predict(batch):
        sizes.append(len(batch))
        return [batch, -batch]

    pairs = zip(clips, lengths, strict=True)
    found = list(fill_batches(predict, pairs, batch_size, across_clips))
    assert [companion for _, companion in found] == lengths
    for (same, negated), clip in zip((o for o, _ in found), clips, strict=True):
        assert (same == clip).all()
        assert (negated == -clip).all()
    assert sum(sizes) == total[-1]
    assert max(sizes, default=0) <= batch_size


def test_batches_of_long_segments_are_small():
    assert choose_batch_size(59_049) == 32
    assert choose_batch_size(4) == 32
    # 29 s at 16 kHz: 4 hold less than 32 segments of 59,049 samples.
    assert choose_batch_size(464_000) == 4
    assert choose_batch_size(10_000_000) == 1


def test_predict_pairs_runs_the_model_as_when_it_is_used():
    waveform = keras.Input((4,))
    model = keras.Model(waveform, keras.layers.Dropout(0.9)(waveform))
    [means] = predict_clips(model, clips_of([1, 1]))
    assert means[0].tolist() == [1, 1, 1, 1]
