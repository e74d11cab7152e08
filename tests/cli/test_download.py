import functools
import hashlib
import http.server
import io
import threading
import zipfile

import pytest

from resemul import cli
from resemul.cli import download
from resemul.downloads import MTT_URL, MttFiles


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The address of a server with MTT in small, and what to expect there."""
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "www"
    folder.mkdir()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("0/a.mp3", b"audio")
    (folder / "annotations_final.csv").write_bytes(b"annotations")
    (folder / "mp3.zip.001").write_bytes(archive.getvalue()[:40])
    (folder / "mp3.zip.002").write_bytes(archive.getvalue()[40:80])
    (folder / "mp3.zip.003").write_bytes(archive.getvalue()[80:])
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield (
        f"http://127.0.0.1:{server.server_port}/",
        MttFiles(
            annotations_md5=hashlib.md5(b"annotations").hexdigest(),
            archive_md5=hashlib.md5(archive.getvalue()).hexdigest(),
        ),
    )
    server.shutdown()
    thread.join()
    server.server_close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_download_prints_where_the_data_set_is(mirror, tmp_path, capsys):
    url, files = mirror
    argv = ["mtt", "--data-dir", f"{tmp_path}/data", "--mirror", url]
    download.main(download.build_parser().parse_args(argv), files)
    expected = f"{tmp_path}/data: annotations and 1 audio files\n"
    assert capsys.readouterr().out == expected
    assert (tmp_path / "data/mp3/0/a.mp3").read_bytes() == b"audio"
    assert not (tmp_path / "data/mp3.zip.001").exists()


def test_download_keep_zip_keeps_the_parts(mirror, tmp_path):
    url, files = mirror
    argv = ["mtt", "--data-dir", f"{tmp_path}/data", "--mirror", url, "--keep-zip"]
    download.main(download.build_parser().parse_args(argv), files)
    assert (tmp_path / "data/mp3.zip.003").exists()


def test_download_expects_the_published_files(mirror, tmp_path, capsys):
    url, _ = mirror
    argv = ["download", "mtt", "--data-dir", f"{tmp_path}/data", "--mirror", url]
    assert cli.run(argv) == 1
    message = capsys.readouterr().err
    assert "expected f04fa01752a8cc64f6e1ca142a0fef1d" in message
    assert "annotations_final.csv" in message


def test_download_uses_the_host_of_the_data_set_by_default():
    args = download.build_parser().parse_args(["mtt"])
    assert args.mirror == MTT_URL == "https://mirg.city.ac.uk/datasets/magnatagatune/"


def test_download_refuses_a_mirror_that_is_a_path(tmp_path, capsys):
    argv = ["download", "mtt", "--data-dir", f"{tmp_path}/data", "--mirror", "/data"]
    assert cli.run(argv) == 1
    assert "only addresses that begin with http://" in capsys.readouterr().err
