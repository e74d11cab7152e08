"""Two hundred uploads that mean no good, sent to a service that runs."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest
from hostile_bodies import bodies
from loud_service import LoudnessRuntime, serve, wav

from resemul.configs.server import ServerConfig
from resemul.server.app import build_app
from resemul.tagging.tagger import Tagger

BODIES = bodies()
# What a client can be told: that it was tagged, or what is wrong with its request.
SENSIBLE = {200, 400, 413, 415, 422}
BOUNDARY = "limit"
MAX_MEGABYTES = 1

NAMES = {
    "bytes that are no Unicode": b"so\xff\xfeng.wav",
    "a way up": b"../../../etc/passwd",
    "a way up in another system": b"..\\..\\boot.ini",
    "an absolute path": b"/etc/cron.d/song.wav",
    "a drive": b"C:\\songs\\a.wav",
    "a zero byte": b"a\0.wav",
    "a tabulator": b"a\t.wav",
    "five thousand letters": b"a" * 5_000 + b".wav",
    "two hundred letters": b"b" * 200 + b".wav",
    "right to left": "a\u202egnp.wav".encode(),
    "pictures": "\U0001f3b5\U0001f525.wav".encode(),
    "nothing": b"",
    "dots": b"..",
    "a dot": b".wav",
    "no end": b"song",
    "a long end": b"song." + b"w" * 100,
    "an option": b"-rf.wav",
    "a command": b"$(touch pwned);`id`.wav",
    "an address": b"http://127.0.0.1:1/a.wav",
    "an address of a file": b"file:///etc/passwd",
    "a formula": b"=1+1.wav",
    "an element": b"<img src=x onerror=alert(1)>.wav",
    "a device": b"con.wav",
}


def part(content, filename=b"a.wav", name=b"file"):
    head = b'Content-Disposition: form-data; name="%s"; filename="%s"' % (
        name,
        filename.replace(b"\\", b"\\\\").replace(b'"', b'\\"'),
    )
    return b"--limit\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def field(name, value):
    head = b'Content-Disposition: form-data; name="%s"' % name
    return b"--limit\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


SONG = wav(0.3)
END = b"--limit--\r\n"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
# Content-Type, body, and the status where there can be one only.
FORMS = {
    "no end": (FORM, part(SONG), 400),
    "no end of a part": (FORM, part(SONG)[:-200], 400),
    "nothing but the end": (FORM, END, 400),
    "nothing": (FORM, b"", 400),
    "another boundary": ("multipart/form-data; boundary=other", part(SONG) + END, 400),
    "no boundary": ("multipart/form-data", part(SONG) + END, 400),
    "an empty boundary": ("multipart/form-data; boundary=", part(SONG) + END, 400),
    "a long boundary": (f"multipart/form-data; boundary={'b' * 3_000}", b"--b", 400),
    "bare line feeds": (FORM, (part(SONG) + END).replace(b"\r\n", b"\n"), 400),
    "another kind of form": ("multipart/mixed; boundary=limit", part(SONG) + END, 415),
    "a form of a page": ("application/x-www-form-urlencoded", b"file=a", 415),
    "json": ("application/json", json.dumps({"inputs": "AAAA"}).encode(), 415),
    "an address": ("text/uri-list", b"file:///etc/passwd", 415),
    "no type": ("", SONG, 415),
    "a type of nonsense": ("\xff;;;=,", SONG, 415),
    "audio in name only": ("audio/mpeg", b"nothing", 422),
    "audio of another type": ("audio/flac", SONG, 200),
    "an unknown type of audio": ("audio/x-" + "y" * 200, SONG, 200),
    "a type with a path": ("audio/../../../tmp/a", SONG, 200),
    "two files of three": (FORM, part(SONG) + part(b"no") + part(SONG) + END, 200),
    "four files": (FORM, part(SONG) * 4 + END, 413),
    "a file of another name": (FORM, part(SONG, name=b"audio") + END, 400),
    "a field of no name": (FORM, field(b"", b"1") + part(SONG) + END, 422),
    "a long field": (FORM, field(b"top_k", b"1" * 5_000) + part(SONG) + END, 400),
    "a path in a field": (FORM, field(b"path", b"/etc/passwd") + END, 400),
    "a path as a model": (FORM, field(b"model", b"/a.onnx") + part(SONG) + END, 422),
    "a number of nonsense": (FORM, field(b"hop", b"nan") + part(SONG) + END, 422),
    "an endless number": (FORM, field(b"hop", b"1e999") + part(SONG) + END, 422),
    "a thousand fields": (
        FORM,
        b"".join(field(b"f%d" % i, b"1") for i in range(1_000)) + part(SONG) + END,
        400,
    ),
    "a header without end": (FORM, b"--limit\r\nA: " + b"b" * 50_000, 400),
    "a thousand headers": (
        FORM,
        b"--limit\r\n" + b"".join(b"H%d: 1\r\n" % i for i in range(1_000)) + b"\r\n",
        400,
    ),
    "a header without colon": (FORM, b"--limit\r\nnonsense\r\n\r\n", 400),
    "more bytes than may be": ("audio/wav", b"\0" * 1_000_001, 413),
}

# Requests as they go over the line.
LINES = {
    "a length of terabytes": (b"Content-Length: 9999999999999\r\n\r\nabc", 413),
    "a length below zero": (b"Content-Length: -5\r\n\r\nabc", 400),
    "a length of nonsense": (b"Content-Length: many\r\n\r\nabc", 400),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "chunks of nonsense": (b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", 400),
    "a client that leaves": (b"Content-Length: 900000\r\n\r\nRIFF", None),
    "a client that leaves chunks": (
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nRIFF\r\n",
        None,
    ),
    "headers without end": (b"A: b\r\n", None),
    "no HTTP at all": (b"\r\n\r\n" + b"\0" * 500, None),
}


@pytest.fixture(scope="module")
def service():
    """Address of a service with small limits, and its folder."""
    config = ServerConfig(
        workers=1, max_upload_mb=MAX_MEGABYTES, max_seconds=60, max_files=3
    )
    app = build_app({"loudness": Tagger(LoudnessRuntime())}, config)
    with serve(app) as address:
        yield urlsplit(address), app.state.service._folder


@pytest.fixture
def post(service):
    address, folder = service
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)

    def send(body, content_type, path="/tag?timeline=1&peaks=1"):
        headers = {"content-type": content_type} if content_type else {}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            kind = answer.headers["content-type"]
            assert kind == "application/problem+json", (answer.status, content)
            assert json.loads(content)["detail"]
        return answer.status, content

    yield send
    # Whatever it was, the service goes on as if it had not been.
    assert send(SONG, "audio/wav")[0] == 200
    connection.request("GET", "/health/live")
    assert connection.getresponse().status == 200
    connection.close()
    assert list(folder.iterdir()) == []


def test_there_are_two_hundred():
    assert len(BODIES) + len(NAMES) + len(FORMS) + len(LINES) >= 200


@pytest.mark.parametrize("group", range(8))
def test_files_that_mean_no_good_are_tagged_or_refused(post, group):
    for name, content in sorted(BODIES.items())[group::8]:
        status, answer = post(part(content, name.encode()) + END, FORM)
        assert status in (200, 422), (name, answer)
        if status == 200:
            [result] = json.loads(answer)["results"]
            assert result["path"] == name
            assert result["status"] in ("tagged", "short", "silent"), name
        else:
            assert json.loads(answer)["detail"].startswith(name), name


@pytest.mark.parametrize(
    "name",
    [
        *("1-hz.wav", "100-s-of-silence.flac", "no-numbers.wav", "bomb.zip"),
        *("list.m3u8", "remote.m3u8", "list.mp3", "list.sdp", "empty.mp3"),
    ],
)
def test_the_worst_of_them_are_refused(post, name):
    assert post(BODIES[name], "audio/mpeg")[0] == 422


def test_names_are_shown_and_never_used(post):
    for what, name in NAMES.items():
        status, answer = post(part(SONG, name) + END, FORM)
        assert status in SENSIBLE, (what, answer)
        if status == 200:
            shown = json.loads(answer)["results"][0]["path"]
            assert shown
            assert len(shown) <= 200
            assert not set(shown) & set("/\\\0\n\r\t\u202e"), what


@pytest.mark.parametrize("what", FORMS)
def test_forms_that_are_none_are_refused(post, what):
    content_type, body, status = FORMS[what]
    found, answer = post(body, content_type)
    assert found == status, answer


@pytest.mark.parametrize("what", LINES)
def test_lines_that_are_no_requests_cost_nothing(service, post, what):
    address, _ = service
    rest, status = LINES[what]
    head = b"POST /tag HTTP/1.1\r\nHost: a\r\nContent-Type: audio/wav\r\n"
    with socket.create_connection((address.hostname, address.port), 30) as line:
        line.sendall(head + rest)
        if status is not None:
            assert line.recv(12) == b"HTTP/1.1 %d" % status
