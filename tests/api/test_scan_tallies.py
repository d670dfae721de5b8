"""A scan and each of its URLs tell what became of the images, in numbers only."""

import csv
import io

from hashsvc.access import Role
from hashsvc.api import Services
from tests.api.helpers import Call, work_off
from tests.conftest import generated_photo, jpeg
from tests.helpers.site import Site

SCANNER = Role.SCANNER
COUNTS = {
    "images_seen": 64,
    "images": 1,
    "images_failed": 59,
    "icons_left_out": 1,
    "images_over_limit": 3,
    "frames_not_followed": 0,
    "parts_not_read": 0,
    "pictures_left_out": 0,
}


def submit(call: Call, site: Site) -> str:
    """Submit a page with more images than are looked at, most of which are gone."""
    site.add_image("/copy.jpg", jpeg(generated_photo(1)))
    spinner = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
    page = site.add_page(
        "/page", ["copy.jpg", *(f"gone-{each}.jpg" for each in range(62)), spinner]
    )
    scan: str = call(SCANNER, "POST", "/v1/scans", json={"urls": [page]}).json()["scan"]
    return scan


def test_a_scan_tells_what_became_of_its_images(call: Call, services: Services, site: Site) -> None:
    path = f"/v1/scans/{submit(call, site)}"
    nothing = dict.fromkeys(COUNTS, 0)
    assert call(SCANNER, "GET", path).json()["tally"] == {"urls": 0} | nothing
    work_off(services)
    assert call(SCANNER, "GET", path).json()["tally"] == {"urls": 1} | COUNTS


def test_each_url_tells_what_became_of_its_images(
    call: Call, services: Services, site: Site
) -> None:
    path = f"/v1/scans/{submit(call, site)}"
    (waiting,) = call(SCANNER, "GET", f"{path}/items").json()
    unknown = dict.fromkeys(COUNTS) | {"images": 0, "images_failed": 0}
    assert {name: waiting[name] for name in COUNTS} == unknown
    work_off(services)
    for part in ("items", "results"):
        (item,) = call(SCANNER, "GET", f"{path}/{part}").json()
        assert {name: item[name] for name in COUNTS} == COUNTS
    table = call(SCANNER, "GET", f"{path}/results", params={"format": "csv"}).text
    (row,) = csv.DictReader(io.StringIO(table))
    assert {name: int(row[name]) for name in COUNTS} == COUNTS
