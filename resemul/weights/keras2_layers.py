"""The layers of the original system, in the order in which its code creates them.

The order is what the numbers in the layer names of its files stand for.
"""

NUM_BLOCKS = 9
# With twice as many channels as the block before.
DOUBLING_BLOCKS = (3, 9)

# Variables of each kind of layer that has any, as Keras 2 names the kind.
VARIABLES = {
    "conv1d": ("kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "dense": ("kernel", "bias"),
}

# Kind, our name, shape of each variable.
Layer = tuple[str, str, dict[str, tuple[int, ...]]]


def original_layers(
    num_tags: int, block: str, multi: bool, init_features: int, alpha: int
) -> list[Layer]:
    """Lists the layers that have weights, in the order of their creation."""
    layers = _conv("stem", 3, 1, init_features)
    inputs = init_features
    for number in range(1, NUM_BLOCKS + 1):
        outputs = inputs * 2 if number in DOUBLING_BLOCKS else inputs
        layers += _block(f"block{number}", block, inputs, outputs)
        if block in ("se", "rese"):
            layers += [
                _dense(f"block{number}_expand", outputs, outputs * alpha),
                _dense(f"block{number}_excitation", outputs * alpha, outputs),
            ]
        inputs = outputs
    # The other two levels have half the channels of the last one each.
    inputs = 2 * inputs if multi else inputs
    return [
        *layers,
        _dense("head_dense", inputs, inputs),
        _batch_norm("head_bn", inputs),
        _dense("tags", inputs, num_tags),
    ]


def _block(name: str, block: str, inputs: int, outputs: int) -> list[Layer]:
    if block in ("se", "basic"):
        return _conv(name, 3, inputs, outputs)
    layers = []
    if inputs != outputs:
        # Created first, although it stands beside the two convolutions.
        layers = _conv(f"{name}_shortcut", 1, inputs, outputs)
    return [
        *layers,
        *_conv(name, 3, inputs, outputs, "1"),
        *_conv(name, 3, outputs, outputs, "2"),
    ]


def _conv(
    name: str, width: int, inputs: int, outputs: int, number: str = ""
) -> list[Layer]:
    shapes = {"kernel": (width, inputs, outputs), "bias": (outputs,)}
    return [
        ("conv1d", f"{name}_conv{number}", shapes),
        _batch_norm(f"{name}_bn{number}", outputs),
    ]


def _batch_norm(name: str, channels: int) -> Layer:
    kind = "batch_normalization"
    return kind, name, dict.fromkeys(VARIABLES[kind], (channels,))


def _dense(name: str, inputs: int, outputs: int) -> Layer:
    return "dense", name, {"kernel": (inputs, outputs), "bias": (outputs,)}
