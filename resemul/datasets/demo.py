"""A synthetic data set in the layout of MagnaTagATune, to try everything on.

The clips are mixes of formulas (`demo_sounds`), not music; their tags borrow
names of MTT. Scores on it say that the programs work, and nothing about music.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from resemul.datasets.demo_sounds import SAMPLE_RATE, SOURCES, render_clip
from resemul.datasets.mtt import ANNOTATIONS_FILE, AUDIO_FOLDER
from resemul.errors import ConfigError, DatasetError
from resemul.runtime.progress import Progress
from resemul.runtime.workers import run_jobs

MARKER_FILE = "demo.json"
NUM_CLIPS = 192
# One clip in each folder 0 to f is the least that fills every split.
MIN_CLIPS = 16
CLIP_SECONDS = 29.1
BIT_RATE = 32_000
# Changes when the same parameters give other sounds.
_VERSION = 1

_FOLDERS = "0123456789abcdef"
# How often a source is used, relative to the others: MTT's tags are uneven too.
_SOURCE_WEIGHTS = (1.3, 1.3, 1.2, 1.1, 1.1, 1.0, 1.0, 0.9, 0.8, 0.8)
# Tag, or None for what lies between two tags: range of its value.
_NOTES_PER_SECOND = {"slow": (0.6, 1.1), None: (2.0, 3.2), "fast": (5.0, 8.0)}
_LEVEL_DB = {"quiet": (-31, -27), None: (-25, -21), "loud": (-19, -15)}
# Folder and defect of the clips that come on top; both folders are training.
_DAMAGED = (("6", "empty"), ("8", "cut_short"))

DEMO_TAGS = (*SOURCES, "slow", "fast", "quiet", "loud")

# (waveform, Hz, bits per second) -> the bytes of an mp3 file.
Encoder = Callable[[np.ndarray, int, int], bytes]


@dataclass(frozen=True)
class DemoClip:
    """One clip, before it sounds. `number` counts from 1 and seeds its details."""

    number: int
    folder: str
    sources: tuple[str, ...]
    tempo: str | None
    loudness: str | None
    defect: str | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """2 to 5 of `DEMO_TAGS`."""
        attributes = (self.tempo, self.loudness)
        return (*self.sources, *(tag for tag in attributes if tag is not None))

    @property
    def path(self) -> str:
        """Relative to the audio folder: MTT's artist-album-track-title-from-to."""
        title = "_".join((*self.tags, *filter(None, [self.defect])))
        return f"{self.folder}/resemul-demo-{self.number:03d}-{title}-0-29.mp3"


def write_demo(
    data_dir: Path,
    encode: Encoder,
    num_clips: int = NUM_CLIPS,
    seed: int = 0,
    clip_seconds: float = CLIP_SECONDS,
    num_workers: int = 1,
) -> int:
    """Writes annotations and mp3 files; returns how many files it wrote.

    Two damaged clips come on top of `num_clips`, as in MTT: an empty file and one
    that was cut short. What an earlier run with the same arguments has finished
    is kept, so a second run writes nothing.

    Args:
        data_dir: new, empty, or from an earlier run.
        encode: makes an mp3 file; must be importable by name, for the workers.
        num_clips: from 160 on, each tag has 6 test clips with and 6 without it.
        seed: of everything; the same arguments give the same bytes.
        clip_seconds: length of a clip.
        num_workers: processes; the files are the same for any number.

    Raises:
        ConfigError: one of the numbers is too small.
        DatasetError: the folder holds other data.
    """
    if clip_seconds <= 0:
        raise ConfigError(f"clip_seconds must be above 0, got {clip_seconds}")
    if num_workers < 1:
        raise ConfigError(f"num_workers must be at least 1, got {num_workers}")
    data_dir = Path(data_dir)
    clips = plan_clips(num_clips, seed)
    annotations = format_annotations(clips)
    parameters = {
        "written_by": "resemul demo-data",
        "version": _VERSION,
        "num_clips": num_clips,
        "seed": seed,
        "clip_seconds": clip_seconds,
    }
    _claim_folder(data_dir, parameters, annotations)
    missing = [c for c in clips if not (data_dir / AUDIO_FOLDER / c.path).is_file()]
    write = partial(_write_clip, data_dir / AUDIO_FOLDER, encode, seed, clip_seconds)
    _run_all(write, missing, num_workers)
    if not (data_dir / ANNOTATIONS_FILE).exists():
        # The last file to appear: annotations promise that the audio is there.
        _write_bytes(data_dir / ANNOTATIONS_FILE, annotations)
        return len(missing) + 1
    return len(missing)


def plan_clips(num_clips: int, seed: int) -> list[DemoClip]:
    """Decides what every clip is a mix of, with each tag spread evenly over splits.

    Raises:
        ConfigError: `num_clips` or `seed` is too small.
    """
    if num_clips < MIN_CLIPS:
        raise ConfigError(f"num_clips must be at least {MIN_CLIPS}, got {num_clips}")
    if seed < 0:
        raise ConfigError(f"seed must not be negative, got {seed}")
    # Clips draw from [seed, number] with number >= 1, so [seed, 0] is free.
    rng = np.random.default_rng([seed, 0])
    folders = [_FOLDERS[i % len(_FOLDERS)] for i in range(num_clips)]
    clips: list[DemoClip] = []
    for split_folders in ("0123456789ab", "c", "def"):
        numbers = [i + 1 for i in range(num_clips) if folders[i] in split_folders]
        contents = _deal_contents(len(numbers), rng)
        for number, content in zip(numbers, contents, strict=True):
            clips.append(DemoClip(number, folders[number - 1], *content))
    for i, (folder, defect) in enumerate(_DAMAGED):
        content = _deal_contents(1, rng)[0]
        clips.append(DemoClip(num_clips + 1 + i, folder, *content, defect=defect))
    return sorted(clips, key=lambda clip: clip.number)


