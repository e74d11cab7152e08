"""The service under load, on loopback, beside `resemul tag` on the same files."""

import http.client
import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from benchmarks.material import FOLDER, mp3_files
from benchmarks.memory import children_of, peak_bytes
from benchmarks.table import table_lines
from benchmarks.untrained import onnx_path

if TYPE_CHECKING:
    from resemul.tagging.tagger import Tagger

MODEL = "musicnn"
# Clients at once, and the requests that they send together in a run.
LOADS = {1: 12, 8: 32, 32: 64}
NUM_TAGGED = 48
NUM_FILES = 16
# Of the look at memory: requests of short clips, and after how many it is read.
SHORT_SECONDS, SHORT_CLIENTS = 4.0, 8
LOOKS = (200, 1_000, 2_000)

TAG = "resemul tag"


@dataclass
class Load:
    """What came of a load: files per second by run, seconds of every request."""

    name: str
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """Resident bytes after some requests: of the server, and of its decoders."""

    num_requests: int
    server: int
    decoders: int


class Server:
    """A process of `resemul serve`; see `serving`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self._port = port

    @classmethod
    def start(cls) -> Self:
        """Starts one on a free port, and waits until its model is warm."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "resemul", "serve", "--port", str(port)]
        process = subprocess.Popen([*command, "--model", str(onnx_path(MODEL))])
        server = cls(process, port)
        while not server._is_ready():
            if process.poll() is not None:
                raise RuntimeError(f"the service has ended: {process.returncode}")
            time.sleep(0.1)
        return server

    def _is_ready(self) -> bool:
        connection = self.connect()
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """A connection, for one client."""
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)

    def stop(self) -> None:
        """Ends it as a system does."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)

    def send_all(self, bodies: Sequence[bytes], num_clients: int) -> list[float]:
        """Sends each once, by so many clients at once; returns the seconds of each."""
        coming = iter(bodies)

        def be_client(_: int) -> list[float]:
            connection = self.connect()
            seconds = []
            for body in coming:  # next() of an iterator is atomic
                started = time.perf_counter()
                connection.request("POST", "/tag", body, {"content-type": "audio/mpeg"})
                answer = connection.getresponse()
                content = answer.read()
                seconds.append(time.perf_counter() - started)
                assert answer.status == 200, content
            connection.close()
            return seconds

        with ThreadPoolExecutor(num_clients) as pool:
            return list(
                itertools.chain.from_iterable(pool.map(be_client, range(num_clients)))
            )

    def peaks(self) -> tuple[int, int]:
        """Peak resident bytes of the server and of its largest decoder."""
        return peak_bytes(self._process.pid), max(map(peak_bytes, self._decoders()))

    def look(self, num_requests: int) -> Look:
        """Resident bytes now."""
        return Look(
            num_requests,
            _resident_bytes(self._process.pid),
            sum(map(_resident_bytes, self._decoders())),
        )

    def _decoders(self) -> list[int]:
        return children_of(self._process.pid)


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs in the block."""
    server = Server.start()
    try:
        yield server
    finally:
        server.stop()


def measure_loads(server: Server, rounds: int) -> list[Load]:
    """Every load once per round, in turn; one round before is not counted."""
    from resemul.tagging.tagger import Tagger

    tagger = Tagger(onnx_path(MODEL))
    paths = mp3_files(NUM_FILES)
    bodies = [path.read_bytes() for path in paths]
    loads = {n: Load(f"resemul serve, clients: {n}") for n in LOADS}
    tag = Load(TAG)
    for number in range(rounds + 1):
        rate = _time_tag(tagger, paths, NUM_TAGGED if number else NUM_FILES)
        if number:
            tag.rates.append(rate)
        for num_clients, num_requests in LOADS.items():
            # A small share of them is enough to warm up.
            amount = num_requests if number else num_clients
            requests = list(itertools.islice(itertools.cycle(bodies), amount))
            started = time.perf_counter()
            latencies = server.send_all(requests, num_clients)
            if number:
                seconds = time.perf_counter() - started
                loads[num_clients].rates.append(amount / seconds)
                loads[num_clients].latencies += latencies
    return [tag, *loads.values()]


def _time_tag(tagger: "Tagger", paths: Sequence[Path], num_files: int) -> float:
    """Files per second of the call that `resemul tag` makes.

    As the server's, its decoders run already.
    """
    from resemul.configs.tagging import LibraryConfig
    from resemul.tagging.decoding import SpareDecoders
    from resemul.tagging.many import tag_many

    files = [str(p) for p in itertools.islice(itertools.cycle(paths), num_files)]
    with SpareDecoders(LibraryConfig().num_workers) as spare:
        spare.await_start()
        started = time.perf_counter()
        for [result] in tag_many([tagger], files, with_envelope=True, spare=spare):
            assert result.status == "tagged", result.error
        return num_files / (time.perf_counter() - started)


def measure_memory(server: Server) -> list[Look]:
    """Reads the memory while thousands of short clips go through."""
    bodies = itertools.cycle(_short_clips())
    looks, num_sent = [], 0
    for amount in LOOKS:
        requests = list(itertools.islice(bodies, amount - num_sent))
        server.send_all(requests, SHORT_CLIENTS)
        num_sent = amount
        looks.append(server.look(amount))
    return looks


def _short_clips() -> list[bytes]:
    from resemul.audio.encode import encode_mp3

    path = FOLDER / "short"
    path.mkdir(parents=True, exist_ok=True)
    time_ = np.arange(int(SHORT_SECONDS * 16_000)) / 16_000
    return [
        encode_mp3((0.3 * np.sin(2 * np.pi * hz * time_)).astype("f4"), 16_000, 32_000)
        for hz in range(200, 1_000, 50)
    ]


def render_loads(loads: Sequence[Load], peaks: tuple[int, int]) -> str:
    """A row for each load; shares are of the rate of `resemul tag`."""
    tag = statistics.median(loads[0].rates)
    rows = [["variant", "clips/min", "spread", "of tag", "median", "95th percentile"]]
    for load in loads:
        rate = statistics.median(load.rates)
        spread = f"{60 * min(load.rates):,.0f} to {60 * max(load.rates):,.0f}"
        cells = [load.name, f"{60 * rate:,.0f}", spread, f"{rate / tag:.2f}"]
        times = [
            f"{np.percentile(load.latencies, share):.2f} s" if load.latencies else ""
            for share in (50, 95)
        ]
        rows.append([*cells, *times])
    title = f"### Service, {MODEL}, clips of 29 s, {os.cpu_count()} cores"
    server, decoder = (f"{size / 1e6:,.0f} MB" for size in peaks)
    note = f"Peak memory: server {server}, the larger of its decoders {decoder}.\n"
    return "\n".join([title, "", *table_lines(rows), "", note])


def render_memory(looks: Sequence[Look], seconds: float) -> str:
    """A row for each look."""
    rows = [["requests", "server", "its decoders"]]
    for look in looks:
        sizes = (f"{size / 1e6:,.0f} MB" for size in (look.server, look.decoders))
        rows.append([f"{look.num_requests:,}", *sizes])
    title = f"### Resident memory of the service, clips of {SHORT_SECONDS:g} s"
    rate = looks[-1].num_requests / seconds
    note = f"{SHORT_CLIENTS} clients, {rate:.0f} requests/s.\n"
    return "\n".join([title, "", *table_lines(rows), "", note])


def _resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(x.split()[1]) * 1024 for x in lines if x.startswith("VmRSS:"))
