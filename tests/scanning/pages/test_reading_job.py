"""The service does not trust what a worker says about a page."""

import json
from dataclasses import asdict

import pytest

from hashsvc.scanning.pages import LeftOut, Page, PageImage
from hashsvc.scanning.pages.reading_job import READ, TOO_COMPLEX, page_of

PAGE = Page(
    (PageImage(("https://a.example/1.jpg",), 9.0, is_icon=True),),
    frames=("https://a.example/f",),
    icons=("https://a.example/1.ico",),
    left_out=LeftOut(1, 2, 3, 10_000_000),
)
TOLD = asdict(PAGE)
IMAGE = TOLD["images"][0]
LEFT_OUT = TOLD["left_out"]


def test_a_page_comes_back_as_it_was() -> None:
    assert page_of(READ, json.dumps(TOLD).encode()) == PAGE
    assert page_of(TOO_COMPLEX, b"") is None


@pytest.mark.parametrize(
    "told",
    [
        [],
        {},
        TOLD | {"more": 1},
        TOLD | {"images": {}},
        TOLD | {"images": [IMAGE | {"urls": []}]},
        TOLD | {"images": [IMAGE | {"urls": [7]}]},
        TOLD | {"images": [IMAGE | {"pixels": "9"}]},
        TOLD | {"images": [IMAGE | {"is_linked": 1}]},
        TOLD | {"images": [IMAGE | {"is_icon": 0}]},
        TOLD | {"icons": [1]},
        TOLD | {"left_out": None},
        TOLD | {"left_out": {}},
        TOLD | {"left_out": LEFT_OUT | {"more": 1}},
        TOLD | {"left_out": LEFT_OUT | {"frames": -1}},
        TOLD | {"left_out": LEFT_OUT | {"frames": 1.0}},
        TOLD | {"left_out": LEFT_OUT | {"frames": True}},
        TOLD | {"left_out": LEFT_OUT | {"frames": 10_000_001}},
        TOLD | {"frames": "https://a.example/f"},
        TOLD | {"frames": [None]},
        TOLD | {"moved_to": 7},
        TOLD | {"referrer_policy": None},
    ],
    ids=json.dumps,
)
def test_nothing_else_is_a_page(told: object) -> None:
    with pytest.raises(ValueError, match=r"^(A field is not|The answer does not have) "):
        page_of(READ, json.dumps(told).encode())


def test_another_header_is_not_an_answer() -> None:
    with pytest.raises(ValueError, match="not an answer"):
        page_of(b"other", json.dumps(TOLD).encode())
