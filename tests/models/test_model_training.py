"""Every model of the table through an epoch of its own recipe."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from small import SMALL

from resemul.checkpoints.model_file import load_model
from resemul.configs import MODEL_ENTRIES, RECIPES, RunConfig
from resemul.models import MODELS, build_model
from resemul.prediction.fused import layers_to_round
from resemul.records.record_set import RecordSet
from resemul.records.schema import encode_segment
from resemul.training import prepare_model, train_in_stages
from resemul.training.fused_model import fuse_for_training


def make_records(folder, config, crop):
    """Four records of noise for training and three to validate on."""
    # Cropping needs something to leave out.
    num_samples = config.num_samples + (0 if crop == "segments" else 1_000)
    random, files = np.random.default_rng(0), {"test": []}
    for split, size in (("train", 4), ("val", 3)):
        files[split] = [folder / f"{split}-0000-of-0001.tfrecord"]
        with tf.io.TFRecordWriter(str(files[split][0])) as writer:
            for number in range(size):
                waveform = random.normal(0, 0.1, num_samples).astype("float32")
                labels = np.array([number % 2, number < 2], "uint8")
                writer.write(encode_segment(waveform, labels))
    return RecordSet(
        folder=folder,
        dataset="mtt",
        split_name="mtt-tagged",
        tags=("rock", "slow"),
        sample_rate=config.sample_rate,
        num_samples=num_samples,
        files=files,
        num_segments={"train": 4, "val": 3, "test": 0},
        num_clips={},
        clip_ids=(),
        num_skipped={},
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_model_is_trained_by_its_recipe(name, tmp_path):
    keras.utils.set_random_seed(0)
    training = dataclasses.replace(
        RECIPES[MODEL_ENTRIES[name].recipe],
        batch_size=2,
        steps_per_epoch=2,
        max_epochs=1,
        num_chunks=2,
        precision="float32",
    )
    config = MODEL_ENTRIES[name].config(**SMALL[name])
    records = make_records(tmp_path, config, training.crop)
    model, card = prepare_model(RunConfig(name, SMALL[name], training), records)
    before = model.get_weights()
    result = train_in_stages(
        model,
        card,
        records,
        tmp_path / "log",
        training,
        lambda _: {"test_roc_auc": 0.5, "test_pr_auc": 0.5, "test_clips": 1},
    )
    [stage] = result.stages
    assert stage["num_epochs"] == 1
    assert np.isfinite(stage["val_loss"])
    best, card = load_model(result.best)
    assert (card.model, card.num_samples) == (name, config.num_samples)
    assert card.training["schedule"]["name"] == training.schedule.name
    assert any(
        not np.array_equal(old, new)
        for old, new in zip(before, best.get_weights(), strict=True)
    )
    waveforms = np.random.default_rng(1).normal(0, 0.1, (1, config.num_samples))
    probabilities = best.predict_on_batch(waveforms)
    assert probabilities.shape == (1, 2)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


@pytest.mark.parametrize("name", ["fcn4", "fcn5", "pons_log_mel", "sample_cnn"])
def test_half_precision_begins_after_the_spectrogram(name):
    model = build_model(name, 2, **SMALL[name])
    fused = fuse_for_training(model, "mixed_bfloat16")
    rounded = layers_to_round(model)
    dtypes = {layer.name: layer.compute_dtype for layer in fused.layers}
    assert {n for n, dtype in dtypes.items() if dtype == "bfloat16"} == rounded
    assert rounded.isdisjoint({"spec", "log_mel", "spec_bn", "tags", "waveform"})
    assert any("conv" in layer for layer in rounded)
    assert {str(weight.dtype) for weight in fused.weights} == {"float32"}
