"""The status page: it shows that the service works, and where to go next. It needs no key."""

from importlib.metadata import version

import jinja2

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("hashsvc.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)

_RENDERER = {
    "off": "not run, because no browser is set",
    "unchecked": "not run yet, because the browser is being checked",
    "ready": "run in an isolated browser",
    "refused": "not run, because the browser cannot be isolated",
    "failed": "not run, because the browser does not start",
}


def status_page(*, codes: int, waiting: int, renderer: str, renderer_reason: str = "") -> str:
    """
    Return the status page as HTML.

    Args:
        codes: Number of codes that are searched.

        waiting: Number of reported URLs that wait to be scanned.

        renderer: Whether pages' scripts are run, as `GET /ready` says it.

        renderer_reason: Why the renderer was refused, as a sentence.
    """
    return _PAGES.get_template("status.html").render(
        version=version("hashsvc"),
        codes=codes,
        waiting=waiting,
        renderer=_RENDERER[renderer],
        renderer_reason=renderer_reason,
    )
