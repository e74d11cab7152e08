"""`python -m benchmarks.memory`: whether a build of more clips takes more memory.

Builds records from a table of many copies of a few clips (hard links), and watches
the process of the command and its workers. Needs Linux, and 1.2 MB on disk per clip.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.material import mp3_files
from benchmarks.table import keep

README = Path(__file__).with_name("README.md")
MARKER = "memory"

_NUM_MP3_FILES = 16
_SECONDS_BETWEEN_LOOKS = 0.05


def main() -> None:
    """Builds once per number of clips, prints the table and keeps it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("--clips", type=int, nargs="+", default=[500, 4000])
    parser.add_argument("--write", action="store_true", help="into README.md")
    args = parser.parse_args()
    peaks = {num_clips: _build(num_clips) for num_clips in args.clips}
    text = render(peaks)
    print(text)
    if args.write:
        keep(README, MARKER, text)


def render(peaks: dict[int, tuple[int, int]]) -> str:
    """A row per number of clips: peaks of the command and of its largest worker."""
    lines = ["| clips | command | largest worker |", "| --- | --- | --- |"]
    lines += [
        f"| {num_clips:,} | {command / 1e6:.0f} MB | {worker / 1e6:.0f} MB |"
        for num_clips, (command, worker) in peaks.items()
    ]
    title = f"Peak resident memory of 'resemul build', {os.cpu_count()} workers:"
    return "\n".join([title, "", *lines])


def _build(num_clips: int) -> tuple[int, int]:
    with tempfile.TemporaryDirectory(prefix="resemul-benchmark-") as folder:
        table = _write_dataset(Path(folder), num_clips)
        return watch(
            [
                *(sys.executable, "-m", "resemul", "build", "--dataset", "csv"),
                *("--data-dir", folder, "--annotations", str(table)),
                *("--encoding", "int16", "--clip-seconds", "29"),
            ]
        )


def _write_dataset(folder: Path, num_clips: int) -> Path:
    """Copies of the clips that are no copies where the disk can do that, a tag each."""
    files = mp3_files(_NUM_MP3_FILES)
    lines = ["path,tags"]
    for number in range(num_clips):
        clip = folder / f"{number:06d}.mp3"
        source = files[number % len(files)]
        try:
            clip.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, clip)
        lines.append(f"{clip.name},tag {number % 50}")
    table = folder / "table.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def watch(command: list[str]) -> tuple[int, int]:
    """Runs a command; returns the peak bytes of its process and its largest child."""
    peaks: dict[int, int] = {}
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            for pid in [process.pid, *children_of(process.pid)]:
                peaks[pid] = max(peaks.get(pid, 0), peak_bytes(pid))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    parent = peaks.pop(process.pid)
    return parent, max(peaks.values(), default=0)


def children_of(pid: int) -> list[int]:
    """Processes that this one has started and that still run; needs Linux."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(p) for t in tasks for p in (t / "children").read_text().split()]
    except OSError:  # it has ended
        return []


def peak_bytes(pid: int) -> int:
    """Peak resident memory of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(x.split()[1]) * 1024 for x in lines if x.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
