"""`resemul serve` as a process: what it says at its start, and how it ends."""

import http.client
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import pytest

from resemul.cli import run

FOLDER = Path(__file__).parents[1] / "server"
# The command, with a model of a known speed.
_SERVICE = f"""
import sys
from types import ModuleType
sys.path.insert(0, {str(FOLDER)!r})
from loud_service import LoudnessRuntime
module = ModuleType("resemul.prediction.runtime")
module.open_runtime = lambda *_, **__: LoudnessRuntime(seconds_per_batch=0.7)
sys.modules["resemul.prediction.runtime"] = module
from resemul.cli import run
status = run(["serve"])
heavy = ("tensorflow", "keras", "torch", "jax", "sklearn", "pandas", "h5py")
assert not [name for name in heavy if name in sys.modules]
sys.exit(status)
"""


@pytest.fixture
def service(tmp_path):
    """A service that was set up by its environment alone: process, port, folder."""
    (tmp_path / "one.keras").write_bytes(b"")
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {
        **os.environ,
        "RESEMUL_MODEL": str(tmp_path / "one.keras"),
        "RESEMUL_PORT": "0",
        "RESEMUL_WORKERS": "1",
        "TMPDIR": str(folder),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVICE],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = process.stderr.readline()
    port = int(re.fullmatch(r"resemul serves one at http://127.0.0.1:(\d+)\n", said)[1])
    yield process, port, folder
    process.kill()
    process.wait()
    process.stderr.close()


def wav():
    """A quarter of a second of one value, whose loudness is 0.9."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(struct.pack("<h", round(0.3 * 32_768)) * 4_000)
    return file.getvalue()


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {"content-type": "audio/wav"})
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, content


def test_a_request_on_its_way_ends_when_the_service_is_asked_to(service):
    process, port, folder = service
    answers = []
    client = threading.Thread(
        target=lambda: answers.append(ask(port, "POST", "/tag", wav()))
    )
    client.start()
    while "resemul_queue_files 1.0" not in ask(port, "GET", "/metrics")[1]:
        time.sleep(0.01)
    assert len(list(folder.glob("resemul-*/*"))) == 1
    process.send_signal(signal.SIGTERM)
    client.join()
    [(status, content)] = answers
    assert status == 200
    [result] = json.loads(content)["results"]
    assert result["tags"]["loud"] == pytest.approx(0.9, abs=1e-3)
    assert process.wait(timeout=20) == 0
    assert process.stderr.read() == ""
    assert list(folder.iterdir()) == []


def test_a_port_that_is_taken_is_told_at_once(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert f"cannot listen at 127.0.0.1, port {port} (Address already in use)" in error


def test_a_host_that_is_none_is_told(capsys):
    assert run(["serve", "--host", "no host"]) == 1
    assert (
        "cannot listen at no host, port 8000 (no such host)" in capsys.readouterr().err
    )


def test_settings_of_the_environment_are_checked_by_name(capsys, monkeypatch):
    monkeypatch.setenv("RESEMUL_QUEUE", "many")
    assert run(["serve"]) == 1
    assert "RESEMUL_QUEUE" in capsys.readouterr().err


def test_a_token_file_that_is_empty_is_told(capsys, tmp_path):
    token = tmp_path / "token"
    token.write_text("\n")
    assert run(["serve", "--token-file", str(token)]) == 1
    assert f"--token-file {token} is empty" in capsys.readouterr().err
