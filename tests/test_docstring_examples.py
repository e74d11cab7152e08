"""The examples in the docstrings of the public names, run as they stand."""

import dataclasses
import doctest
import wave

import numpy as np
import pytest

import resemul

# Of version and tagger: no docstring; in tests/tagging, with models that are quick.
ELSEWHERE = {"__version__", "Tagger"}
TAGS = ["low", "high", "loud"]


def examples_of(name):
    finder = doctest.DocTestFinder(recurse=False)
    public = getattr(resemul, name)
    # Classes hold examples of their own; those of methods are not public.
    return [found for found in finder.find(public, name) if found.examples]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_model_options):
    """A folder with `song.wav`, of three seconds, and `best.keras`, a tiny model."""
    from resemul.checkpoints.card import ModelCard
    from resemul.configs import SampleCNNConfig

    folder = tmp_path_factory.mktemp("examples")
    with wave.open(str(folder / "song.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        tone = np.sin(np.arange(48_000) * 2 * np.pi * 440 / 16_000)
        file.writeframes((16_000 * tone).astype("<i2").tobytes())
    config = SampleCNNConfig(**tiny_model_options)
    model = resemul.build_model("sample_cnn", len(TAGS), **tiny_model_options)
    # Whatever it hears: loud, and rather low than high.
    kernel, _ = model.get_layer("tags").get_weights()
    model.get_layer("tags").set_weights([0 * kernel, np.array([0.0, -1.0, 2.0])])
    card = ModelCard(
        model="sample_cnn",
        options=dataclasses.asdict(config),
        tags=TAGS,
        sample_rate=config.sample_rate,
        num_samples=config.num_samples,
    )
    resemul.save_model(model, card, folder / "best.keras")
    return folder


@pytest.mark.parametrize("name", sorted(set(resemul.__all__) - {"__version__"}))
def test_a_public_name_has_examples(name):
    assert examples_of(name)


@pytest.mark.parametrize("name", sorted(set(resemul.__all__) - ELSEWHERE))
def test_the_examples_of_a_public_name_are_right(name, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    )
    for example in examples_of(name):
        example.globs.update({n: getattr(resemul, n) for n in resemul.__all__})
        runner.run(example)
    assert runner.failures == 0, capsys.readouterr().out
