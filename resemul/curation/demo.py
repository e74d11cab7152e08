"""A synthetic world in the layout of the Million Song Dataset, to try every stage on.

The sounds are those of `datasets.demo`; what they are called here borrows names of
genres, in the spellings that people use. Scores on it say nothing about music.
"""

import json
import sqlite3
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from resemul.curation.lastfm_files import numbered, write_database
from resemul.datasets.demo import BIT_RATE, DemoClip, Encoder, plan_clips, render
from resemul.datasets.demo_sounds import SAMPLE_RATE
from resemul.errors import DatasetError
from resemul.runtime.files import atomic_write
from resemul.runtime.progress import Progress
from resemul.runtime.workers import run_jobs

PREVIEWS = "previews"
SUMMARY = "msd_summary_file.h5"
TAGS = "lastfm_tags.db"
METADATA = "track_metadata.db"
MISMATCHES = "sid_mismatches.txt"
DUPLICATES = "msd_duplicates.txt"
_MARKER = "demo.json"

# What a sound of the demo is called: spellings of one tag each.
SPELLINGS = {
    "guitar": ("rock", "Rock", "ROCK"),
    "drums": ("drum and bass", "Drum & Bass", "drum n bass"),
    "piano": ("jazz", "Jazz"),
    "strings": ("classical", "Classical"),
    "synth": ("synthpop", "synth pop", "Synth-Pop"),
    "voice": ("female vocalists", "female vocals"),
    "flute": ("folk", "Folk"),
    "bass": ("funk", "funky", "Funk"),
    "wind": ("ambient", "Ambient"),
    "bells": ("new age", "New Age"),
    "slow": ("80s", "1980s", "80's"),
    "fast": ("techno", "Techno"),
    "quiet": ("chillout", "chill out"),
    "loud": ("heavy metal", "Heavy Metal"),
}
# What people write beside it.
_NOISE = ("seen live", "Seen Live", "favorites", "awesome", "my cat likes this")

# Of the clips, by number: what is wrong with them.
_MISMATCHED = (5, 6)
_TWICE = 7
_UNTAGGED = 8
_DOUBLED = (1, 2, 3)
_NUM_SILENT = 2


@dataclass(frozen=True)
class DemoTrack:
    """A preview: its number, and the clip that it sounds like; None is silence."""

    number: int
    clip: DemoClip | None

    @property
    def track_7digitalid(self) -> int:
        return int(f"{self.number % 9 + 1}{self.number:05d}")

    @property
    def tid(self) -> str:
        return f"TRDEMO{self.number:012d}"

    @property
    def path(self) -> str:
        """As 7digital's previews lie: by the first two digits."""
        name = str(self.track_7digitalid)
        return f"{name[0]}/{name[1]}/{name}.clip.mp3"


def write_msd_demo(
    data_dir: Path,
    encode: Encoder,
    num_clips: int,
    seed: int = 0,
    clip_seconds: float = 29.1,
    num_workers: int = 1,
) -> int:
    """Writes previews, summary file, tags, metadata and the two lists.

    On top of `num_clips` there are previews that are empty, cut short, silent, copies
    of others, of no track, and one with another name. What is there is kept, so that
    a run that was stopped goes on.

    Args:
        data_dir: new, empty, or from an earlier run.
        encode: makes an mp3 file; importable.
        num_clips: at least 16.
        seed: of everything; the same arguments give the same bytes.
        clip_seconds: length of a preview.
        num_workers: processes.

    Returns:
        The number of previews.

    Raises:
        DatasetError: the folder holds something else, or cannot be written.
    """
    about: dict[str, object] = {
        "msd": 1,
        "clips": num_clips,
        "seed": seed,
        "seconds": clip_seconds,
    }
    clips = plan_clips(num_clips, seed)
    tracks = plan_tracks(clips)
    try:
        _claim(data_dir, about)
        _write_sounds(data_dir, tracks, encode, seed, clip_seconds, num_workers)
        _write_lists(data_dir, tracks)
        _write_summary(data_dir / SUMMARY, tracks[:-1])
        _write_tags(data_dir / TAGS, tracks, seed)
        _write_metadata(data_dir / METADATA, tracks[:-1])
    except OSError as error:
        raise DatasetError(f"{data_dir} cannot be written: {error}") from error
    return len(tracks)


def plan_tracks(clips: list[DemoClip]) -> list[DemoTrack]:
    """The clips, silent ones, copies, and, last, one that no track is known of."""
    by_number = {clip.number: clip for clip in clips}
    tracks = [DemoTrack(clip.number, clip) for clip in clips]
    extra: list[DemoClip | None] = [None] * _NUM_SILENT
    extra += [by_number[number] for number in (*_DOUBLED, 1)]
    tracks += [DemoTrack(len(clips) + i, clip) for i, clip in enumerate(extra, 1)]
    return tracks


def _claim(data_dir: Path, about: dict[str, object]) -> None:
    marker = data_dir / _MARKER
    if marker.is_file():
        if json.loads(marker.read_text("utf-8")) != about:
            raise DatasetError(
                f"{data_dir} holds a demo with other parameters; delete the folder or "
                "choose another"
            )
        return
    if data_dir.is_dir() and any(data_dir.iterdir()):
        raise DatasetError(f"{data_dir} holds other files; choose another folder")
    data_dir.mkdir(parents=True, exist_ok=True)
    with atomic_write(marker) as file:
        json.dump(about, file)


