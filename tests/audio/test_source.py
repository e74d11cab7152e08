"""What can be opened, and what a message says of what cannot."""

import io
import os
import sys

import numpy as np
import pytest
from audio_files import write_wav

from resemul.audio import load_waveform
from resemul.audio.source import printable, source_name
from resemul.errors import AudioError

WAV = write_wav(np.arange(8_000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp3")
    with pytest.raises(AudioError, match=r"pipe\.mp3 is a pipe or a device"):
        load_waveform(tmp_path / "pipe.mp3")


@pytest.mark.skipif(sys.platform == "win32", reason="no such devices")
def test_a_device_is_refused():
    with pytest.raises(AudioError, match="/dev/zero is a pipe or a device"):
        load_waveform("/dev/zero")


@pytest.mark.parametrize("method", ["stat", "open"])
def test_a_file_or_folder_without_permission_is_an_audio_error(
    tmp_path, monkeypatch, method
):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    monkeypatch.setattr(f"pathlib.Path.{method}", refuse)
    with pytest.raises(AudioError, match=r"a\.wav cannot be opened: permission denied"):
        load_waveform(path)


def test_a_name_that_no_file_can_have_is_an_audio_error():
    with pytest.raises(AudioError, match="cannot be opened"):
        load_waveform("a\0b.mp3")
    with pytest.raises(AudioError, match="cannot be opened: file name too long"):
        load_waveform("a" * 5_000)


def test_empty_bytes_are_empty_audio():
    with pytest.raises(AudioError, match="empty"):
        load_waveform(b"")


@pytest.mark.parametrize("name", [b"caf\xe9.wav", b"two\nlines \x1b[31m.wav"])
def test_names_of_any_bytes_are_opened(tmp_path, name):
    path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(WAV)
    except OSError:
        pytest.skip("this file system takes no such name")
    assert len(load_waveform(os.fsdecode(path), 16_000)) == 8_000


def test_names_in_messages_are_one_line_without_escapes():
    assert source_name("a\nb\x1b[31m\udce9.mp3") == r"a\nb\x1b[31m\udce9.mp3"
    assert printable("Füße — 歌.mp3") == "Füße — 歌.mp3"
    with pytest.raises(AudioError) as error:
        load_waveform("gone\n.mp3")
    assert str(error.value) == r"gone\n.mp3 does not exist"


def test_an_open_file_that_cannot_seek_is_read():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    assert len(load_waveform(Pipe(WAV), 16_000)) == 8_000
