import numpy as np
import pandas as pd
import pytest

from resemul.models import build_model


@pytest.fixture(scope="session")
def se_model(tiny_model_options):
    """An untrained model; what it says depends on the waveform."""
    import keras

    keras.utils.set_random_seed(1)
    return build_model("sample_cnn", 3, **tiny_model_options)


@pytest.fixture
def table():
    """Three clips, two depths, two tags; all means can be worked out by hand.

    At depth 0, clips 1 and 2 have "a", clips 2 and 3 "b"; nobody has "c".
    """
    rows = [
        ([0.0, 0.2], 0, 1.0, 0.0, 0.0),
        ([0.1, 0.1, 0.1], 1, 1.0, 0.0, 0.0),
        ([0.4, 0.4], 0, 1.0, 1.0, 0.0),
        ([0.3, 0.3, 0.3], 1, 1.0, 1.0, 0.0),
        ([0.8, 0.0], 0, 0.0, 1.0, 0.0),
        ([0.7, 0.5, 0.3], 1, 0.0, 1.0, 0.0),
    ]
    frame = pd.DataFrame(rows, columns=["ex", "depth", "a", "b", "c"])
    frame["ex"] = [np.array(ex, "float32") for ex in frame["ex"]]
    return frame
