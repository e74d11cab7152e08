"""Clients that are slow, go away or do not listen, at a service that runs."""

import http.client
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from hostile_bodies import encode
from loud_service import LoudnessRuntime, serve, wav

from resemul.configs.server import ServerConfig
from resemul.server.app import build_app
from resemul.tagging.listening import Piece
from resemul.tagging.tagger import Tagger

HEAD = b"POST /tag HTTP/1.1\r\nHost: a\r\nContent-Type: audio/wav\r\n"
PATIENCE = 0.4


class Service:
    """A service that runs, as its clients and its machine see it."""

    def __init__(self, address, app):
        self.address = urlsplit(address)
        self.state = app.state.service

    @contextmanager
    def line(self):
        """A connection of bytes."""
        place = self.address.hostname, self.address.port
        with socket.create_connection(place, timeout=20) as line:
            yield line

    def tag(self, content, query=""):
        """The status of the answer, and what it says."""
        connection = http.client.HTTPConnection(self.address.netloc, timeout=20)
        headers = {"content-type": "audio/wav"}
        connection.request("POST", f"/tag{query}", content, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    @property
    def left(self):
        """What lies in its folder."""
        return list(self.state._folder.iterdir())

    @staticmethod
    def kill_decoders():
        """Ends the processes that decode, as an operator or a full memory would."""
        tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
        pids = [p for t in tasks for p in (t / "children").read_text().split()]
        killed = []
        for pid in pids:
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(int(pid), signal.SIGKILL)
                killed.append(pid)
        return killed


def start(runtime, **options):
    config = ServerConfig(workers=1, max_upload_mb=1, **options)
    app = build_app({"loudness": Tagger(runtime)}, config)
    return app, serve(app, config)


@pytest.fixture(scope="module")
def impatient():
    """A service that waits for nobody."""
    app, running = start(LoudnessRuntime(), timeout=PATIENCE, upload_timeout=0.8)
    with running as address:
        yield Service(address, app)


@pytest.fixture(scope="module")
def service():
    app, running = start(LoudnessRuntime())
    with running as address:
        yield Service(address, app)


def send_for_ever(line, content):
    """Sends on and on; fails if it may do so for 20 s."""
    line.settimeout(20)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        line.sendall(content)
        time.sleep(0.005)


def wait_until(holds):
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_an_upload_that_trickles_is_refused_and_leaves_nothing(impatient):
    with impatient.line() as line:
        line.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        line.settimeout(0.1)
        answer = b""
        for _ in range(100):  # far below the silence that is allowed
            line.sendall(b"R")
            try:
                answer = line.recv(1000)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert impatient.left == []


def test_an_upload_that_stops_is_refused(impatient):
    with impatient.line() as line:
        line.sendall(HEAD + b"Content-Length: 1000\r\n\r\nRIFF")
        assert line.recv(12) == b"HTTP/1.1 408"
    assert impatient.left == []


@pytest.mark.parametrize("sent", [b"", HEAD])
def test_a_request_whose_headers_do_not_end_is_cut_off(impatient, sent):
    with impatient.line() as line:
        line.sendall(sent)
        with pytest.raises((ConnectionResetError, AssertionError)):
            assert line.recv(1)
    wait_until(lambda: not impatient.left)


def test_a_refused_body_that_goes_on_is_cut_off(impatient):
    with impatient.line() as line:
        line.sendall(HEAD + b"Content-Length: 100000000\r\n\r\n")
        with pytest.raises(OSError, match=r"reset|pipe"):
            send_for_ever(line, b"R")


def test_a_client_that_does_not_read_is_cut_off(impatient):
    with socket.socket() as line:
        # The system keeps little for it, so that the service has to wait.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        line.connect((impatient.address.hostname, impatient.address.port))
        request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
        with pytest.raises(OSError, match=r"reset|pipe"):
            send_for_ever(line, request * 20)


def test_a_body_that_is_too_long_is_refused_in_words_when_it_was_sent(service):
    # A client that sends all before it reads would find the line closed otherwise.
    status, body = service.tag(bytes(20_000_000))
    assert status == 413
    assert b"1 MB" in body


def test_a_client_that_goes_away_in_an_upload_leaves_nothing(service):
    with service.line() as line:
        line.sendall(HEAD + b"Content-Length: 900000\r\n\r\n" + wav(0.1))
        wait_until(lambda: service.left)
    wait_until(lambda: not service.left)


def test_a_client_that_goes_away_while_it_waits_leaves_nothing(service, monkeypatch):
    predict = LoudnessRuntime.predict
    began = threading.Event()

    def predict_slowly(self, segments):
        began.set()
        time.sleep(0.2)
        return predict(self, segments)

    monkeypatch.setattr(LoudnessRuntime, "predict", predict_slowly)
    song = wav(0.1, seconds=25)
    with service.line() as line:
        length = b"Content-Length: %d\r\n\r\n" % len(song)
        line.sendall(HEAD + length + song)
        assert began.wait(20)
    wait_until(lambda: not service.left)


def test_a_decoder_that_is_killed_costs_nothing(service):
    assert service.tag(wav(0.1))[0] == 200
    assert service.kill_decoders()
    assert service.tag(wav(0.1))[0] == 200


def test_a_file_that_kills_its_decoder_costs_itself_only(service, monkeypatch):
    num_killed = 0
    take = type(service.state.engine)._take

    def kill_and_take(engine, job, item):
        nonlocal num_killed
        if isinstance(item, Piece) and item.starts[0] == 0:
            num_killed += len(service.kill_decoders())
        take(engine, job, item)

    monkeypatch.setattr(type(service.state.engine), "_take", kill_and_take)
    status, body = service.tag(long_song())
    monkeypatch.undo()
    assert status == 422
    assert b"ended its decoder (SIGKILL" in body
    assert num_killed == 2
    assert service.tag(wav(0.1))[0] == 200
    assert service.left == []


def test_a_job_that_is_cancelled_stops_its_decoder(service, monkeypatch):
    engine = service.state.engine
    take = type(engine)._take
    num_taken = 0

    def cancel_and_take(self, job, item):
        nonlocal num_taken
        num_taken += 1
        for found in list(service.state.jobs._jobs.values()):
            found.cancel()
        take(self, job, item)

    monkeypatch.setattr(type(engine), "_take", cancel_and_take)
    assert service.tag(long_song())[0] == 409
    wait_until(lambda: not engine._open)
    assert num_taken < 20


def long_song():
    """Silence of 1,000 s, which is decoded in 42 pieces."""
    return encode("flac", "flac", np.zeros(8_000_000), rate=8_000)
