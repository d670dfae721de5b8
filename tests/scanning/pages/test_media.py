"""Media queries and lengths are read as a browser with a screen of 1280 × 720 pixels reads them."""

import pytest

from hashsvc.scanning.pages.media import media_matches
from hashsvc.scanning.pages.srcsets import in_order_of_choice, parse_srcset

# Chromium 150 gives these answers in a window of this size: `matchMedia(query).matches`.
QUERIES = {
    "": True,
    "screen": True,
    "SCREEN": True,
    "print": False,
    "print, screen": True,
    "not print": True,
    "not screen": False,
    "not all": False,
    "only screen and (min-width: 1280px)": True,
    "only screen and (min-width: 1281px)": False,
    "(max-width:1280px)": True,
    "(max-width:1279px)": False,
    "(min-width: 80em)": True,
    "(min-width: 80.1rem)": False,
    "(max-width: 1279.98px)": False,
    "(min-height: 720px)": True,
    "(max-height: 719px)": False,
    "(min-width: 601px) and (max-width: 1279px)": False,
    "(width >= 1280px)": True,
    "(width > 1280px)": False,
    "(1280px < width)": False,
    "(400px <= width <= 1280px)": True,
    "(400px <= width < 1280px)": False,
    "(width: 1280px)": True,
    "(min-width: 0)": True,
    "(orientation: portrait)": False,
    "(orientation: landscape)": True,
    "(prefers-color-scheme: dark)": False,
    "(prefers-color-scheme: light)": True,
    "(prefers-reduced-motion: reduce)": False,
    "(prefers-reduced-motion)": False,
    "(monochrome)": False,
    "not all and (monochrome)": True,
    "(-webkit-min-device-pixel-ratio: 2), (min-resolution: 192dpi)": False,
    "(min-resolution: 1dppx)": True,
    "(resolution: 96dpi)": True,
    "not (min-width: 1280px)": False,
    "(not (min-width: 1280px)) or (min-height: 720px)": True,
    "((min-width: 1px) and (orientation: portrait)) or (max-width: 1px)": False,
    "print and (min-width: 1px)": False,
    "(min-width: 1px) and (not (max-width: 1px))": True,
}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_holds_as_in_a_browser(query: str) -> None:
    assert media_matches(query) is QUERIES[query]


@pytest.mark.parametrize(
    "query", ["screen and (new-feature: 1)", "(min-width: calc(1px + 2em))", "}{", "(", "nonsense"]
)
def test_a_query_that_is_not_understood_hides_no_image(query: str) -> None:
    assert media_matches(query)


def test_what_does_not_hold_decides_beside_what_is_not_understood() -> None:
    assert not media_matches("(new-feature: 1) and (max-width: 1px)")


# In such a window, Chromium 150 takes the image of this width from a srcset that has all widths.
SIZES = {
    "": 1280,
    "100vw": 1280,
    "33.3vw": 427,
    "600px": 600,
    "20em": 320,
    "(max-width: 500px) 100vw, 620px": 620,
    "(min-width: 1280px) 620px, 100vw": 620,
    "calc(50vw - 20px)": 620,
    "calc((100vw - 80px) / 2)": 600,
    "calc(100vw * 0.5 + 1px)": 641,
    "(max-width: 500px) 100vw, calc(50vw - 20px)": 620,
    "min(600px, 100vw)": 600,
    "max(600px, 50vw)": 640,
    "clamp(100px, 25vw, 300px)": 300,
    "calc(1px * nonsense), 620px": 620,
}


@pytest.mark.parametrize("sizes", SIZES)
def test_a_place_is_as_wide_as_in_a_browser(sizes: str) -> None:
    near = SIZES[sizes]
    images = parse_srcset(", ".join(f"{each} {each}w" for each in range(near - 20, near + 21)))
    assert in_order_of_choice(images, sizes)[0] == str(near)


def test_an_automatic_size_is_the_declared_width() -> None:
    images = parse_srcset("s 300w, m 620w, l 1280w")
    assert in_order_of_choice(images, "auto", width=301) == ["m", "l", "s"]
    assert in_order_of_choice(images, "auto, 300px", width=None)[0] == "s"
