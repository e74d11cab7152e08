"""Labels beside outputs, of a model whose probabilities are its samples."""

import keras
import numpy as np
import pytest

from resemul.errors import DatasetError, WeightsError
from resemul.prediction.labelled import predict_labelled

CLIPS = [
    (np.array([[0.25, 1.0], [0.75, 0.0]], "float32"), np.array([1, 0], "uint8")),
    (np.array([[0.125, 0.5]], "float32"), np.array([0, 1], "uint8")),
]


@pytest.fixture(scope="module")
def echo_model():
    """Maps `(batch, 2)` to itself: the probabilities of two tags."""
    waveform = keras.Input((2,))
    return keras.Model(waveform, keras.layers.Activation("linear")(waveform))


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_labels_and_means_over_segments_stand_side_by_side(echo_model, batch_size):
    found = predict_labelled(echo_model, iter(CLIPS), batch_size, ("a", "b"))
    assert found.labels.tolist() == [[1, 0], [0, 1]]
    assert found.probabilities.tolist() == [[0.5, 0.5], [0.125, 0.5]]
    assert found.clip_ids == ("a", "b")
    assert found.labels.dtype == found.probabilities.dtype == np.float32


def test_no_clips_are_refused(echo_model):
    with pytest.raises(DatasetError, match="no clips to predict"):
        predict_labelled(echo_model, [])


def test_names_of_other_clips_are_refused(echo_model):
    with pytest.raises(DatasetError, match="2 clips were read, 1 are listed"):
        predict_labelled(echo_model, CLIPS, clip_ids=("a",))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_refused_by_whoever_asks(echo_model, value):
    clips = [*CLIPS, (np.array([[value, 0]], "float32"), np.array([0, 0]))]
    found = predict_labelled(echo_model, clips)
    with pytest.raises(WeightsError, match="for 1 of 3 test clips"):
        found.require_finite("test clips")
    predict_labelled(echo_model, CLIPS).require_finite()
