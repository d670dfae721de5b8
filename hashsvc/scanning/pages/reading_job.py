"""
The sandbox job that reads pages and style sheets.

An input has three parts: the length of a JSON header (4 bytes), the header, and one or two bodies.
The first body is the page or the style sheet to read. The second is the page that uses the style
sheet. The header gives the length of both. The payload of an answer is a Page as JSON; the header
of the answer says whether there is one.
"""

import json
from dataclasses import asdict
from typing import Any

from hashsvc.scanning.pages.errors import PageTooComplexError
from hashsvc.scanning.pages.page import LeftOut, Page, PageImage
from hashsvc.scanning.pages.reading import read_page, read_stylesheet

READ, TOO_COMPLEX = b"read", b"too-complex"
# A page of at most 10 MB cannot leave out more than this.
_MOST_LEFT_OUT = 10_000_000

_SAMPLE = b"""<!doctype html><meta charset=windows-1251><style>a{background:url(1.jpg)}</style>
<p style="background:image-set('2.jpg' 1x)"><a href=3.jpg>
<img srcset="4.jpg 1x, 5.jpg 2x" sizes=9vw><script>x = {"image": "\\u002F6.jpg"}</script>
<script type=application/ld+json>{"image": "7.jpg"}</script>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-src="8.jpg" width=9>"""


def request(
    body: bytes, url: str, content_type: str, *, is_stylesheet: bool = False, page: bytes = b""
) -> bytes:
    """Return the input for reading a page, or a style sheet of a page."""
    header = json.dumps([url, content_type, is_stylesheet, len(body), len(page)]).encode()
    return len(header).to_bytes(4) + header + body + page


def page_of(header: bytes, payload: bytes) -> Page | None:
    """
    Return the page in a worker's answer, or None if the page was too complex.

    A hostile page may have taken control of the worker, so every field is checked.

    Raises:
        ValueError: If the answer is not valid.
    """
    if header == TOO_COMPLEX:
        return None
    if header != READ:
        raise ValueError("This is not an answer.")
    told = json.loads(payload)
    if not isinstance(told, dict) or told.keys() != asdict(Page()).keys():
        raise ValueError("The answer does not have the fields of a page.")
    images = tuple(_image(each) for each in _list(told.pop("images")))
    moved_to, policy, has_scripts = (
        told.pop(name) for name in ("moved_to", "referrer_policy", "has_scripts")
    )
    if not isinstance(moved_to, str | None) or not isinstance(policy, str):
        raise ValueError("A field is not text.")  # noqa: TRY004 - the answer is wrong, not the caller.
    left_out = _left_out(told.pop("left_out"))
    lists = {name: tuple(_text(each) for each in _list(value)) for name, value in told.items()}
    return Page(
        images=images,
        moved_to=moved_to,
        referrer_policy=policy,
        has_scripts=bool(has_scripts),
        left_out=left_out,
        **lists,
    )


def warm_up(_arguments: Any = None) -> None:
    """Run all code once, so that it loads its files before the sandbox forbids reading files."""
    for each in (
        request(_SAMPLE, "http://a.example/", "text/html"),
        request(
            b"a{background:url(1.jpg)}", "http://a.example/", "", is_stylesheet=True, page=b"<a>"
        ),
    ):
        assert answer(each)[0] == READ


def answer(data: bytes, _arguments: Any = None) -> tuple[bytes, bytes]:
    """Return what a page shows and leads to, or that it is too complex."""
    start = 4 + int.from_bytes(data[:4])
    url, content_type, is_stylesheet, length, page_length = json.loads(data[4:start])
    body = data[start : start + length]
    try:
        if is_stylesheet:
            page = data[start + length :] if page_length else None
            found = read_stylesheet(body, url, content_type, page)
        else:
            found = read_page(body, url, content_type)
    except (PageTooComplexError, MemoryError, RecursionError):
        return TOO_COMPLEX, b""
    return READ, json.dumps(asdict(found)).encode()


def _image(told: object) -> PageImage:
    match told:
        case {
            "urls": [*urls],
            "pixels": int() | float() as pixels,
            "is_linked": bool(is_linked),
            "is_icon": bool(is_icon),
        }:
            if urls:
                return PageImage(tuple(map(_text, urls)), float(pixels), is_linked, is_icon)
    raise ValueError("A field is not an image.")


def _left_out(told: object) -> LeftOut:
    if not isinstance(told, dict) or told.keys() != asdict(LeftOut()).keys():
        raise ValueError("The answer does not have the fields of LeftOut.")
    if not all(type(each) is int and 0 <= each <= _MOST_LEFT_OUT for each in told.values()):
        raise ValueError(f"A field is not a number from 0 to {_MOST_LEFT_OUT}.")
    return LeftOut(**told)


def _list(told: object) -> list[object]:
    if not isinstance(told, list):
        raise ValueError("A field is not a list.")  # noqa: TRY004 - the answer is wrong, not the caller.
    return told


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise ValueError("A field is not text.")  # noqa: TRY004 - as above.
    return told
