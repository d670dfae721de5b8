"""Reads `data:` URLs (Fetch Standard, "data: URL processor")."""

import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

# Shorter `data:` URLs are placeholders and spinners.
MIN_INLINE_LENGTH = 1_000


@dataclass(frozen=True, slots=True, repr=False)
class InlineData:
    """What a `data:` URL holds; `media_type` is empty if the URL names none."""

    media_type: str
    body: bytes


def is_inline(reference: str) -> bool:
    """Return whether a reference is a `data:` URL."""
    return reference[:5].lower() == "data:"


def read_inline(reference: str, *, max_bytes: int) -> InlineData | None:
    """
    Return what a `data:` URL holds; None if the reference is not a `data:` URL.

    Data longer than `max_bytes` is cut to `max_bytes` + 1 bytes.
    """
    head, comma, data = reference.partition(",")
    if not comma or not is_inline(head):
        return None
    media_type, *options = (each.strip().lower() for each in head[5:].split(";"))
    # In base64, four letters stand for three bytes, and each letter may be percent-encoded.
    encoded = data[: 4 * max_bytes + 4].encode("utf-8", "replace")
    body = unquote_to_bytes(encoded)
    if "base64" in options:
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body.replace(b"-", b"+").replace(b"_", b"/"))
        if len(letters) % 4 == 1:  # The last letter holds less than a byte.
            letters = letters[:-1]
        body = binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
    return InlineData(media_type, body[: max_bytes + 1])
