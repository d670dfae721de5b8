"""The status page: that the service works, and how to go on; counts only, no key needed."""

from importlib.metadata import version

import jinja2
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from hashsvc.matching import BankIndex
from hashsvc.store import Database, scans

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("hashsvc.web"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def status_page(database: Database, bank_index: BankIndex) -> APIRouter:
    """Return the route of the status page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=HTMLResponse)
    def show() -> str:
        bank_index.catch_up()
        with database.read() as connection:
            waiting = scans.count_waiting(connection)
        return _PAGES.get_template("status.html").render(
            version=version("hashsvc"), codes=len(bank_index), waiting=waiting
        )

    return router
