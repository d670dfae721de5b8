"""
Decodes pages as browsers do.

Sources: Encoding Standard; HTML Standard, "Determining the character encoding".
"""

import codecs
import re
from dataclasses import dataclass

import webencodings
from selectolax.lexbor import LexborHTMLParser

# Chromium looks for a <meta> in the first 1024 bytes, and looks further if the head is longer.
_HEAD_BYTES = 16_384
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_UTF8 = webencodings.UTF8
_DEFAULT = webencodings.lookup("windows-1252")
assert _DEFAULT is not None
# The HTML Standard replaces these encodings if a <meta> names them. A page that is really in UTF-16
# could not have been read up to its <meta>.
_NEVER_BY_META = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}


@dataclass(frozen=True, slots=True)
class DecodedPage:
    """
    A page as text.

    Attributes:
        encoding: Name of the encoding by the Encoding Standard; queries of URLs are written in it.
    """

    text: str
    encoding: str


def decode_page(body: bytes, content_type: str = "") -> DecodedPage:
    """
    Return a page's text. Its byte order mark, Content-Type header or <meta> gives the encoding.

    A page without any of these is read as UTF-8 if its bytes are valid UTF-8, and otherwise as
    windows-1252.
    """
    encoding = _by_bom(body) or _by_label(_charset_in(content_type)) or _by_meta(body)
    if encoding is None:
        encoding = _UTF8 if _is_utf8(body) else _DEFAULT
    text, used = webencodings.decode(body, encoding, errors="replace")
    return DecodedPage(text, used.name)


def _by_bom(body: bytes) -> webencodings.Encoding | None:
    for mark, label in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16le"),
        (codecs.BOM_UTF16_BE, "utf-16be"),
    ):
        if body.startswith(mark):
            return webencodings.lookup(label)
    return None


def _charset_in(content_type: str) -> str:
    found = _CHARSET.search(content_type)
    return found[1] if found else ""


def _by_label(label: str) -> webencodings.Encoding | None:
    return webencodings.lookup(label) if label else None


def _by_meta(body: bytes) -> webencodings.Encoding | None:
    if b"charset" not in body[:_HEAD_BYTES].lower():
        return None
    head = LexborHTMLParser(body[:_HEAD_BYTES].decode("latin-1"))
    for meta in head.css("meta"):
        attributes = meta.attributes
        label = attributes.get("charset")
        if label is None and (attributes.get("http-equiv") or "").lower() == "content-type":
            label = _charset_in(attributes.get("content") or "")
        if label and (encoding := webencodings.lookup(label)):
            return webencodings.lookup(_NEVER_BY_META.get(encoding.name, encoding.name))
    return None


def _is_utf8(body: bytes) -> bool:
    try:
        # The end may have been cut inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True
