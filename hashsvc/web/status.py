"""The status page: that the service works, and how to go on; counts only, no key needed."""

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
        codes: How many are searched.

        waiting: Reported URLs that are still to be scanned.
    """
    return _PAGES.get_template("status.html").render(
        version=version("hashsvc"), codes=codes, waiting=waiting
    )
