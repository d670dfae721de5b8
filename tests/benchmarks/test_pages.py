"""Pages are distinct, and the same in each run. The service finds what Chromium shows on some."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.pages.__main__ import main
from benchmarks.pages.catalogue import STYLES, make_pages
from benchmarks.pages.measuring import Figures, PageResult
from benchmarks.pages.serving import PageServer

needs_chromium = pytest.mark.skipif(
    shutil.which("chromium") is None,
    reason="Debian's chromium is not installed: the comparison of pages is NOT tested.",
)


def test_at_least_150_pages_of_20_styles_are_distinct_and_made_the_same_way_again() -> None:
    assert len(STYLES) >= 20
    pages = make_pages(200, seed=1)
    bodies = {page.documents[page.path].body for page in pages}
    assert len(bodies) == len({page.name for page in pages}) == 200
    assert make_pages(200, seed=1) == pages
    assert make_pages(200, seed=2) != pages
    assert 40 < sum(page.is_kept_aside for page in pages) < 100
    assert 60 < sum(page.has_image_host for page in pages) < 140


def test_a_miss_counts_in_every_size_only_if_no_size_was_downloaded() -> None:
    (page,) = make_pages(1, seed=1)
    shown = frozenset({"/0123456789_540.jpg", "/aaaaaaaaaa.jpg", "/bbbbbbbbbb.jpg", "inline 1"})
    found = frozenset({"/0123456789_1080.jpg", "/aaaaaaaaaa.jpg", "inline 1"})
    result = PageResult(page, shown, found, linked=(), needless=("/x",), seconds=0.5)
    assert result.missed == ["/0123456789_540.jpg", "/bbbbbbbbbb.jpg"]
    assert result.missed_in_every_size == ["/bbbbbbbbbb.jpg"]
    figures = Figures([result])
    assert (figures.share_found, figures.share_found_in_some_size) == (0.5, 0.75)
    assert figures.as_json()["share_needless"] == 0.25


def test_the_same_path_on_another_host_is_another_image() -> None:
    with PageServer([]) as server:
        here, there = (f"http://{host}:{server.port}/a.jpg" for host in ("127.0.0.1", "localhost"))
        assert server.key_of(here) == server.key_of("/a.jpg") == "/a.jpg"
        assert server.key_of(there) == "localhost/a.jpg"


@needs_chromium
def test_a_run_over_three_pages_finds_what_chromium_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    # The pages take the styles in turn, and the first three styles are plain boards.
    assert main(["--pages", "3", "--json", str(out)]) == 0, capsys.readouterr().out
    written = json.loads(out.read_text())
    assert written["figures"]["all"]["pages"] == 3
    assert written["figures"]["all"]["images_shown"] >= 3
    assert written["figures"]["all"]["share_found"] == 1
    assert written["pages_that_showed_nothing"] == []
