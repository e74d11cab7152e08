"""Means over the segments of clips, with models whose output is easy to know."""

import keras
import numpy as np
import pytest

from resemul.prediction.batches import predict_clips, predict_each, predict_segments


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


def clips_of(*values):
    """A clip per list, with a constant segment per number."""
    return [np.repeat(np.array(v, "float32")[:, None], 4, axis=1) for v in values]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4, 7, 100])
def test_predict_clips_averages_each_clip_whatever_the_batches(batch_size):
    clips = clips_of([1, 3], [5], [2, 4, 9], [7], [8, 0])
    means = [m[0].tolist() for m in predict_clips(mean_model(), clips, batch_size)]
    assert means == [[2], [5], [5], [7], [4]]


def test_predict_clips_gives_a_mean_for_each_output():
    [means] = predict_clips(mean_model(2), clips_of([1, 3]))
    assert [mean.tolist() for mean in means] == [[2], [4]]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_predict_each_gives_every_segment_of_each_clip(batch_size):
    clips = clips_of([1, 3], [5], [2, 4, 9])
    outputs = list(predict_each(mean_model(2), clips, batch_size))
    assert [o[0].tolist() for o in outputs] == [[[1], [3]], [[5]], [[2], [4], [9]]]
    assert [o[1].tolist() for o in outputs] == [[[2], [6]], [[10]], [[4], [8], [18]]]


def test_predict_clips_of_no_clips_is_empty():
    assert list(predict_clips(mean_model(), [])) == []


def test_predict_clips_refuses_a_clip_without_segments():
    with pytest.raises(ValueError, match="no segments"):
        list(predict_clips(mean_model(), [np.zeros((0, 4), "float32")]))


def test_predict_clips_reads_no_further_than_it_must():
    read = []

    def clips():
        for number, clip in enumerate(clips_of([1, 1], [2, 2], [3, 3])):
            read.append(number)
            yield clip

    assert next(predict_clips(mean_model(), clips(), batch_size=2))[0] == [1]
    assert read == [0]


def test_predict_clips_runs_batches_of_one_size_only():
    model, sizes = mean_model(), []
    run = model.predict_on_batch
    model.predict_on_batch = lambda batch: (sizes.append(len(batch)), run(batch))[1]
    list(predict_clips(model, clips_of([1, 2, 3], [4, 5]), batch_size=2))
    assert sizes == [2, 2, 2]


def test_predict_clips_runs_the_model_as_when_it_is_used():
    waveform = keras.Input((4,))
    model = keras.Model(waveform, keras.layers.Dropout(0.9)(waveform))
    [means] = predict_clips(model, clips_of([1, 1]))
    assert means[0].tolist() == [1, 1, 1, 1]


def test_predict_segments_gives_one_row_per_segment():
    [clip] = clips_of([1, 2, 3])
    outputs = list(predict_segments(mean_model(), [clip[:2], clip[2:]]))
    assert [o.tolist() for o in outputs] == [[[1], [2]], [[3]]]
