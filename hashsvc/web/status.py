"""The status page: it shows that the service works, and where to go next. It needs no key."""

from importlib.metadata import version

import jinja2

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("hashsvc.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def status_page(*, codes: int, waiting: int) -> str:
    """
    Return the status page as HTML.

    Args:
        codes: Number of codes that are searched.

        waiting: Number of reported URLs that wait to be scanned.
    """
    return _PAGES.get_template("status.html").render(
        version=version("hashsvc"), codes=codes, waiting=waiting
    )
