"""Songs to tags: ours, musicnn's own way, and the same network in PyTorch."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.building import NUM_CLIPS, setup_bare
from benchmarks.harness import Job, Measurement, Variant
from benchmarks.machine import PEAK_FLOP, musicnn_flop
from benchmarks.material import mp3_files
from benchmarks.networks import NUM_TAGS
from benchmarks.table import table_lines
from benchmarks.untrained import build_untrained, onnx_path

# The models that ours is timed with, and how often each tags the clips in a run: the
# start of the decoders, which a library pays once, should not be most of it.
MODELS = {"musicnn": 2, "fcn5": 12}
# Of a clip of 29 s: the others leave out what is left after the last whole patch, of
# which we make a segment.
PATCHES_PER_CLIP = 9
SEGMENTS_PER_CLIP = 10
RATE = 16_000

ORIGINAL = "original's way: graph and session per file, batch 1"
PYTORCH = "PyTorch, file by file, librosa"
BARE = "bare loop: PyAV, decode to 16 kHz mono"


@dataclass(frozen=True)
class Way:
    """One way to do it: files and operations of the network in a run."""

    variant: Variant
    num_files: int = NUM_CLIPS
    flop: float = 0.0


def ways() -> list[Way]:
    """All ways, the same clips in each."""
    theirs = musicnn_flop() * PATCHES_PER_CLIP * NUM_CLIPS
    ours = musicnn_flop() * SEGMENTS_PER_CLIP * NUM_CLIPS
    return [
        Way(Variant(ORIGINAL, setup_original), flop=theirs),
        Way(Variant(PYTORCH, setup_pytorch), flop=theirs),
        Way(Variant(BARE, setup_bare, (RATE,))),
        *(
            Way(
                Variant(f"resemul, {name}, ONNX Runtime", setup_resemul, (name,)),
                NUM_CLIPS * repeats,
                ours * repeats if name == "musicnn" else 0.0,
            )
            for name, repeats in MODELS.items()
        ),
    ]


def setup_original() -> Job:
    """Everything anew for each file, but the libraries, which stay imported."""
    import librosa  # noqa: F401

    from benchmarks.librosa_images import images_of
    from benchmarks.original_musicnn import save_arrays, tag_images

    files = mp3_files(NUM_CLIPS)
    folder = tempfile.TemporaryDirectory(prefix="resemul-benchmark-")
    save_arrays(build_untrained("musicnn")[0], Path(folder.name) / "musicnn")

    def job() -> None:
        prefix = Path(folder.name) / "musicnn"
        for path in files:
            tags = tag_images(prefix, images_of(path))
            assert tags.shape == (PATCHES_PER_CLIP, NUM_TAGS)

    return job


def setup_pytorch() -> Job:
    """The network is there; each file is one batch."""
    import librosa  # noqa: F401
    import torch

    from benchmarks.librosa_images import images_of
    from benchmarks.peer_musicnn import MusicnnPeer

    torch.manual_seed(0)
    model = MusicnnPeer(NUM_TAGS).eval()
    files = mp3_files(NUM_CLIPS)

    def job() -> None:
        for path in files:
            images = torch.from_numpy(images_of(path)).transpose(1, 2).contiguous()
            with torch.inference_mode():
                tags = model(images).numpy()
            assert tags.shape == (PATCHES_PER_CLIP, NUM_TAGS)

    return job


def setup_resemul(name: str) -> Job:
    """As `resemul tag` does it, the start of its decoders included."""
    from resemul.tagging.many import tag_many
    from resemul.tagging.tagger import Tagger

    tagger = Tagger(onnx_path(name))
    paths = [str(path) for path in mp3_files(NUM_CLIPS)] * MODELS[name]

    def job() -> None:
        shapes = {
            result.timeline.scores.shape for [result] in tag_many([tagger], paths)
        }
        [shape] = shapes
        assert name != "musicnn" or shape == (SEGMENTS_PER_CLIP, NUM_TAGS)

    return job


def render(
    ways: Sequence[Way], measurements: Sequence[Measurement], product: Measurement
) -> str:
    """A row for each way that was measured; ratios are of files in a minute."""
    by_name = {way.variant.name: way for way in ways}
    # The best of a busy machine is nearest to what the processor can do.
    peak = PEAK_FLOP / product.spread[0]
    medians = {
        m.name: m.median / by_name[m.name].num_files
        for m in measurements
        if not m.problem
    }
    references = [medians.get(name) for name in (ORIGINAL, PYTORCH, BARE)]
    header = ["variant", "files/min", "spread", "of peak", "CPU s/file", "peak memory"]
    header += ["x original", "x PyTorch", "x bare loop"]
    rows = [header]
    for measurement in measurements:
        if measurement.problem:
            blanks = [""] * (len(header) - 2)
            rows.append([measurement.name, measurement.problem, *blanks])
            continue
        median = medians[measurement.name]
        ratios = [
            f"{reference / median:.2f}" if reference else "" for reference in references
        ]
        cells = _cells(by_name[measurement.name], measurement, peak)
        rows.append([measurement.name, *cells, *ratios])
    title = f"### Tagging, {NUM_CLIPS} clips of 29 s, {os.cpu_count()} cores"
    note = f"Matrix product, in the same run: {peak / 1e9:.0f} GFLOP/s in float32.\n"
    return "\n".join([title, "", *table_lines(rows), "", note])


def _cells(way: Way, measurement: Measurement, peak: float) -> list[str]:
    fastest, slowest = (
        f"{60 * way.num_files / seconds:,.0f}" for seconds in measurement.spread
    )
    share = way.flop / measurement.median / peak
    return [
        f"{60 * way.num_files / measurement.median:,.0f}",
        f"{slowest} to {fastest}",
        f"{share:.0%}" if way.flop else "",
        f"{measurement.cpu_median / way.num_files:.3f}",
        f"{measurement.peak_bytes / 1e9:.2f} GB",
    ]
