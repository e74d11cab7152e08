"""Embeddings of many files in one archive."""

import numpy as np

from resemul.tagging.embeddings import write_embeddings
from resemul.tagging.results import TagResult, Timeline


def result(path, model, num_segments):
    times = np.arange(num_segments, dtype=float)
    return TagResult(
        path,
        model,
        "tagged",
        timeline=Timeline(times, times + 1, np.empty((num_segments, 0))),
        embeddings=np.full((num_segments, 2), num_segments, "float32"),
    )


def test_rows_know_their_file_and_time(tmp_path):
    models = ["/x/best.keras", "/y/best.keras"]
    with write_embeddings(tmp_path / "e.npz", models) as writer:
        for model in models:
            writer.write(result("a.mp3", model, 2))
            writer.write(TagResult("b.mp3", model, "failed"))
            writer.write(result("c.mp3", model, 1))
    with np.load(tmp_path / "e.npz", allow_pickle=False) as arrays:
        assert {name.split("/")[0] for name in arrays} == {"best", "best-2"}
        assert arrays["best/path"].tolist() == ["a.mp3", "b.mp3", "c.mp3"]
        assert arrays["best/files"].tolist() == [0, 0, 2]
        assert arrays["best/starts"].tolist() == [0, 1, 0]
        assert arrays["best/embeddings"].tolist() == [[2, 2], [2, 2], [1, 1]]


def test_an_archive_of_nothing_is_one(tmp_path):
    with write_embeddings(tmp_path / "e.npz", ["m"]) as writer:
        writer.write(TagResult("b.mp3", "m", "failed"))
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays["m/embeddings"].shape == (0, 0)
