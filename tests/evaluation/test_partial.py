import keras
import numpy as np
import pytest

from resemul.evaluation.partial import digest, predict_resumably

CLIPS = [
    (np.full((number + 1, 2), number / 8, "float32"), np.array([1, number % 2], "f4"))
    for number in range(5)
]
EXPECTED = [([1, number % 2], [number / 8] * 2) for number in range(5)]


@pytest.fixture(scope="module")
def echo_model():
    waveform = keras.Input((2,))
    return keras.Model(waveform, keras.layers.Activation("linear")(waveform))


def rows(predictions):
    return [(labels.tolist(), output.tolist()) for labels, output in predictions]


def count_batches(model, monkeypatch):
    sizes, run = [], model.predict_on_batch
    monkeypatch.setattr(
        model, "predict_on_batch", lambda x: (sizes.append(len(x)), run(x))[1]
    )
    return sizes


def test_a_whole_run_leaves_no_part(echo_model, tmp_path):
    part = tmp_path / "new" / "x.part"
    assert rows(predict_resumably(echo_model, iter(CLIPS), 2, part)) == EXPECTED
    assert not part.exists()


def test_a_stopped_run_goes_on_after_the_clips_that_are_done(
    echo_model, tmp_path, monkeypatch
):
    part = tmp_path / "x.part"
    stopped = predict_resumably(echo_model, iter(CLIPS), 2, part, batch_size=1)
    assert rows(next(stopped) for _ in range(3)) == EXPECTED[:3]
    stopped.close()
    # As after a kill in the middle of a write.
    with part.open("ab") as file:
        file.write(b"half")
    sizes = count_batches(echo_model, monkeypatch)
    again = predict_resumably(echo_model, iter(CLIPS), 2, part, batch_size=1)
    assert rows(again) == EXPECTED
    # Clips 3 and 4 have 4 and 5 segments.
    assert sum(sizes) == 4 + 5
    assert not part.exists()


def test_a_part_that_cannot_be_written_stops_nothing(echo_model, tmp_path):
    (tmp_path / "file").touch()
    part = tmp_path / "file" / "x.part"
    assert rows(predict_resumably(echo_model, iter(CLIPS), 2, part)) == EXPECTED


def test_two_at_once_do_not_share_a_part(echo_model, tmp_path):
    part = tmp_path / "x.part"
    first = predict_resumably(echo_model, iter(CLIPS), 2, part, batch_size=1)
    second = predict_resumably(echo_model, iter(CLIPS), 2, part, batch_size=1)
    found = list(zip(first, second, strict=True))
    assert rows(a for a, _ in found) == rows(b for _, b in found) == EXPECTED


def test_a_full_disk_ends_the_part_and_not_the_run(
    echo_model, tmp_path, monkeypatch, caplog
):
    def full(self, *args):
        raise OSError(28, "No space left on device")

    part = tmp_path / "x.part"
    monkeypatch.setattr("resemul.evaluation.partial.np.stack", full)
    assert rows(predict_resumably(echo_model, iter(CLIPS), 2, part)) == EXPECTED
    assert caplog.text.count("No space left on device") == 1


def test_digest_depends_on_weights_and_facts():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    first = digest(model, "segments")
    assert digest(model, "segments") == first != digest(model, "chunks")
    model.set_weights([np.ones((2, 1)), np.zeros(1)])
    assert digest(model, "segments") != first
