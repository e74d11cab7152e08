import numpy as np

from resemul.checkpoints.model_file import open_model, save_model
from resemul.checkpoints.weights_hash import arrays_sha256, weights_sha256


def test_a_model_saved_twice_is_another_file_of_the_same_weights(path, tmp_path):
    model, card = open_model(path)
    again = save_model(model, card, tmp_path / "again.keras")
    assert again.weights_sha256 == card.weights_sha256 == weights_sha256(model)


def test_names_shapes_values_and_order_count():
    ones = np.ones(6, "float32")
    hashes = {
        arrays_sha256([("a", ones), ("b", ones)]),
        arrays_sha256([("b", ones), ("a", ones)]),
        arrays_sha256([("a", ones)]),
        arrays_sha256([("a", ones.reshape(2, 3))]),
        arrays_sha256([("a", ones.reshape(3, 2))]),
        arrays_sha256([("a", 2 * ones)]),
        arrays_sha256([("a", ones.astype("float64"))]),
    }
    assert len(hashes) == 7


def test_the_order_of_bytes_in_memory_does_not_count():
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    expected = arrays_sha256([("a", values)])
    assert arrays_sha256([("a", values.astype(">f4"))]) == expected
    assert arrays_sha256([("a", np.asfortranarray(values))]) == expected
