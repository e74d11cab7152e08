"""Audio files to shards, and what else one could do: processor time counts here."""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import Job, Variant
from benchmarks.material import mp3_files

NUM_CLIPS = 16


def variants() -> list[Variant]:
    """One shard of `NUM_CLIPS` clips of 29 s, on one core each."""
    has_madmom = importlib.util.find_spec("madmom") is not None
    return [
        Variant("original's way: madmom", setup_madmom, (), has_madmom),
        Variant("ffmpeg process per file", setup_ffmpeg, (), not has_madmom),
        Variant("bare loop: PyAV, decode and resample, write nothing", setup_bare),
        Variant("resemul build, float32", setup_build, ("float32",)),
        Variant("resemul build, int16", setup_build, ("int16",)),
    ]


def setup_build(encoding: str, decoder: str = "pyav") -> Job:
    """Writes a training shard, as a worker of `resemul build` does."""
    from resemul.configs import BuildConfig
    from resemul.datasets import Track
    from resemul.records import ShardJob
    from resemul.records.write import write_shard

    files = mp3_files(NUM_CLIPS)
    labels = np.zeros(50, "uint8")
    tracks = [Track(str(i), Path(f.name), "train", labels) for i, f in enumerate(files)]
    config = BuildConfig(encoding=encoding, decoder=decoder)
    folder = tempfile.TemporaryDirectory(prefix="resemul-benchmark-")
    shard = ShardJob(
        "train-0000-of-0001.tfrecord", "train", tracks, files[0].parent, config
    )

    def job() -> None:
        result = write_shard(shard, Path(folder.name), Path(folder.name))
        assert len(result.clips) == NUM_CLIPS

    return job


def setup_madmom() -> Job:
    """The same shard, decoded as the published system did."""
    if importlib.util.find_spec("madmom") is None:
        raise ImportError("no madmom", name="madmom")
    return setup_build("float32", "madmom")


def setup_bare(sample_rate: int = 22_050) -> Job:
    """What cannot be spared: the decoder, and nothing around it."""
    import av

    files = mp3_files(NUM_CLIPS)

    def job() -> None:
        for path in files:
            resampler = av.AudioResampler("flt", "mono", sample_rate)
            chunks = []
            with av.open(str(path)) as container:
                for frame in container.decode(audio=0):
                    chunks += [x.to_ndarray() for x in resampler.resample(frame)]
            np.concatenate(chunks, axis=1)

    return job


def setup_ffmpeg() -> Job:
    """An ffmpeg process per file, its output read through a pipe; writes nothing."""
    if shutil.which("ffmpeg") is None:
        raise ImportError("no ffmpeg", name="ffmpeg")
    files = mp3_files(NUM_CLIPS)
    options = ["-f", "f32le", "-ac", "1", "-ar", "22050", "-t", "29", "-"]

    def job() -> None:
        for path in files:
            command = ["ffmpeg", "-v", "error", "-i", str(path), *options]
            run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            np.frombuffer(run.stdout, "<f4")

    return job
