"""The page in a real browser, against a running service."""

import shutil

import numpy as np
import pytest
from hostile_bodies import encode
from loud_service import LoudnessRuntime, serve, wav

from resemul.configs.server import ServerConfig
from resemul.server.app import build_app
from resemul.tagging.tagger import Tagger

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright_api = pytest.importorskip("playwright.sync_api")
expect = playwright_api.expect
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]
# No visitor of a loopback address has any business elsewhere.
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
    # A microphone that beeps, and that asks nobody.
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]


@pytest.fixture(scope="module")
def address():
    """Of a service that runs in a thread."""
    taggers = {"loudness": Tagger(LoudnessRuntime())}
    with serve(build_app(taggers, ServerConfig(workers=1, max_upload_mb=2))) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page, which must ask nobody else and complain of nothing."""
    page = browser.new_page(viewport={"width": 820, "height": 900})
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
    )
    page.goto(address)
    page.wait_for_selector("#models input")
    yield page
    page.close()
    assert complaints == []
    assert all(url.startswith((address, "blob:", "data:")) for url in requests)


def song(name="loud.wav", value=0.3, seconds=20.0):
    return {"name": name, "mimeType": "audio/wav", "buffer": wav(value, seconds)}


def add(page, *songs):
    page.set_input_files("#files", list(songs))
    page.wait_for_selector(".result:not([hidden])", timeout=30_000)


def test_a_song_is_tagged_and_shown(page):
    add(page, song())
    assert page.inner_text("h2") == "loud.wav"
    first = page.locator(".tags li").first
    assert first.inner_text().split() == ["loud", "0.90"]
    assert page.locator(".tags li.below").all_inner_texts() == ["quiet\n0.10"]
    width, height = (
        page.evaluate(f"document.querySelector('.taggram').{side}")
        for side in ("width", "height")
    )
    assert width > 300
    assert height > 40


def test_songs_of_several_formats_are_taken_at_once(page):
    time = np.arange(16_000) / 16_000
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    songs = [
        {"name": f"song.{suffix}", "mimeType": kind, "buffer": encode(*how, tone)}
        for suffix, kind, how in (
            ("mp3", "audio/mpeg", ("mp3", "libmp3lame")),
            ("flac", "audio/flac", ("flac", "flac")),
            ("m4a", "audio/mp4", ("mp4", "aac")),
        )
    ]
    page.set_input_files("#files", songs)
    expect(page.locator(".result:visible")).to_have_count(3, timeout=30_000)
    assert page.locator("h2").all_inner_texts() == ["song.mp3", "song.flac", "song.m4a"]


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_song_can_be_dropped_or_pasted(page, kind):
    page.evaluate(
        """([kind, bytes]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "loud.wav"));
            const event = kind === "drop"
                ? new DragEvent(kind, { dataTransfer: data, bubbles: true })
                : new ClipboardEvent(kind, { clipboardData: data, bubbles: true });
            document.querySelector("#drop").dispatchEvent(event);
        }""",
        [kind, list(wav(0.3))],
    )
    page.wait_for_selector(".result:not([hidden])")
    assert page.inner_text("h2") == "loud.wav"


def test_the_microphone_can_be_recorded(page):
    page.click("#record")
    expect(page.locator("#record")).to_have_text("End the recording")
    page.wait_for_timeout(600)
    page.click("#record")
    page.wait_for_selector(".result:not([hidden])")
    assert page.inner_text("h2").startswith("recording-")


def test_a_song_is_chosen_by_keyboard_alone(page):
    for _ in range(2):  # a link, then the button
        page.keyboard.press("Tab")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([song()])
    page.wait_for_selector(".result:not([hidden])")
    page.keyboard.press("Tab")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className"))
    assert {"remove", "play", "picture", "filter", "threshold"} <= reached


def test_the_cursor_follows_mouse_and_keys(page):
    add(page, song())
    picture = page.locator(".picture")
    picture.focus()
    for key, place in (
        ("ArrowRight", "0:05"),
        ("PageUp", "0:15"),
        ("ArrowLeft", "0:10"),
        ("End", "0:20"),
        ("Home", "0:00"),
    ):
        page.keyboard.press(key)
        assert picture.get_attribute("aria-valuetext") == f"{place} of 0:20"
    box = picture.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 4, box["y"] + 20)
    assert picture.get_attribute("aria-valuetext").startswith("0:19")


def test_filter_and_threshold_choose_tags(page):
    add(page, song())
    page.fill(".filter", "QUI")
    assert page.locator(".tags li").count() == 1
    page.fill(".filter", "")
    page.locator(".threshold").fill("0.95")
    assert page.locator(".tags li.below").count() == 2
    assert page.inner_text("output") == "0.95"


def test_errors_stand_in_words_beside_their_file(browser, address):
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#models input")
    broken = {"name": "no.mp3", "mimeType": "audio/mpeg", "buffer": b"nothing"}
    big = {"name": "big.wav", "mimeType": "audio/wav", "buffer": b"\0" * 2_100_000}
    page.set_input_files("#files", [broken, big])
    page.locator(".error:visible").nth(1).wait_for()
    first, second = page.locator(".error").all_inner_texts()
    assert first.startswith("no.mp3 ")
    assert "A request may have 2 MB" in second
    page.close()


def test_a_song_that_waits_can_be_cancelled(page):
    held = []
    page.route("**/tag?*", lambda route: held.append(route), times=1)
    page.set_input_files("#files", [song("first.wav"), song("second.wav")])
    second = page.locator(".song").nth(1)
    second.locator(".cancel").click()
    assert second.locator(".state").inner_text() == "cancelled"
    held[0].continue_()
    page.wait_for_selector(".result:not([hidden])")
    assert page.locator(".result:visible").count() == 1


def test_a_song_that_is_being_sent_can_be_cancelled(page):
    held, failed = [], []
    page.on("requestfailed", lambda request: failed.append(request))
    page.route("**/tag?*", lambda route: held.append(route), times=1)
    page.set_input_files("#files", [song("first.wav"), song("second.wav")])
    first, second = page.locator(".song").all()
    expect(first.locator(".state")).to_have_text("sending")
    first.locator(".cancel").click()
    second.locator(".result").wait_for()
    assert first.locator(".state").inner_text() == "cancelled"
    assert not first.locator(".error").is_visible()
    assert [request.method for request in failed].count("POST") == 1


def test_downloads_can_be_read_back(page, tmp_path):
    add(page, song())
    page.click(".downloads summary")
    content = {}
    for name in ("json", "csv", "audacity", "png"):
        with page.expect_download() as download:
            page.click(f"[data-format={name}]")
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        content[path.suffix] = path.read_bytes()
    assert b'"schema": "resemul.tag/1"' in content[".json"]
    header, *rows = content[".csv"].decode().splitlines()
    assert header == "path,model,start,end,loud,quiet"
    assert len(rows) == 80
    assert np.isclose(float(rows[0].split(",")[4]), 0.9, atol=1e-3)
    assert content[".txt"] == b"0.000000\t20.000000\tloud\n"
    assert content[".png"].startswith(b"\x89PNG")
    command = page.inner_text(".command")
    assert command.startswith("curl -F file=@'loud.wav' 'http://127.0.0.1:")


def test_a_song_can_be_removed_and_the_keyboard_stays(page):
    add(page, song())
    page.focus(".remove")
    page.keyboard.press("Enter")
    assert page.locator(".song").count() == 0
    assert page.evaluate("document.activeElement.id") == "pick"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_rule_of_accessibility_is_broken(browser, address, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page.goto(address)
    page.wait_for_selector("#models input")
    add(page, song())
    page.click(".downloads summary")
    page.click(".twin summary")
    found = axe.run(page)
    assert [violation["id"] for violation in found.response["violations"]] == []
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(overflow) <= 0
    page.close()


def test_the_interface_is_described_without_help_from_elsewhere(browser, address):
    page = browser.new_page()
    page.goto(f"{address}docs")
    page.wait_for_selector("#routes article")
    assert "POST /tag" in page.inner_text("#routes")
    page.close()
