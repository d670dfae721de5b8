"""Facts about a download, for the record of a scan."""

import hashlib

import httpcore2
import httpx2

from hashsvc.clock import utc_now
from hashsvc.scanning.connections import ADDRESS

INCOMPLETE = "incomplete"
"""The name of a fact: the answer was cut off, so only part of its body came."""

Fact = int | str | dict[str, str] | list[dict[str, int | str]]

# These headers show later which file it was, and how old it was.
_KEPT_HEADERS = ("content-type", "content-length", "last-modified", "etag", "date", "server")
_MOST_HEADER = 300


def facts_of(
    url: str, response: httpx2.Response, redirects: list[dict[str, int | str]]
) -> dict[str, Fact]:
    """Return the facts about an answer, which can be written as JSON; see `Fetched`."""
    facts: dict[str, Fact] = {
        "url": url,
        "status": response.status_code,
        "fetched_at": utc_now().isoformat(timespec="seconds"),
        "redirects": redirects,
        "headers": {
            name: "".join(filter(str.isprintable, value[:_MOST_HEADER]))
            for name in _KEPT_HEADERS
            if (value := response.headers.get(name)) is not None
        },
    }
    stream = response.extensions.get("network_stream")
    if isinstance(stream, httpcore2.NetworkStream):
        address = stream.get_extra_info(ADDRESS)
        if isinstance(address, str):
            facts["address"] = address
        tls = stream.get_extra_info("ssl_object")
        certificate = tls.getpeercert(True) if tls is not None else None
        if certificate:
            facts["certificate_sha256"] = hashlib.sha256(certificate).hexdigest()
    return facts
