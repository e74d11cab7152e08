"""Small models of this package, for export."""

import dataclasses
import functools

import numpy as np
import pytest

from resemul.checkpoints.card import ModelCard

# Options, where a model has them, that make it small.
SMALL = {
    "channels": 2,
    "init_features": 2,
    "alpha": 2,
    "dense_units": 8,
    "mid_channels": 3,
}


@pytest.fixture(scope="session")
def build():
    """Makes a small model with random weights and statistics, and its card."""
    import keras

    from resemul.configs import model_entry
    from resemul.models import build_model

    @functools.cache
    def build(name, **options):
        config_class = model_entry(name).config
        fields = {field.name for field in dataclasses.fields(config_class)}
        options = {k: v for k, v in SMALL.items() if k in fields} | options
        config = config_class(**options)
        keras.utils.set_random_seed(0)
        model = build_model(name, 3, **options)
        rng = np.random.default_rng(0)
        # All positive, so that variances are; vectors only, so that nothing explodes.
        model.set_weights(
            [
                rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w
                for w in model.get_weights()
            ]
        )
        card = ModelCard(
            name,
            dataclasses.asdict(config),
            list("abc"),
            num_samples=config.num_samples,
            **dataclasses.asdict(config.audio),
        )
        return model, card

    return build
