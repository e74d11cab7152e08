import wave

import keras
import numpy as np
import pytest

from resemul.configs import AudioConfig
from resemul.constants import NUM_SAMPLES
from resemul.errors import ConfigError, WeightsError
from resemul.excitations import (
    build_excitation_model,
    extract_excitations,
    extract_from_files,
)
from resemul.models import build_model

TAGS = ("rock", "solo piano", "loud")
NUM_BLOCKS = 9


@pytest.fixture(scope="module")
def clips():
    """Clips of 3, 1 and 2 segments, each with its own tags."""
    rng = np.random.default_rng(0)
    labels = np.eye(3, dtype="float32")
    return [
        (rng.uniform(-1, 1, (n, NUM_SAMPLES)).astype("float32"), labels[number])
        for number, n in enumerate((3, 1, 2))
    ]


@pytest.fixture(scope="module")
def table(se_model, clips):
    # Batches of 4 cut through the last clip.
    return extract_excitations(se_model, iter(clips), TAGS, batch_size=4)


def test_rows_go_clip_after_clip_and_from_depth_0_to_8(table):
    assert table["depth"].to_list() == list(range(NUM_BLOCKS)) * 3
    assert table["depth"].dtype.kind == "i"
    assert list(table.index) == list(range(27))


def test_columns_are_ex_depth_and_a_0_or_1_for_each_tag(table, clips):
    assert list(table.columns) == ["ex", "depth", *TAGS]
    expected = np.repeat([labels for _, labels in clips], NUM_BLOCKS, axis=0)
    np.testing.assert_array_equal(table[list(TAGS)].to_numpy(), expected)


def test_excitations_have_the_channels_of_their_blocks(table):
    # Of 4 initial features, doubled at the third and at the ninth block.
    assert [ex.shape for ex in table["ex"]] == [
        *[(4,), (4,), (8,), (8,), (8,), (8,), (8,), (8,), (16,)] * 3
    ]
    assert {ex.dtype for ex in table["ex"]} == {np.dtype("float32")}


def test_excitation_is_the_mean_over_the_segments_of_the_clip(table, clips, se_model):
    for depth in (0, 4, 8):
        layer = se_model.get_layer(f"block{depth + 1}_excitation")
        single = keras.Model(se_model.inputs, layer.output)
        for number, (segments, _) in enumerate(clips):
            each = [single.predict_on_batch(s[np.newaxis])[0, 0] for s in segments]
            found = table["ex"][number * NUM_BLOCKS + depth]
            np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)
    different = table["ex"][0] - table["ex"][NUM_BLOCKS]
    assert np.abs(different).max() > 1e-4  # or the comparison would prove nothing


def test_rese_model_has_excitations_too(clips):
    model = build_model(
        "sample_cnn", 3, block="rese", init_features=4, alpha=1, dropout=0.0
    )
    table = extract_excitations(model, clips[:1], TAGS)
    assert len(table) == NUM_BLOCKS


@pytest.mark.parametrize("block", ["basic", "res"])
def test_model_without_excitations_is_refused(block, clips):
    model = build_model("sample_cnn", 3, block=block, init_features=4)
    with pytest.raises(WeightsError) as caught:
        extract_excitations(model, clips, TAGS)
    assert str(caught.value) == (
        "only models with blocks 'se' or 'rese' have excitations; this sample_cnn has "
        f"blocks '{block}'"
    )


def test_model_of_another_family_is_refused_by_its_name():
    waveform = keras.Input((4,))
    model = keras.Model(waveform, keras.layers.Dense(1)(waveform), name="fcn")
    with pytest.raises(WeightsError, match="this fcn has no such blocks"):
        build_excitation_model(model)


def test_layers_are_found_by_name_not_by_order(se_model):
    depths, cut = build_excitation_model(se_model, [8, 0])
    assert depths == [0, 8]
    assert [output.shape[-1] for output in cut.outputs] == [4, 16]


def test_half_precision_layers_give_float32(tiny_model_options):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_model("sample_cnn", 3, **tiny_model_options)
    finally:
        keras.config.set_dtype_policy("float32")
    _, cut = build_excitation_model(model)
    assert {output.dtype for output in cut.outputs} == {"float32"}


def test_other_number_of_labels_than_tags_is_a_mistake_of_the_caller(se_model, clips):
    with pytest.raises(ValueError, match="clips have 3 labels, 2 tags given"):
        extract_excitations(se_model, clips[:1], TAGS[:2])


def test_excitations_of_won_sample_cnn_se_are_found_too():
    model = build_model("won_sample_cnn_se", 2, channels=2)
    depths, excitation_model = build_excitation_model(model)
    assert depths == list(range(11))
    assert excitation_model.outputs[0].shape[-1] == 2


def test_excitations_that_are_no_numbers_are_refused(clips, tiny_model_options):
    model = build_model("sample_cnn", 3, **tiny_model_options)
    model.get_layer("block1_excitation").bias.assign([np.nan, 0, 0, 0])
    with pytest.raises(WeightsError, match="not finite numbers for row 1"):
        extract_excitations(model, clips[:1], TAGS)


@pytest.mark.parametrize("tag", ["depth", "ex"])
def test_tag_called_as_a_column_is_refused_before_the_work(se_model, tag):
    def clips():
        raise AssertionError("no clip should be read")
        yield

    with pytest.raises(ConfigError, match=f"a tag is called {tag}, as a column"):
        extract_excitations(se_model, clips(), ("rock", tag, "loud"))


def test_segments_of_files_have_their_places(se_model, tmp_path):
    """Two files of 1.5 and of 2 segments; the last segment ends where the file does."""
    rng = np.random.default_rng(0)
    paths, waveforms = [tmp_path / "a.wav", tmp_path / "b.wav"], []
    for path, num_samples in zip(
        paths, (NUM_SAMPLES * 3 // 2, NUM_SAMPLES * 2), strict=True
    ):
        samples = rng.integers(-9_000, 9_000, num_samples).astype("<i2")
        waveforms.append(samples.astype("float32") / 32_768)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 22_050, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
    table = extract_from_files(se_model, paths, AudioConfig(22_050), batch_size=3)
    first = table[table["depth"] == 0].reset_index(drop=True)
    starts = np.array([0, NUM_SAMPLES // 2, 0, NUM_SAMPLES])
    assert (first["start_seconds"] * 22_050).round().to_list() == starts.tolist()
    expected = extract_excitations(
        se_model,
        [
            (waveforms[place // 2][start : start + NUM_SAMPLES][None], np.zeros(3))
            for place, start in enumerate(starts)
        ],
        TAGS,
    )
    for depth in (0, 8):
        found = np.stack(table["ex"][table["depth"] == depth])
        wanted = np.stack(expected["ex"][expected["depth"] == depth])
        np.testing.assert_allclose(found, wanted, atol=1e-5)
