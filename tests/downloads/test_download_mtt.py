import hashlib
import io
import json
import zipfile
from collections import namedtuple

import pytest

from resemul.downloads import MttFiles, Retries, download_mtt, mtt, space
from resemul.errors import DownloadError

ANNOTATIONS = b"clip_id\trock\tmp3_path\n2\t1\t0/a.mp3\n"
AUDIO = {"0/a.mp3": b"aaaa" * 50, "6/empty.mp3": b"", "f/b.mp3": b"bb"}
PARTS = ("mp3.zip.001", "mp3.zip.002", "mp3.zip.003")


def make_archive(audio):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in audio.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def serve(web, archive):
    """Puts MTT in small on the server; returns what to expect there."""
    third = len(archive) // 3
    cuts = (archive[:third], archive[third : 2 * third], archive[2 * third :])
    web.files["/mtt/annotations_final.csv"] = ANNOTATIONS
    for name, content in zip(PARTS, cuts, strict=True):
        web.files[f"/mtt/{name}"] = content
    return MttFiles(
        annotations_md5=hashlib.md5(ANNOTATIONS).hexdigest(),
        archive_md5=hashlib.md5(archive).hexdigest(),
    )


@pytest.fixture
def files(web):
    return serve(web, make_archive(AUDIO))


def fetch(web, tmp_path, files, **options):
    return download_mtt(
        tmp_path / "dataset",
        f"{web.url}/mtt",
        files=files,
        retries=Retries(max_failures=1, backoff_seconds=0.001, timeout_seconds=5),
        **options,
    )


def list_files(tmp_path):
    """Relative paths of the files under the data folder, but for the record."""
    folder = tmp_path / "dataset"
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != "mp3.zip.contents.json"
    )


def asked_for(web):
    return [path.removeprefix("/mtt/") for path, _ in web.requests]


def test_download_mtt_leaves_annotations_and_audio(web, tmp_path, files):
    assert fetch(web, tmp_path, files) == 3
    assert list_files(tmp_path) == [
        "annotations_final.csv",
        "mp3/0/a.mp3",
        "mp3/6/empty.mp3",
        "mp3/f/b.mp3",
    ]
    for name, content in AUDIO.items():
        assert (tmp_path / "dataset/mp3" / name).read_bytes() == content


def test_download_mtt_keeps_the_zip_on_request(web, tmp_path, files):
    fetch(web, tmp_path, files, keep_zip=True)
    assert [name for name in list_files(tmp_path) if "zip" in name] == list(PARTS)


def test_download_mtt_again_asks_for_nothing(web, tmp_path, files):
    fetch(web, tmp_path, files)
    web.requests.clear()
    assert fetch(web, tmp_path, files) == 3
    assert web.requests == []


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_download_mtt_again_restores_a_lost_file(web, tmp_path, files, damage):
    fetch(web, tmp_path, files)
    lost = tmp_path / "dataset/mp3/0/a.mp3"
    lost.unlink() if damage == "gone" else lost.write_bytes(b"a")
    fetch(web, tmp_path, files)
    assert lost.read_bytes() == AUDIO["0/a.mp3"]


def test_download_mtt_goes_on_with_the_parts_that_are_there(web, tmp_path, files):
    web.breaks["/mtt/mp3.zip.002"] = [10, 10]
    with pytest.raises(DownloadError, match=r"mp3\.zip\.002 could not be fetched"):
        fetch(web, tmp_path, files)
    assert list_files(tmp_path) == [
        "annotations_final.csv",
        "mp3.zip.001",
        "mp3.zip.002.part",
        "mp3.zip.002.part.version",
    ]
    web.requests.clear()
    assert fetch(web, tmp_path, files) == 3
    assert web.requests == [
        ("/mtt/mp3.zip.002", "bytes=20-"),
        ("/mtt/mp3.zip.003", None),
    ]


def test_download_mtt_of_a_wrong_archive_can_be_run_again(web, tmp_path, files):
    right = web.files["/mtt/mp3.zip.002"]
    web.files["/mtt/mp3.zip.002"] = b"x" + right[1:]
    with pytest.raises(DownloadError) as caught:
        fetch(web, tmp_path, files)
    message = str(caught.value)
    assert all(part in message for part in PARTS)
    assert f"wrong MD5: expected {files.archive_md5}, got " in message
    assert "run again" in message
    assert list_files(tmp_path) == ["annotations_final.csv"]
    web.files["/mtt/mp3.zip.002"] = right
    assert fetch(web, tmp_path, files) == 3


