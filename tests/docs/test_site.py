"""The documentation as a site: whole, and readable without a network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import resemul

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = ("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir")
    done = subprocess.run(
        [sys.executable, *command, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Fetched(HTMLParser):
    """Collects what a browser fetches for a page by itself: not links."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video", "audio"):
            self.addresses.append(named.get("src"))
        if tag == "link" and named.get("rel") != "canonical":
            self.addresses.append(named.get("href"))


def test_pages_fetch_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        fetched = Fetched()
        fetched.feed(page.read_text("utf-8"))
        outside = [
            address
            for address in fetched.addresses
            if address and re.match(r"(\w+:)?//", address)
        ]
        assert not outside, f"{page.relative_to(site)}: {outside}"


def test_styles_fetch_nothing_from_elsewhere(site):
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(https?:)?//", style.read_text("utf-8"))
        assert "@import" not in style.read_text("utf-8")


def test_public_names_are_on_the_page_of_the_interface(site):
    page = (site / "python" / "index.html").read_text("utf-8")
    for name in set(resemul.__all__) - {"__version__"}:
        assert f'.{name}"' in page, name


def test_pages_begin_with_something_to_paste():
    pages = sorted((ROOT / "docs").rglob("*.md"))
    for page in pages:
        # Of the last two there is nothing to paste.
        if page.stem not in {"changelog", "fidelity", "formats", "security"}:
            top = page.read_text("utf-8").split("\n## ")[:2]
            assert "```" in "".join(top), page.name


def test_rows_of_the_development_page_are_those_of_the_test_of_imports():
    page = (ROOT / "docs" / "development.md").read_text("utf-8")
    rows = re.findall(r"^\| \d+ \| (.*) \|$", page, re.MULTILINE)
    source = (ROOT / "tests" / "test_architecture.py").read_text("utf-8")
    listed = source.partition("ROWS = (")[2].partition("\n)")[0]
    expected = [set(re.findall(r'"(\w+)"', line)) for line in listed.splitlines()]
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == expected[1:]
