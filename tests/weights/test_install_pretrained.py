import dataclasses
import hashlib
import http.server
import multiprocessing
import re
import threading

import keras
import numpy as np
import pytest
from original_hdf5 import write_original

from resemul.checkpoints.card import read_card
from resemul.checkpoints.model_file import install_pretrained, load_model
from resemul.datasets.tags import MTT_TOP_50
from resemul.downloads import Retries
from resemul.errors import ConfigError, DownloadError, WeightsError
from resemul.models import build_model
from resemul.weights.hashes import file_hashes
from resemul.weights.pretrained import fetched_pretrained
from resemul.weights.registry import PRETRAINED, find_published
from resemul.weights.tags import TAG_PRESETS
from resemul.weights.terms import DATA_TERMS

AT_ONCE = Retries(max_failures=1, backoff_seconds=0.01, timeout_seconds=5.0)


class Publisher:
    """A server with one file; `break_after` bytes it hangs up, once."""

    def __init__(self, content):
        self.content = content
        self.status = 200
        self.break_after = None
        self.requests = []
        self.url = ""


class _Handler(http.server.BaseHTTPRequestHandler):
    publisher: Publisher

    def log_message(self, *args):
        pass

    def do_GET(self):
        publisher = self.publisher
        publisher.requests.append((self.path, self.headers.get("Range")))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        content, start = publisher.content, 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if match:
            start = int(match[1])
            self.send_response(206)
            total = len(content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(publisher.status)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = publisher.break_after
        publisher.break_after = None
        self.wfile.write(content[start:end])
        self.close_connection = True


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A small file as the original's authors published them."""
    model = build_model("sample_cnn", 50, block="se", alpha=1, init_features=2)
    path = tmp_path_factory.mktemp("published") / "model.hdf5"
    return write_original(model, "se", path).read_bytes()


@pytest.fixture
def publisher(content, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    publisher = Publisher(content)
    handler = type("Handler", (_Handler,), {"publisher": publisher})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    publisher.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield publisher
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def publish(publisher, tmp_path, monkeypatch):
    """Makes the server's file the published weights of a name, with these hashes."""
    monkeypatch.setenv("RESEMUL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("RESEMUL_OFFLINE", raising=False)

    def change(name="se-multi", path="/file", **fields):
        entry = dataclasses.replace(
            PRETRAINED["se-multi"], name=name, url=publisher.url + path, **fields
        )
        monkeypatch.setitem(PRETRAINED, name, entry)
        return entry

    return change


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home" / "pretrained"


def test_install_fetches_converts_and_describes(publish, publisher, folder):
    publish()
    path = install_pretrained("se-multi", AT_ONCE)
    assert path == folder / "se-multi.keras"
    _, card = load_model(path)
    assert card.tags == list(MTT_TOP_50)
    assert card.dataset == "mtt"
    assert card.source["url"] == f"{publisher.url}/file"
    assert card.source["published_scores"] == {
        "test_roc_auc": 0.9111,
        "test_split": "mtt-tagged",
        "test_clips": 4_332,
    }
    assert card.mix == "ffmpeg"
    assert card.source["sha256"] == hashlib.sha256(publisher.content).hexdigest()
    assert "CC BY-NC-SA" in card.source["data_terms"]
    assert card.source["tag_order"] == "published: mtt"
    assert keras.saving.load_model(path).output_shape == (None, 50)
    # What was fetched is not kept beside what it became.
    assert not (folder / "se-multi.hdf5").exists()


def test_install_does_not_fetch_again(publish, publisher, monkeypatch):
    publish()
    path = install_pretrained("se-multi", AT_ONCE)
    before = path.stat().st_mtime_ns
    monkeypatch.setenv("RESEMUL_OFFLINE", "1")
    assert install_pretrained("se-multi", AT_ONCE) == path
    assert path.stat().st_mtime_ns == before
    assert len(publisher.requests) == 1


def test_install_follows_redirects(publish, publisher):
    publish(path="/moved")
    assert install_pretrained("se-multi", AT_ONCE).is_file()
    assert [path for path, _ in publisher.requests] == ["/moved", "/file"]


def test_install_goes_on_after_a_broken_transfer(publish, publisher):
    publish(sha256=hashlib.sha256(publisher.content).hexdigest())
    publisher.break_after = 5_000
    assert install_pretrained("se-multi", AT_ONCE).is_file()
    assert publisher.requests == [("/file", None), ("/file", "bytes=5000-")]


def test_install_says_what_a_missing_file_is(publish, publisher, folder):
    publish()
    publisher.status = 404
    with pytest.raises(DownloadError, match=r"/file cannot be fetched: .* 404"):
        install_pretrained("se-multi", AT_ONCE)
    assert not (folder / "se-multi.keras").exists()


def test_install_says_that_there_is_no_network(publish, publisher):
    entry = publish()
    nowhere = dataclasses.replace(entry, url="http://127.0.0.1:1/file")
    PRETRAINED["se-multi"] = nowhere
    with pytest.raises(DownloadError, match="the server cannot be reached"):
        install_pretrained("se-multi", AT_ONCE)


def test_install_offline_says_what_to_do(publish, publisher, monkeypatch):
    publish()
    monkeypatch.setenv("RESEMUL_OFFLINE", "1")
    with pytest.raises(DownloadError, match="pretrained download se-multi"):
        install_pretrained("se-multi", AT_ONCE)
    assert publisher.requests == []


def test_install_refuses_a_wrong_sha256(publish, publisher, folder):
    publish(sha256=hashlib.sha256(b"other").hexdigest())
    with pytest.raises(DownloadError, match="wrong SHA256"):
        install_pretrained("se-multi", AT_ONCE)
    assert [p.name for p in folder.iterdir()] == [".se-multi.lock"]


def test_install_refuses_a_wrong_git_hash(publish, publisher, folder):
    publish(git_blob="0" * 40)
    with pytest.raises(DownloadError, match="git's SHA-1 should be 000"):
        install_pretrained("se-multi", AT_ONCE)
    assert [p.name for p in folder.iterdir()] == [".se-multi.lock"]


def test_install_takes_the_right_git_hash(publish, publisher, folder):
    # As `git hash-object` has it.
    header = f"blob {len(publisher.content)}\0".encode()
    publish(git_blob=hashlib.sha1(header + publisher.content).hexdigest())
    assert install_pretrained("se-multi", AT_ONCE).is_file()
    assert not (folder / "se-multi.first-sha256").exists()


def test_install_refuses_a_file_that_differs_from_the_first_one(
    publish, publisher, folder
):
    publish()
    path = install_pretrained("se-multi", AT_ONCE)
    path.unlink()
    publisher.content += b"\0"
    with pytest.raises(DownloadError, match=r"when it was first fetched.*delete"):
        install_pretrained("se-multi", AT_ONCE)
    assert not path.exists()
    (folder / "se-multi.first-sha256").unlink()
    assert install_pretrained("se-multi", AT_ONCE) == path


def test_install_does_not_remember_what_was_no_model(publish, publisher, folder):
    publish()
    good, publisher.content = publisher.content, b"<html>This file is gone</html>"
    with pytest.raises(WeightsError, match="none of the formats"):
        install_pretrained("se-multi", AT_ONCE)
    publisher.content = good
    assert install_pretrained("se-multi", AT_ONCE).is_file()


def test_install_replaces_a_damaged_model(publish, publisher):
    publish()
    path = install_pretrained("se-multi", AT_ONCE)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    install_pretrained("se-multi", AT_ONCE)
    assert load_model(path)[1] == read_card(path)
    assert len(publisher.requests) == 2


@pytest.mark.parametrize("damage", [b"{}", b"", None])
def test_install_replaces_a_damaged_card(publish, publisher, damage):
    publish()
    path = install_pretrained("se-multi", AT_ONCE)
    card = path.with_suffix(".json")
    card.unlink() if damage is None else card.write_bytes(damage)
    install_pretrained("se-multi", AT_ONCE)
    assert read_card(path).tags == list(MTT_TOP_50)
    assert len(publisher.requests) == 2


def test_install_refuses_a_name_that_is_not_published():
    with pytest.raises(ConfigError, match="no published weights 'se'; there are msd-m"):
        install_pretrained("se")


def test_install_refuses_a_file_of_another_model(publish):
    publish(model="fcn5")
    with pytest.raises(WeightsError, match="not as fcn5"):
        install_pretrained("se-multi", AT_ONCE)


def _install(url, start):
    entry = dataclasses.replace(PRETRAINED["se-multi"], url=url)
    PRETRAINED["se-multi"] = entry
    start.wait()
    install_pretrained("se-multi", AT_ONCE)


@pytest.mark.slow
def test_two_processes_at_once_fetch_once(publish, publisher, folder):
    publish()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    arguments = (f"{publisher.url}/file", start)
    processes = [context.Process(target=_install, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(publisher.requests) == 1
    load_model(folder / "se-multi.keras")


def test_install_takes_a_file_at_hand(publish, publisher, folder, tmp_path):
    publish()
    own = tmp_path / "downloaded.hdf5"
    own.write_bytes(publisher.content)
    assert install_pretrained("se-multi", AT_ONCE, source=own).is_file()
    assert publisher.requests == []
    assert own.is_file()
    assert sorted(path.name for path in folder.iterdir()) == [
        ".se-multi.lock",
        "se-multi.first-sha256",
        "se-multi.json",
        "se-multi.keras",
    ]


def test_install_refuses_another_file_at_hand(publish, publisher, tmp_path):
    publish(sha256="0" * 64)
    own = tmp_path / "downloaded.hdf5"
    own.write_bytes(publisher.content)
    with pytest.raises(DownloadError, match="is not the published se-multi: its SHA"):
        install_pretrained("se-multi", AT_ONCE, source=own)
    assert own.is_file()


def test_install_takes_a_mirror(publish, publisher):
    entry = publish()
    PRETRAINED["se-multi"] = dataclasses.replace(entry, url="http://127.0.0.1:1/file")
    mirror = f"{publisher.url}/mirror/"
    assert install_pretrained("se-multi", AT_ONCE, mirror=mirror).is_file()
    assert publisher.requests == [("/mirror/se-multi.hdf5", None)]


def test_what_cannot_be_fetched_says_how_a_file_goes_in(publish, publisher):
    publish()
    publisher.status = 404
    with pytest.raises(DownloadError, match=r"--mirror; .* download se-multi --from F"):
        install_pretrained("se-multi", AT_ONCE)


def test_remembered_hash_is_not_replaced(publish, tmp_path):
    entry = publish()
    for content in (b"a", b"a"):
        (tmp_path / "own.hdf5").write_bytes(content)
        with fetched_pretrained(entry, tmp_path, source=tmp_path / "own.hdf5"):
            pass
    note = tmp_path / "se-multi.first-sha256"
    assert note.read_text() == hashlib.sha256(b"a").hexdigest() + "\n"


def test_file_hashes_of_a_known_text(tmp_path):
    (tmp_path / "file").write_bytes(b"what is up, doc?")
    # From "Pro Git", 10.2.
    expected = "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
    assert file_hashes(tmp_path / "file")[1] == expected


def test_registry_is_complete():
    assert len(PRETRAINED) == 15
    for name, entry in PRETRAINED.items():
        assert entry.name == name
        assert entry.url.startswith("https://")
        assert entry.dataset in DATA_TERMS
        assert len(TAG_PRESETS[entry.tag_preset]) == 50
        assert entry.sha256 is None or re.fullmatch("[0-9a-f]{64}", entry.sha256)
        assert entry.git_blob is None or re.fullmatch("[0-9a-f]{40}", entry.git_blob)
        assert (entry.roc_auc is None) == (entry.split == "") or "jamendo" in name
        assert entry.licence_name in ("MIT", "ISC", "none stated")
        if entry.beside:
            assert entry.beside.url.startswith("https://")
            assert entry.beside.sha256 or entry.beside.git_blob


def test_licences_are_those_of_the_commits():
    licences = {name: entry.licence_name for name, entry in PRETRAINED.items()}
    assert licences["fcn-msd"] == licences["samplecnn-jamendo"] == "MIT"
    assert licences["fcn-mtat"] == licences["samplecnn-se-mtat"] == "none stated"
    assert licences["msd-musicnn"] == "ISC"
    assert "permission notice appear in all copies" in PRETRAINED["mtt-vgg"].licence


def test_find_published_by_either_hash():
    entry = PRETRAINED["fcn-msd"]
    assert find_published(entry.sha256, "") is entry
    assert find_published("", entry.git_blob) is entry
    assert find_published("0", "0") is None


def test_tag_presets_have_every_tag_once():
    for tags in TAG_PRESETS.values():
        assert len(set(tags)) == len(tags) == 50
    assert TAG_PRESETS["mtt-reversed"][:3] == ("guitar", "classical", "slow")
    assert np.array_equal(sorted(TAG_PRESETS["jamendo"]), TAG_PRESETS["jamendo"])
