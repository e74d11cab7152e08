"""Weights of our models in layers of PyTorch."""

import keras
import numpy as np


def fill(module, arrays):
    """Copies Keras' arrays to a PyTorch layer: channels first, inputs last."""
    import torch

    names = ("weight", "bias", "running_mean", "running_var")
    for name, array in zip(names, arrays, strict=False):
        target = getattr(module, name)
        kernel = np.asarray(array).transpose(range(array.ndim)[::-1])
        with torch.no_grad():
            target.copy_(torch.from_numpy(kernel.copy()).reshape(target.shape))


def fill_all(network, model, pairs):
    """Fills the layers that `pairs` names, ours by theirs; all there are."""
    modules = dict(network.named_modules())
    for theirs, ours in pairs.items():
        fill(modules[theirs], model.get_layer(ours).get_weights())
    assert sum(p.numel() for p in network.parameters()) == sum(
        int(np.prod(w.shape)) for w in model.trainable_weights
    )


def randomise(model):
    """Weights that hide no mistake: scales of either sign, means, and biases."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = (w.shape for w in layer.weights)
            layer.set_weights(
                [
                    random.uniform(0.3, 1.5, gamma) * random.choice([-1, 1], gamma),
                    random.normal(0, 0.3, beta),
                    random.normal(0.3, 0.3, mean),
                    random.uniform(0.5, 1.5, variance),
                ]
            )
        elif layer.weights:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, random.normal(0, 0.1, bias.shape)])
