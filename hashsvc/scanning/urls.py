"""Reads reported URLs: one spelling for each, so that a page is not scanned twice."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import idna

from hashsvc.scanning.errors import BadUrlError

MAX_URL_LENGTH = 2_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Parameters that tell who followed a link, and never what it shows.
_TRACKING = frozenset({"fbclid", "gclid", "dclid", "msclkid", "igshid", "mc_cid", "mc_eid"})
_TRACKING_PREFIX = "utm_"
_SAFE_PATH = "/%:@!$&'()*+,;=-._~"


def normalise_url(text: str) -> str:
    """
    Return a URL's one spelling: lower-case ASCII host, no default port, fragment or tracking.

    Raises:
        BadUrlError: If it is no http or https URL with a host.
    """
    text = text.strip()
    if len(text) > MAX_URL_LENGTH:
        raise BadUrlError(f"A URL has at most {MAX_URL_LENGTH} characters.")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in text):
        raise BadUrlError("A URL has no control characters.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadUrlError("The URL's host or port cannot be read.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise BadUrlError("A URL begins with http:// or https://.")
    if not parts.hostname:
        raise BadUrlError("A URL names a host.")
    if parts.username is not None or parts.password is not None:
        raise BadUrlError("A URL holds no user name or password.")
    host = _ascii_host(parts.hostname)
    place = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    path = quote(parts.path, safe=_SAFE_PATH) or "/"
    return urlunsplit((parts.scheme, place, path, _query(parts.query), ""))


def _ascii_host(host: str) -> str:
    if ":" in host:
        return f"[{host}]"
    try:
        host.encode("ascii")
    except UnicodeEncodeError:
        try:
            return idna.encode(host, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise BadUrlError("The URL's host is no valid name.") from error
    return host.rstrip(".").lower()


def _query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [
        (name, value)
        for name, value in pairs
        if name.lower() not in _TRACKING and not name.lower().startswith(_TRACKING_PREFIX)
    ]
    # A query without tracking stays as it was written: some servers know one spelling only.
    return query if len(kept) == len(pairs) else urlencode(kept)
