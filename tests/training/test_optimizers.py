"""Steps held against PyTorch's."""

import keras
import numpy as np
import pytest

from resemul.configs import RECIPES, Stage, TrainConfig
from resemul.training.optimizers import make_optimizer

START = np.array([1.0, -2.0, 0.5, 0.0], "float32")
# Gradients of six steps.
GRADIENTS = np.random.default_rng(0).normal(0, 1, (6, 4)).astype("float32")


def step_here(stage, config):
    """The weights after each of the steps."""
    weights = keras.Variable(START)
    optimizer = make_optimizer(stage, config)
    optimizer.build([weights])
    found = []
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)])
        found.append(np.asarray(weights.value))
    return np.stack(found)


def step_in_torch(make):
    torch = pytest.importorskip("torch")
    weights = torch.nn.Parameter(torch.tensor(START))
    optimizer = make(torch.optim, [weights])
    found = []
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient)
        optimizer.step()
        found.append(weights.detach().numpy().copy())
    return np.stack(found)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_sgd_takes_the_steps_of_pytorch(decay):
    config = TrainConfig(momentum=0.9, coupled_weight_decay=decay)
    expected = step_in_torch(
        lambda optim, weights: optim.SGD(
            weights, 0.05, momentum=0.9, nesterov=True, weight_decay=decay
        )
    )
    found = step_here(Stage("sgd", 0.05), config)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_takes_the_steps_of_pytorch(decay):
    config = TrainConfig(adam_epsilon=1e-8, coupled_weight_decay=decay)
    expected = step_in_torch(
        lambda optim, weights: optim.Adam(weights, 0.05, weight_decay=decay)
    )
    found = step_here(Stage("adam", 0.05), config)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_weight_decay_is_added_to_the_gradient():
    config = TrainConfig(momentum=0.0, coupled_weight_decay=0.5)
    first = step_here(Stage("sgd", 0.1), config)[0]
    expected = START - 0.1 * (GRADIENTS[0] + 0.5 * START)
    np.testing.assert_allclose(first, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_loss_scale_is_taken_off_the_gradients(name):
    plain = TrainConfig(adam_epsilon=1e-3)
    scaled = TrainConfig(adam_epsilon=1e-3, loss_scale=1024.0)
    stage = Stage(name, 0.1)
    optimizer = make_optimizer(stage, scaled)
    assert float(optimizer.scale_loss(2.0)) == 2048.0
    weights = [keras.Variable(START) for _ in range(2)]
    for config, variable, factor in zip(
        (plain, scaled), weights, (1, 1024), strict=True
    ):
        optimizer = make_optimizer(stage, config)
        optimizer.build([variable])
        for gradient in GRADIENTS:
            optimizer.apply([keras.ops.convert_to_tensor(factor * gradient)])
    np.testing.assert_array_equal(*[np.asarray(w.value) for w in weights])


def test_loss_scale_changes_nothing_in_float32():
    """A power of two moves the exponents only, in a real training step."""
    results = []
    for scale in (None, 1024.0):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "sigmoid")])
        config = TrainConfig(loss_scale=scale)
        model.compile(
            make_optimizer(Stage("adam", 0.1), config),
            loss="binary_crossentropy",
            auto_scale_loss=False,
            jit_compile=False,
        )
        for gradient in GRADIENTS:
            model.train_on_batch(gradient[None], np.array([[0.0, 1.0]], "float32"))
        results.append(model.get_weights())
    for plain, scaled in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, scaled)


def test_optimizer_has_the_options_of_its_recipe():
    config = RECIPES["adam_then_sgd"]
    adam = make_optimizer(config.stages[0], config)
    sgd = make_optimizer(config.stages[1], config)
    assert isinstance(adam, keras.optimizers.Adam)
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.9, 0.999, 1e-8)
    assert isinstance(sgd, keras.optimizers.SGD)
    assert (sgd.momentum, sgd.nesterov) == (0.9, True)
    assert float(sgd.learning_rate) == pytest.approx(0.001)
    assert adam.coupled_weight_decay == sgd.coupled_weight_decay == 1e-4
    # Keras' own would shrink the weights as well.
    assert adam.weight_decay is sgd.weight_decay is None
