import hashlib
import http.server
import logging
import socket
import urllib.request
from collections import namedtuple

import pytest

from resemul.downloads import Retries, download, fetch, space
from resemul.downloads import http as http_module
from resemul.errors import DownloadError

CONTENT = bytes(range(256)) * 40
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FAST = Retries(max_failures=2, backoff_seconds=0.001, timeout_seconds=5)
WRONG_MD5 = "0" * 32


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "file.bin"


@pytest.fixture
def part(target):
    """The place of a partly fetched file, in a folder that exists."""
    target.parent.mkdir()
    return target.with_name("file.bin.part")


def fetch_file(web, target, **options):
    return download(f"{web.url}/file.bin", target, retries=FAST, **options)


def test_download_writes_the_file_and_no_other(web, target):
    web.files["/file.bin"] = CONTENT
    assert fetch_file(web, target, md5=MD5, sha256=SHA256) == target
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def test_download_goes_on_from_the_part_of_an_earlier_run(web, target, part):
    web.files["/file.bin"] = CONTENT
    part.write_bytes(CONTENT[:1000])
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert web.requests == [("/file.bin", "bytes=1000-")]


def test_download_goes_on_in_the_same_run_when_the_connection_breaks(web, target):
    web.files["/file.bin"] = CONTENT
    web.breaks["/file.bin"] = [3000, 2000]
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert [range_ for _, range_ in web.requests] == [
        None,
        "bytes=3000-",
        "bytes=5000-",
    ]


def test_download_keeps_the_part_when_it_gives_up(web, target):
    web.files["/file.bin"] = CONTENT
    web.breaks["/file.bin"] = [100, 100, 100]
    with pytest.raises(DownloadError, match=r"after 3 attempts.*300 of 10240.*kept"):
        fetch_file(web, target)
    assert not target.exists()
    assert target.with_name("file.bin.part").read_bytes() == CONTENT[:300]


def test_download_has_fresh_retries_after_good_progress(web, target, monkeypatch):
    monkeypatch.setattr(fetch, "_GOOD_PROGRESS_BYTES", 50)
    web.files["/file.bin"] = CONTENT
    web.breaks["/file.bin"] = [100] * 6
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT


def test_download_gives_up_on_a_server_that_starts_over_and_breaks(
    web, target, monkeypatch
):
    monkeypatch.setattr(fetch, "_GOOD_PROGRESS_BYTES", 50)
    web.files["/file.bin"] = CONTENT
    web.ignores_range = True
    web.breaks["/file.bin"] = [100] * 50
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch_file(web, target)
    assert len(web.requests) < 6


def test_download_starts_over_if_the_server_ignores_ranges(web, target, part):
    web.files["/file.bin"] = CONTENT
    web.ignores_range = True
    part.write_bytes(b"x" * 1000)
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert len(web.requests) == 1


def test_download_starts_over_if_the_server_sends_another_range(web, target, part):
    web.files["/file.bin"] = CONTENT
    web.wrong_range_start = 500
    part.write_bytes(CONTENT[:1000])
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert [range_ for _, range_ in web.requests] == ["bytes=1000-", None]


def test_download_takes_a_part_that_is_already_whole(web, target, part):
    web.files["/file.bin"] = CONTENT
    part.write_bytes(CONTENT)
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert len(web.requests) == 1


def test_download_starts_over_if_the_part_is_longer_than_the_file(web, target, part):
    web.files["/file.bin"] = CONTENT
    part.write_bytes(CONTENT + b"more")
    fetch_file(web, target)
    assert target.read_bytes() == CONTENT


def test_download_starts_over_if_the_part_came_from_another_file(
    web, target, part, caplog
):
    web.files["/file.bin"] = CONTENT
    part.write_bytes(b"x" * 1000)
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert "again from the start" in caplog.text


def test_download_of_a_wrong_file_says_so_and_leaves_nothing(web, target):
    web.files["/file.bin"] = b"not the file"
    actual = hashlib.md5(b"not the file").hexdigest()
    with pytest.raises(
        DownloadError, match=f"file.bin.*wrong MD5: expected {MD5}, got {actual}.*again"
    ):
        fetch_file(web, target, md5=MD5)
    assert list(target.parent.iterdir()) == []


def test_download_checks_sha256(web, target):
    web.files["/file.bin"] = b"not the file"
    with pytest.raises(DownloadError, match=f"wrong SHA256: expected {SHA256}"):
        fetch_file(web, target, sha256=SHA256)