def _write_sounds(
    data_dir: Path,
    tracks: list[DemoTrack],
    encode: Encoder,
    seed: int,
    clip_seconds: float,
    num_workers: int,
) -> None:
    folder = data_dir / PREVIEWS
    folder.mkdir(exist_ok=True)
    (folder / "other name.mp3").write_bytes(b"")
    missing = [track for track in tracks if not (folder / track.path).is_file()]
    write = partial(
        write_sound,
        folder=folder,
        encode=encode,
        seed=seed,
        clip_seconds=clip_seconds,
    )
    with Progress(len(missing), "previews", "demo-data") as progress:
        for done in run_jobs(missing, write, num_workers=num_workers):
            if done.error is not None:
                raise DatasetError(f"{done.job.path} cannot be written: {done.error}")
            progress.advance()


def write_sound(
    track: DemoTrack, folder: Path, encode: Encoder, seed: int, clip_seconds: float
) -> None:
    """Writes one preview; runs in a worker process."""
    clip = track.clip
    path = folder / track.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if clip is None:
        sound = np.zeros(round(clip_seconds * SAMPLE_RATE), "float32")
    else:
        sound = render(clip, seed, clip_seconds)
    is_empty = clip is not None and clip.defect == "empty"
    data = b"" if is_empty else encode(sound, SAMPLE_RATE, BIT_RATE)
    if clip is not None and clip.defect == "cut_short":
        data = data[: len(data) // 2]
    with atomic_write(path, "wb") as file:
        file.write(data)


def _write_lists(data_dir: Path, tracks: list[DemoTrack]) -> None:
    tid_of = {track.number: track.tid for track in tracks}
    with atomic_write(data_dir / MISMATCHES) as file:
        for number in _MISMATCHED:
            what = f"<SODEMO {tid_of[number]}> Demo  -  {number}  !=  Other  -  Song"
            file.write(f"ERROR: {what}\n")
    copies = [track for track in tracks if track.number > len(tracks) - 4]
    with atomic_write(data_dir / DUPLICATES) as file:
        file.write("# synthetic\n#\n#\n#\n#\n#\n")
        for group, (number, copy) in enumerate(zip(_DOUBLED, copies, strict=False), 1):
            file.write(f"%{group} Demo - {number}\n{tid_of[number]}\n{copy.tid}\n")
        # The other track of this group is nowhere: this one has to stay.
        absent = DemoTrack(999_999, None).tid
        file.write(f"%{len(_DOUBLED) + 1} Demo - 4\n{tid_of[4]}\n{absent}\n")


def _write_summary(path: Path, tracks: list[DemoTrack]) -> None:
    import h5py

    # One preview is of two tracks: nobody knows which.
    rows = [(track.track_7digitalid, track.tid) for track in tracks]
    twice = next(track for track in tracks if track.number == _TWICE)
    rows.append((twice.track_7digitalid, DemoTrack(999_998, None).tid))
    columns: dict[str, tuple[str, str, list[Any]]] = {
        "metadata/songs": ("track_7digitalid", "<i4", [row[0] for row in rows]),
        "analysis/songs": ("track_id", "S32", [row[1].encode() for row in rows]),
        "musicbrainz/songs": ("year", "<i4", [2000 + i % 20 for i in range(len(rows))]),
    }
    part = path.with_name(f".{path.name}.part")
    with h5py.File(part, "w") as file:
        for table, (field, kind, values) in columns.items():
            file[table] = np.array([(value,) for value in values], [(field, kind)])
    part.replace(path)


def _write_tags(path: Path, tracks: list[DemoTrack], seed: int) -> None:
    rng = np.random.default_rng([seed, 1])
    names: dict[str, int] = {}
    tids: list[str] = []
    pairs: list[tuple[int, int, float]] = []
    for track in tracks:
        if track.number == _UNTAGGED:
            continue
        sounds = ("wind",) if track.clip is None else track.clip.tags
        spellings = [*(SPELLINGS[sound] for sound in sounds), _NOISE]
        raw = [str(rng.choice(names_of_one)) for names_of_one in spellings]
        tids.append(track.tid)
        for place, name in enumerate(raw):
            number = names.setdefault(name, len(names) + 1)
            pairs.append((len(tids), number, float(100 - 10 * place)))
    path.unlink(missing_ok=True)
    write_database(
        path,
        numbered(names, "tag"),
        numbered(tids, "tid"),
        pd.DataFrame(pairs, columns=["tid", "tag", "val"]),
    )


def _write_metadata(path: Path, tracks: list[DemoTrack]) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    connection = sqlite3.connect(part)
    with connection:
        connection.execute(
            "CREATE TABLE songs (track_id text PRIMARY KEY, title text, song_id text, "
            "artist_name text, year int)"
        )
        connection.executemany(
            "INSERT INTO songs VALUES (?, ?, ?, ?, ?)",
            [
                (t.tid, f"Demo {t.number}", f"SODEMO{t.number:012d}", "resemul", 2026)
                for t in tracks
            ],
        )
    connection.close()
    part.replace(path)
