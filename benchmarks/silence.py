"""Where files are silent: the original's way, ours, and the decoding alone."""

from pathlib import Path

import numpy as np

from benchmarks.harness import Job, Variant
from benchmarks.material import preview_files

NUM_FILES = 16


def variants() -> list[Variant]:
    """`NUM_FILES` previews of 30 s, on one core each."""
    return [
        Variant(
            "original's way: librosa 0.7, which read mp3 by audioread (ffmpeg)",
            setup_librosa,
            ("audioread",),
            True,
        ),
        Variant("librosa today, which reads mp3 by libsndfile", setup_librosa),
        Variant("bare decode: PyAV, every frame an array", setup_bare),
        Variant("resemul msd silence", setup_resemul),
    ]


def setup_librosa(reader: str = "") -> Job:
    """Decodes a file at its own rate, all channels, and splits their mean."""
    try:
        import librosa

        if reader:
            import audioread.ffdec
    except ImportError as error:
        raise ImportError("no librosa", name=error.name) from error
    files = preview_files(NUM_FILES)

    def job() -> None:
        for path in files:
            source = audioread.ffdec.FFmpegAudioFile(path) if reader else path
            array, _ = librosa.load(source, sr=None, mono=False)
            librosa.effects.split(np.mean(np.atleast_2d(array), axis=0))

    return job


def setup_bare() -> Job:
    """What cannot be spared."""
    import av

    files = preview_files(NUM_FILES)

    def job() -> None:
        for path in files:
            with av.open(str(path)) as container:
                for frame in container.decode(audio=0):
                    frame.to_ndarray()

    return job


def setup_resemul() -> Job:
    """As a worker of `resemul msd silence`."""
    from resemul.curation.silence_files import measure_file

    files = preview_files(NUM_FILES)

    def job() -> None:
        for path in files:
            assert measure_file(Path(path))["split"]

    return job