def test_download_accepts_checksums_in_capitals(web, target):
    web.files["/file.bin"] = CONTENT
    assert fetch_file(web, target, sha256=SHA256.upper()).exists()


def test_download_does_not_ask_for_a_file_that_is_there(web, target, part):
    target.write_bytes(CONTENT)
    fetch_file(web, target, md5=MD5)
    assert web.requests == []


def test_download_leaves_a_file_of_the_same_name_alone(web, target, part):
    web.files["/file.bin"] = CONTENT
    target.write_bytes(b"somebody's own")
    with pytest.raises(DownloadError, match=r"file\.bin is already there.*delete it"):
        fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == b"somebody's own"


def test_download_of_a_missing_file_fails_at_once(web, target):
    with pytest.raises(DownloadError, match=r"/file\.bin cannot be .*404.*mirror"):
        fetch_file(web, target)
    assert len(web.requests) == 1


def test_download_tries_again_while_the_server_is_busy(web, target):
    web.files["/file.bin"] = CONTENT
    web.statuses["/file.bin"] = [503, 429]
    fetch_file(web, target, md5=MD5)
    assert len(web.requests) == 3


def test_download_from_nobody_says_so(target, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    # Bound and given up: nothing listens there.
    server = http.server.HTTPServer(
        ("127.0.0.1", 0), http.server.BaseHTTPRequestHandler
    )
    port = server.server_port
    server.server_close()
    with pytest.raises(DownloadError, match=r"after 3 attempts: .* cannot be reached"):
        download(f"http://127.0.0.1:{port}/file.bin", target, retries=FAST)


def test_download_follows_redirects_with_the_range(web, target, part):
    web.files["/elsewhere.bin"] = CONTENT
    web.redirects["/file.bin"] = "/elsewhere.bin"
    part.write_bytes(CONTENT[:10])
    fetch_file(web, target, md5=MD5)
    assert web.requests[-1] == ("/elsewhere.bin", "bytes=10-")


@pytest.mark.parametrize("scheme", ["file", "ftp"])
def test_download_follows_no_redirect_to_another_scheme(web, target, scheme):
    web.redirects["/file.bin"] = f"{scheme}:///etc/passwd"
    with pytest.raises(DownloadError, match=f"{scheme}:///etc/passwd"):
        fetch_file(web, target)
    assert not target.exists()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/x", "data:,x", "x.bin", "http://"]
)
def test_download_refuses_what_is_not_http(target, url):
    with pytest.raises(DownloadError, match=r"only addresses .* http"):
        download(url, target)


@pytest.mark.parametrize("url", ["http://host:port/x", "http://host/a b"])
def test_download_refuses_malformed_addresses_at_once(target, url, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match="not a usable address"):
        download(url, target)


def test_download_without_a_length_reads_to_the_end(web, target):
    web.files["/file.bin"] = CONTENT
    web.hides_length = True
    fetch_file(web, target, md5=MD5)
    assert target.read_bytes() == CONTENT


def test_download_asks_for_disk_space_first(web, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage(9999, 0, 9999))
    web.files["/file.bin"] = CONTENT
    with pytest.raises(DownloadError, match=r"10\.2 KB needed, 10\.0 KB free"):
        fetch_file(web, target)
    assert not target.with_name("file.bin.part").exists()


def test_download_into_a_file_as_folder_names_the_path(web, tmp_path):
    web.files["/file.bin"] = CONTENT
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DownloadError, match=r"data/file\.bin cannot be written"):
        fetch_file(web, tmp_path / "data" / "file.bin")


def test_download_reports_progress(web, target, caplog):
    web.files["/file.bin"] = CONTENT
    with caplog.at_level(logging.INFO):
        fetch_file(web, target)
    assert any(
        message.startswith("file.bin: 10.2k/10.2kB (100%)")
        for message in caplog.messages
    )


def test_download_does_not_join_two_versions_of_a_file(web, target):
    web.files["/file.bin"] = b"old" * 1000
    web.breaks["/file.bin"] = [600, 300, 300]
    with pytest.raises(DownloadError):
        fetch_file(web, target)
    web.files["/file.bin"] = CONTENT
    fetch_file(web, target)
    assert target.read_bytes() == CONTENT
    assert web.requests[-1][1] == "bytes=1200-"  # asked for, if it is the same
    assert list(target.parent.iterdir()) == [target]


