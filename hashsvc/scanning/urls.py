"""Normalises URLs, so that the same page is not scanned under two spellings."""

import re
import unicodedata
from ipaddress import IPv6Address
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import idna

from hashsvc.scanning.errors import BadUrlError

MAX_URL_LENGTH = 2_000
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Parameters that track who followed a link, and never change what it shows.
_TRACKING = frozenset({"fbclid", "gclid", "dclid", "msclkid", "igshid", "mc_cid", "mc_eid"})
_TRACKING_PREFIX = "utm_"
_SAFE_PATH = "/%:@!$&'()*+,;=-._~"
_SAFE_QUERY = _SAFE_PATH + "?[]{}|\\^`"
# The standards allow no underscore in a host name, but many names on the web have one.
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def normalise_url(text: str) -> str:
    """
    Return a URL in normal form: ASCII, lower-case host, no default port, fragment or tracking.

    Raises:
        BadUrlError: If the text is not an http or https URL with a host.
    """
    text = text.strip()
    _check_length(text)
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise BadUrlError("A URL must not contain control characters.")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadUrlError("The URL's host or port cannot be read.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise BadUrlError("A URL begins with http:// or https://.")
    if not parts.hostname:
        raise BadUrlError("A URL must name a host.")
    if parts.username is not None or parts.password is not None:
        raise BadUrlError("A URL must not contain a user name or password.")
    host = ascii_host(parts.hostname)
    host = f"[{host}]" if ":" in host else host
    place = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    path = quote(parts.path, safe=_SAFE_PATH) or "/"
    url = urlunsplit((parts.scheme, place, path, _query(parts.query), ""))
    _check_length(url)  # Quoting may have made it longer.
    return url


def resolve_url(root: str, reference: str) -> str:
    """
    Return the normalised URL of a reference in a page or an answer at `root`.

    Raises:
        BadUrlError: If it is not an http or https URL with a host; `data:` URLs are refused too.
    """
    _check_length(reference)
    path, mark, query = reference.partition("?")
    try:
        # Browsers read a backslash as a slash.
        return normalise_url(urljoin(root, path.replace("\\", "/") + mark + query))
    except ValueError as error:
        raise BadUrlError("The URL's host or port cannot be read.") from error


def ascii_host(host: str) -> str:
    """
    Return a host in normal form: ASCII (IDNA), lower case, without a dot at the end.

    Raises:
        BadUrlError: If it is neither a host name nor an IPv6 address without brackets.
    """
    try:
        if ":" in host and "%" not in host:
            return str(IPv6Address(host))
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode("ascii")
    except ValueError as error:  # Includes IDNAError.
        raise BadUrlError("The URL's host is not a valid name.") from error
    host = host.rstrip(".").lower()
    if not _NAME.fullmatch(host):
        raise BadUrlError("The URL's host is not a valid name.")
    return host


def _check_length(text: str) -> None:
    if len(text) > MAX_URL_LENGTH:
        raise BadUrlError(f"A URL has at most {MAX_URL_LENGTH} characters.")


def _query(query: str) -> str:
    # The other parameters stay as written, because some servers accept one spelling only.
    kept = [part for part in query.split("&") if not _is_tracking(part)]
    return quote("&".join(kept), safe=_SAFE_QUERY)


def _is_tracking(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0]).lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIX)