def _deal_contents(
    num_clips: int, rng: np.random.Generator
) -> list[tuple[tuple[str, ...], str | None, str | None]]:
    """Sources, tempo and loudness of the clips of one split.

    Sources are dealt like cards, the one that is most behind its share first, so
    that no seed leaves a split without clips that have, or lack, a tag.
    """
    tempos = _deal_evenly(tuple(_NOTES_PER_SECOND), num_clips, rng)
    levels = _deal_evenly(tuple(_LEVEL_DB), num_clips, rng)
    names, weights = tuple(SOURCES), np.array(_SOURCE_WEIGHTS)
    times_used = np.zeros(len(names))
    contents = []
    for tempo, level in zip(tempos, levels, strict=True):
        num_attributes = (tempo is not None) + (level is not None)
        num_sources = rng.integers(2, 6 - max(num_attributes, 1))
        lots = rng.uniform(size=len(names))
        chosen = np.argsort((times_used + lots) / weights)[:num_sources]
        times_used[chosen] += 1
        contents.append((tuple(names[i] for i in sorted(chosen)), tempo, level))
    return contents


def _deal_evenly(
    values: tuple[str | None, ...], count: int, rng: np.random.Generator
) -> list[str | None]:
    """`count` values in random order, each as often as the others, or once more."""
    offset = int(rng.integers(len(values)))
    return [values[(offset + i) % len(values)] for i in rng.permutation(count)]


def format_annotations(clips: list[DemoClip]) -> bytes:
    """The annotation file, to the quotes and line ends of MTT's."""
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\r\n"
    )
    writer.writerow(("clip_id", *DEMO_TAGS, "mp3_path"))
    for clip in clips:
        labels = (int(tag in clip.tags) for tag in DEMO_TAGS)
        writer.writerow((clip.number, *labels, clip.path))
    return text.getvalue().encode()


def render(clip: DemoClip, seed: int, clip_seconds: float) -> np.ndarray:
    """The sound of one clip: float32 `(n,)` in (-1, 1), at `SAMPLE_RATE` Hz."""
    rng = np.random.default_rng([seed, clip.number])
    return render_clip(
        clip.sources,
        notes_per_second=np.exp(rng.uniform(*np.log(_NOTES_PER_SECOND[clip.tempo]))),
        level_db=rng.uniform(*_LEVEL_DB[clip.loudness]),
        num_samples=round(clip_seconds * SAMPLE_RATE),
        rng=rng,
    )


def _claim_folder(
    data_dir: Path, parameters: dict[str, object], annotations: bytes
) -> None:
    """Marks the folder as ours; refuses one with other data, which it leaves as is."""
    marker, annotated = data_dir / MARKER_FILE, data_dir / ANNOTATIONS_FILE
    if not marker.exists():
        for path in (annotated, data_dir / AUDIO_FOLDER):
            if path.exists():
                raise DatasetError(
                    f"{path} was not written by demo-data; to leave it alone, "
                    "nothing is written: choose another folder"
                )
        _write_bytes(marker, (json.dumps(parameters, indent=2) + "\n").encode())
        return
    try:
        earlier = json.loads(marker.read_text())
    except ValueError as error:
        raise DatasetError(f"{marker} is not valid JSON: {error}") from error
    if earlier != parameters:
        raise DatasetError(
            f"{data_dir} holds a demo with other parameters ({_describe(earlier)}; "
            f"asked for: {_describe(parameters)}); delete the folder or choose another"
        )
    if annotated.exists() and annotated.read_bytes() != annotations:
        raise DatasetError(
            f"{annotated} was changed after demo-data wrote it; to leave it alone, "
            "nothing is written: choose another folder"
        )


def _describe(parameters: object) -> str:
    if not isinstance(parameters, dict):
        return "unknown"
    return ", ".join(f"{k} {v}" for k, v in parameters.items() if k != "written_by")


def _write_clip(
    audio_dir: Path, encode: Encoder, seed: int, clip_seconds: float, clip: DemoClip
) -> None:
    data = b""
    if clip.defect != "empty":
        data = encode(render(clip, seed, clip_seconds), SAMPLE_RATE, BIT_RATE)
    if clip.defect == "cut_short":
        data = data[: len(data) // 2]
    _write_bytes(audio_dir / clip.path, data)


def _write_bytes(path: Path, data: bytes) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be written: {error.strerror}") from error


def _run_all(
    write: Callable[[DemoClip], None], clips: list[DemoClip], num_workers: int
) -> None:
    if not clips:
        return
    with Progress(len(clips), "clips", "demo-data") as progress:
        if num_workers == 1:
            for clip in clips:
                write(clip)
                progress.advance()
            return
        for done in run_jobs(clips, write, num_workers=num_workers):
            if done.error is not None:
                raise DatasetError(f"{done.job.path} cannot be written: {done.error}")
            progress.advance()