def test_download_does_not_join_versions_if_the_server_ignores_if_range(
    web, target, part
):
    web.files["/file.bin"] = CONTENT
    part.write_bytes(b"old" * 100)
    part.with_name(f"{part.name}.version").write_text('"of another day"')
    web.extra_headers["ETag"] = '"of today"'
    web.has_etags = False
    fetch_file(web, target)
    assert target.read_bytes() == CONTENT


def test_download_starts_over_if_nothing_tells_the_version(web, target, part):
    web.files["/file.bin"] = CONTENT
    web.has_etags = False
    part.write_bytes(b"x" * 1000)
    fetch_file(web, target)
    assert target.read_bytes() == CONTENT
    assert web.requests == [("/file.bin", None)]


def test_download_without_length_and_checksum_is_refused(web, target):
    web.files["/file.bin"] = CONTENT
    web.hides_length = True
    with pytest.raises(DownloadError, match="does not say how long the file is"):
        fetch_file(web, target)
    assert not target.exists()


ANSWER = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], "the server answers 204"),
        (
            [ANSWER + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab"],
            "encoded as 'gzip'",
        ),
        (
            ["HTTP/1.1 200 OK\r\nContent-Length: \u00b2\r\n\r\nab".encode("latin-1")],
            "does not say how long",
        ),
        (
            [ANSWER + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n"],
            "the connection broke",
        ),
        (
            [ANSWER + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"],
            "the connection broke",
        ),
        ([ANSWER + b"Content-Length: 9999\r\n\r\nab"], "sends more than 5.0 KB"),
        (
            [ANSWER + b"Transfer-Encoding: chunked\r\n\r\n"]
            + [b"400\r\n" + bytes(1024) + b"\r\n"] * 8,
            "sends more than 5.0 KB",
        ),
        (
            [b"HTTP/1.1 404 \x1b[31mred\x07\r\nContent-Length: 0\r\n\r\n"],
            r"404 \?\[31mred\?",
        ),
    ],
)
def test_download_of_a_strange_answer_is_an_error(web, target, pieces, message):
    web.raw["/file.bin"] = (pieces, 0)
    with pytest.raises(DownloadError, match=message) as error:
        fetch_file(web, target, max_bytes=5_000)
    assert str(error.value).isprintable()
    assert not target.exists()


def test_download_gives_up_on_a_trickle_and_keeps_each_byte(web, target):
    trickle = [ANSWER + b"Content-Length: 1000\r\n\r\n", *[b"x"] * 30]
    web.raw["/file.bin"] = (trickle, 0.02)
    impatient = Retries(0, backoff_seconds=0.001, timeout_seconds=0.2)
    with pytest.raises(DownloadError, match=r"only \d+ bytes came in 0 s"):
        download(f"{web.url}/file.bin", target, md5=MD5, retries=impatient)
    assert 1 <= target.with_name("file.bin.part").stat().st_size < 30


def test_download_waits_as_long_as_the_server_asks(web, target, monkeypatch):
    pauses = []
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)
    web.files["/file.bin"] = CONTENT
    web.statuses["/file.bin"] = [503]
    web.extra_headers["Retry-After"] = "7"
    fetch_file(web, target)
    assert 7 in pauses


def test_download_does_not_wait_for_hours(web, target):
    web.files["/file.bin"] = CONTENT
    web.statuses["/file.bin"] = [503]
    web.extra_headers["Retry-After"] = "86400"
    with pytest.raises(DownloadError, match=r"503 .* asks to wait 86400 s"):
        fetch_file(web, target)


def test_download_looks_a_name_up_twice_and_no_more(target, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    asked = []

    def look_up(*args, **kwargs):
        asked.append(args[0])
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    patient = Retries(backoff_seconds=0.001)
    with pytest.raises(DownloadError, match=r"name host\.test cannot be .*online\?"):
        download("https://host.test/a", target, retries=patient, advice="")
    assert asked == ["host.test"] * 2


def test_download_is_not_led_from_https_to_http():
    redirects = http_module._SafeRedirects()
    request = urllib.request.Request("https://host.test/a")
    with pytest.raises(DownloadError, match="leads from https to http://"):
        redirects.redirect_request(request, None, 302, "", {}, "http://host.test/b")
    assert redirects.redirect_request(request, None, 302, "", {}, "https://host.test/b")
