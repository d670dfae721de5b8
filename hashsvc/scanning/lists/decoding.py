"""Decodes a list, whatever encoding a spreadsheet or a mail program wrote it in."""

import codecs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Excel on Western European Windows writes CSV in this encoding.
_ANSI = "cp1252"
_SAMPLE = 1_000


def decode_list(body: bytes) -> str:
    """
    Return the text of a list: by its byte order mark, as UTF-8, as UTF-16, or as Windows-1252.

    No list is refused: bytes that have no meaning in the encoding become U+FFFD.
    """
    for mark, encoding in _BOMS:
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    sample = body[:_SAMPLE]
    if encoding := _utf16_without_mark(sample):
        return body.decode(encoding, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(_ANSI, "replace")


def _utf16_without_mark(sample: bytes) -> str:
    """Return the encoding of ASCII text in UTF-16 without a mark; empty for any other text."""
    if len(sample) < 4:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) * 0.4 and even < len(sample) * 0.05:
        return "utf-16-le"
    if even > len(sample) * 0.4 and odd < len(sample) * 0.05:
        return "utf-16-be"
    return ""
