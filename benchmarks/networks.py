"""Networks at work, SE + multi or another: training steps and predictions."""

import os
from typing import Any

import numpy as np

from benchmarks.harness import Job, Variant

NUM_TAGS = 50


def training_variants(batch_size: int, backends: list[str]) -> list[Variant]:
    """One training step, in all ways."""
    ours = [
        Variant(
            f"resemul on {backend}, {precision}",
            setup_resemul_step,
            (backend, precision, batch_size),
        )
        for backend in backends
        for precision in ("float32", "mixed_bfloat16")
    ]
    stock = Variant("Keras on tensorflow, as is", setup_keras_step, (batch_size,))
    return [*_peers(setup_peer_step, batch_size), stock, *ours]


def prediction_variants(batch_size: int, backends: list[str]) -> list[Variant]:
    """The probabilities of one batch, in all ways."""
    ours = [
        Variant(
            f"resemul on {backend}, {precision}",
            setup_resemul_prediction,
            (backend, precision, batch_size),
        )
        for backend in backends
        for precision in ("float32", "mixed_bfloat16")
    ]
    stock = Variant("Keras on tensorflow, as is", setup_keras_prediction, (batch_size,))
    return [*_peers(setup_peer_prediction, batch_size), stock, *ours]


# Layout, compiled, precision.
_PEER_SETTINGS = [
    ("", False, "float32"),
    ("", False, "bfloat16"),
    ("", True, "float32"),
    ("", True, "bfloat16"),
    ("channels-last", True, "bfloat16"),
]


def _peers(setup: Any, batch_size: int) -> list[Variant]:
    variants = []
    for layout, compiled, precision in _PEER_SETTINGS:
        words = ["PyTorch", layout, "compiled" if compiled else "", precision]
        name = ", ".join(word for word in words if word)
        args = (bool(layout), compiled, precision, batch_size)
        plain = not layout and not compiled and precision == "float32"
        variants.append(Variant(name, setup, args, is_reference=plain))
    return variants


def batch_of(
    batch_size: int, num_samples: int = 59049
) -> tuple[np.ndarray, np.ndarray]:
    """Noise: float32 waveforms `(batch, num_samples)`, labels `(batch, tags)`."""
    random = np.random.default_rng(0)
    waveforms = random.normal(0, 0.2, (batch_size, num_samples)).astype("float32")
    labels = (random.random((batch_size, NUM_TAGS)) < 0.1).astype("float32")
    return waveforms, labels


def setup_resemul_step(
    backend: str, precision: str, batch_size: int, name: str = "sample_cnn"
) -> Job:
    """A step as `resemul train` takes it."""
    keras = _import_keras(backend)
    from resemul.training.fused_model import fuse_for_training

    return _step(fuse_for_training(_build(keras, name), precision), keras, batch_size)


def setup_keras_step(batch_size: int) -> Job:
    """A step of the model as it is built."""
    keras = _import_keras("tensorflow")
    return _step(_build(keras), keras, batch_size)


def _step(model: Any, keras: Any, batch_size: int) -> Job:
    from resemul.prediction.batches import choose_jit

    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    model.compile(optimizer, loss="binary_crossentropy", jit_compile=choose_jit())
    waveforms, labels = batch_of(batch_size, model.input_shape[-1])

    def job() -> None:
        float(model.train_on_batch(waveforms, labels))

    return job


def setup_resemul_prediction(
    backend: str, precision: str, batch_size: int, name: str = "sample_cnn"
) -> Job:
    """A batch as `resemul eval` predicts it."""
    keras = _import_keras(backend)
    from resemul.prediction.fused import fuse_for_prediction

    fused = fuse_for_prediction(_build(keras, name), precision)
    return _prediction(fused, batch_size)


def setup_keras_prediction(batch_size: int) -> Job:
    """A batch through the model as it is built."""
    return _prediction(_build(_import_keras("tensorflow")), batch_size)


def _prediction(model: Any, batch_size: int) -> Job:
    from resemul.prediction.batches import predict_pairs

    waveforms, _ = batch_of(batch_size, model.input_shape[-1])

    def job() -> None:
        list(predict_pairs(model, [(waveforms, None)], batch_size))

    return job


def _import_keras(backend: str) -> Any:
    os.environ["KERAS_BACKEND"] = backend
    if backend == "tensorflow":
        from resemul.runtime.tensorflow import start_tensorflow

        start_tensorflow()
    import keras

    return keras


def _build(keras: Any, name: str = "sample_cnn") -> Any:
    from resemul.models import build_model

    keras.utils.set_random_seed(0)
    return build_model(name, NUM_TAGS)


def setup_peer_step(
    channels_last: bool, compiled: bool, precision: str, batch_size: int
) -> Job:
    """A training step of the peer, with autocast if in bfloat16."""
    import torch

    model, waveforms, labels = _peer(channels_last, batch_size)
    model.train()
    run = torch.compile(model) if compiled else model
    optimizer = torch.optim.SGD(
        model.parameters(), 0.01, momentum=0.9, nesterov=True, foreach=True
    )
    loss_of = torch.nn.BCELoss()

    def job() -> None:
        optimizer.zero_grad(set_to_none=True)
        with _autocast(precision):
            outputs = run(waveforms)
        loss = loss_of(outputs, labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return job


def setup_peer_prediction(
    channels_last: bool, compiled: bool, precision: str, batch_size: int
) -> Job:
    """A batch through the peer, with autocast if in bfloat16."""
    import torch

    model, waveforms, _ = _peer(channels_last, batch_size)
    model.eval()
    run = torch.compile(model) if compiled else model

    def job() -> None:
        with torch.inference_mode(), _autocast(precision):
            run(waveforms).cpu().numpy()

    return job


def _peer(channels_last: bool, batch_size: int) -> tuple[Any, Any, Any]:
    import torch

    from benchmarks.peer import Peer

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Peer(NUM_TAGS, flat_images=channels_last).to(device)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    waveforms, labels = (torch.from_numpy(x).to(device) for x in batch_of(batch_size))
    return model, waveforms, labels


def _autocast(precision: str) -> Any:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")
