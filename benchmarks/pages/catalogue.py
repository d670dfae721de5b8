"""All pages: every style in many variants."""

from benchmarks.pages import boards, social, standards, systems
from benchmarks.pages.making import MadePage, Maker, Style

STYLES: dict[str, Style] = {
    each.__name__: each
    for each in (
        *boards.STYLES, *social.STYLES, *systems.STYLES, *standards.STYLES, *standards.RENDERED
    )
}  # fmt: skip

RENDERED = frozenset(each.__name__ for each in standards.RENDERED)
"""Styles that are counted by themselves: see `standards.RENDERED`."""


def make_pages(count: int, *, seed: int) -> list[MadePage]:
    """Return pages of each style in turn; each further round makes another variant of them."""
    names = list(STYLES)
    pages = []
    for place in range(count):
        maker = Maker(names[place % len(names)], place // len(names), seed)
        STYLES[maker.style](maker)
        pages.append(maker.page())
    return pages
