"""
Reads URLs as browsers do (WHATWG URL Standard), with ada, and gives each URL one spelling.

So no page is scanned twice. The spelling is ASCII. Its host is in lower case and has no dot at its
end. It has no default port, no fragment, and no parameters that only track who followed a link.
"""

import re
import unicodedata
from urllib.parse import quote, unquote

import webencodings
from ada_url import URL

from hashsvc.scanning.errors import BadUrlError

MAX_URL_LENGTH = 2_000
_SCHEMES = frozenset({"http:", "https:"})
# These parameters tell who followed a link. They never change what the link shows.
_TRACKING = frozenset({"fbclid", "gclid", "dclid", "msclkid", "igshid", "mc_cid", "mc_eid"})
_TRACKING_PREFIX = "utm_"
# The rules allow no underscore in a host name, but many host names on the web have one.
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NOT_IN_HOSTS = frozenset("/\\?#@%:[] \t\r\n")


def normalise_url(text: str) -> str:
    """
    Return a URL's one spelling.

    Raises:
        BadUrlError: If the text is not an http or https URL with a host.
    """
    text = text.strip()
    _check_length(text)
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise BadUrlError("A URL must not contain control characters.")
    if not re.match("https?:", text, re.IGNORECASE):
        raise BadUrlError("A URL begins with http:// or https://.")
    try:
        url = URL(text)
    except (ValueError, UnicodeError) as error:
        raise BadUrlError("The URL's host or port cannot be read.") from error
    return _one_spelling(url)


def resolve_url(root: str, reference: str, *, encoding: str = "utf-8") -> str:
    """
    Return the one spelling of what a page or an answer at `root` refers to.

    Args:
        root: An absolute URL.

        reference: The reference as written in the page.

        encoding: Name of the page's encoding in the Encoding Standard. Queries are written in it.

    Raises:
        BadUrlError: If the reference is not an http or https URL with a host, but `data:`, a
            script or nonsense.
    """
    _check_length(reference)
    if encoding not in ("utf-8", "utf-16le", "utf-16be") and not reference.isascii():
        reference = _with_query_in(encoding, reference)
    try:
        url = URL(reference, base=root)
    except (ValueError, UnicodeError) as error:
        raise BadUrlError("The URL's host or port cannot be read.") from error
    return _one_spelling(url)


def ascii_host(host: str) -> str:
    """
    Return a host's one spelling: ASCII (UTS 46), lower case, without a dot at the end.

    Raises:
        BadUrlError: If it is neither a host name nor an IPv6 address without brackets.
    """
    is_ipv6 = ":" in host and _NOT_IN_HOSTS.isdisjoint(host.replace(":", ""))
    if not is_ipv6 and not _NOT_IN_HOSTS.isdisjoint(host):
        raise BadUrlError("The URL's host is not a valid name.")
    try:
        read = URL(f"http://[{host}]/" if is_ipv6 else f"http://{host}/").hostname
    except (ValueError, UnicodeError) as error:
        raise BadUrlError("The URL's host is not a valid name.") from error
    return read.strip("[]") if is_ipv6 else _checked_name(read)


def _one_spelling(url: URL) -> str:
    if url.protocol not in _SCHEMES:
        raise BadUrlError("A URL begins with http:// or https://.")
    if not url.hostname:
        raise BadUrlError("A URL must name a host.")
    if url.username or url.password:
        raise BadUrlError("A URL must not contain a user name or password.")
    host = url.hostname
    if not host.startswith("["):
        host = _checked_name(host)
    port = f":{url.port}" if url.port else ""
    query = "&".join(part for part in url.search[1:].split("&") if not _tracks(part))
    spelling = f"{url.protocol}//{host}{port}{url.pathname}" + (f"?{query}" if query else "")
    _check_length(spelling)  # Percent-encoding makes it longer.
    return spelling


def _checked_name(host: str) -> str:
    name = host.rstrip(".")
    if not _NAME.fullmatch(name):
        raise BadUrlError("The URL's host is not a valid name.")
    return name


def _check_length(text: str) -> None:
    if len(text) > MAX_URL_LENGTH:
        raise BadUrlError(f"A URL has at most {MAX_URL_LENGTH} characters.")


def _with_query_in(encoding: str, reference: str) -> str:
    """Percent-encode a query in an encoding (URL Standard, "percent-encode after encoding")."""
    whole, mark, fragment = reference.partition("#")
    path, question, query = whole.partition("?")
    found = webencodings.lookup(encoding)
    if not question or found is None:
        return reference
    letters = []
    for letter in query:
        if letter.isascii():
            letters.append(letter)
            continue
        try:
            letters.append(quote(webencodings.encode(letter, found, errors="strict"), safe=""))
        except UnicodeError:
            letters.append(f"%26%23{ord(letter)}%3B")
    return path + question + "".join(letters) + mark + fragment


def _tracks(parameter: str) -> bool:
    name = unquote(parameter.partition("=")[0]).lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIX)
