"""A small HTTP server that can misbehave in the ways real ones do."""

import http.server
import re
import threading
import time
import zlib
from dataclasses import dataclass, field

import pytest


@dataclass
class Web:
    """What the server has, how it behaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    # Path: bytes after which each answer's connection breaks, used up in order.
    breaks: dict[str, list[int]] = field(default_factory=dict)
    # Path: statuses to answer with, used up in order.
    statuses: dict[str, list[int]] = field(default_factory=dict)
    ignores_range: bool = False
    # The range it sends instead of the one asked for.
    wrong_range_start: int | None = None
    hides_length: bool = False
    # What tells one version of a file from another, if the server says that.
    has_etags: bool = True
    # Sent with every answer.
    extra_headers: dict[str, str] = field(default_factory=dict)
    # Path: an answer, byte by byte, and the pause in seconds between its pieces.
    raw: dict[str, tuple[list[bytes], float]] = field(default_factory=dict)
    # (path, Range header) of each GET.
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


class _Handler(http.server.BaseHTTPRequestHandler):
    web: Web

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self.web.requests.append((self.path, self.headers.get("Range")))
        self._answer()

    def _answer(self):
        web, is_get = self.web, self.command == "GET"
        if self.path in web.raw:
            pieces, pause = web.raw[self.path]
            for piece in pieces:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(pause)
            self.close_connection = True
        elif self.path in web.redirects:
            self._send(302, {"Location": web.redirects[self.path]}, b"")
        elif is_get and web.statuses.get(self.path):
            self._send(web.statuses[self.path].pop(0), {}, b"")
        elif self.path not in web.files:
            self._send(404, {}, b"")
        else:
            self._send_file(web.files[self.path])

    def _send_file(self, content):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        etag = {"ETag": f'"{zlib.crc32(content)}"'} if self.web.has_etags else {}
        condition = self.headers.get("If-Range")
        is_other = condition is not None and condition != etag.get("ETag")
        if not match or self.web.ignores_range or is_other:
            self._send(200, etag, content)
            return
        start = int(match[1])
        if self.web.wrong_range_start is not None:
            start = self.web.wrong_range_start
            self.web.wrong_range_start = None
        if start >= len(content):
            self._send(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
            return
        range_ = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206, {"Content-Range": range_, **etag}, content[start:])

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in (headers | self.web.extra_headers).items():
            self.send_header(name, value)
        if not self.web.hides_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            cuts = self.web.breaks.get(self.path)
            self.wfile.write(body[: cuts.pop(0)] if cuts else body)
        self.close_connection = True


@pytest.fixture
def web(monkeypatch):
    """A running server; it stops at the end of the test."""
    # A proxy of this machine would not reach 127.0.0.1.
    monkeypatch.setenv("no_proxy", "*")
    state = Web()
    handler = type("Handler", (_Handler,), {"web": state})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()