def test_download_mtt_fetches_only_the_part_of_another_size_again(web, tmp_path, files):
    folder = tmp_path / "dataset"
    folder.mkdir()
    for name in PARTS:
        (folder / name).write_bytes(web.files[f"/mtt/{name}"])
    (folder / PARTS[1]).write_bytes(b"cut short")
    assert fetch(web, tmp_path, files) == 3
    assert asked_for(web) == ["annotations_final.csv", PARTS[1]]


def test_download_mtt_of_wrong_annotations_can_be_run_again(web, tmp_path, files):
    web.files["/mtt/annotations_final.csv"] = b"<html>moved</html>"
    with pytest.raises(
        DownloadError, match=rf"annotations_final.csv.*{files.annotations_md5}"
    ):
        fetch(web, tmp_path, files)
    web.files["/mtt/annotations_final.csv"] = ANNOTATIONS
    assert fetch(web, tmp_path, files) == 3


def test_download_mtt_leaves_other_annotations_alone(web, tmp_path, files):
    own = tmp_path / "dataset" / "annotations_final.csv"
    own.parent.mkdir()
    own.write_text("my own")
    with pytest.raises(DownloadError, match=r"already there.*delete it"):
        fetch(web, tmp_path, files)
    assert own.read_text() == "my own"


def test_download_mtt_strips_a_top_folder_and_leaves_other_files_out(web, tmp_path):
    archive = make_archive(
        {"mp3/0/a.mp3": b"a", "mp3/readme.txt": b"r", "__MACOSX/0/._a.mp3": b"m"}
    )
    assert fetch(web, tmp_path, serve(web, archive)) == 1
    assert list_files(tmp_path) == ["annotations_final.csv", "mp3/0/a.mp3"]


def test_download_mtt_of_an_archive_without_audio_says_so(web, tmp_path):
    files = serve(web, make_archive({"readme.txt": b"nothing here, sorry"}))
    with pytest.raises(DownloadError, match=r"mp3\.zip holds no 0/\*\.mp3"):
        fetch(web, tmp_path, files)


def test_download_mtt_leaves_an_entry_out_that_leads_out(web, tmp_path):
    files = serve(web, make_archive({"0/a.mp3": b"a", "../../evil.mp3": b"e"}))
    assert fetch(web, tmp_path, files) == 1
    assert not list(tmp_path.rglob("*evil*"))


def test_download_mtt_asks_for_all_disk_space_before_the_first_part(
    web, tmp_path, files, monkeypatch
):
    size = sum(len(web.files[f"/mtt/{part}"]) for part in PARTS)
    usage = namedtuple("usage", "total used free")
    free = 2 * size - 1
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage(free, 0, free))
    with pytest.raises(
        DownloadError, match=r"fetch and unpack mp3\.zip: .* needed, .* free"
    ):
        fetch(web, tmp_path, files)
    assert asked_for(web) == ["annotations_final.csv"]


def test_download_mtt_names_a_part_the_server_does_not_have(web, tmp_path, files):
    del web.files["/mtt/mp3.zip.003"]
    with pytest.raises(DownloadError, match=r"/mtt/mp3\.zip\.003 cannot .* 404"):
        fetch(web, tmp_path, files)


@pytest.mark.parametrize(
    "record", ["", "[]", '{"md5": 1}', '{"md5": "of another archive", "files": {}}']
)
def test_download_mtt_fetches_if_its_record_is_of_no_use(web, tmp_path, files, record):
    fetch(web, tmp_path, files)
    path = tmp_path / "dataset" / "mp3.zip.contents.json"
    path.write_text(record)
    fetch(web, tmp_path, files)
    assert json.loads(path.read_text())["md5"] == files.archive_md5


def test_published_checksums_have_the_length_of_md5():
    for md5 in (mtt.PUBLISHED_MTT.annotations_md5, mtt.PUBLISHED_MTT.archive_md5):
        assert len(bytes.fromhex(md5)) == 16
