"""Which platform a URL is on."""

from urllib.parse import urlsplit


def platform_of(url: str) -> str:
    """Return the platform of a URL: its host, without a leading `www.`, with an unusual port."""
    return urlsplit(url).netloc.lower().removeprefix("www.")
