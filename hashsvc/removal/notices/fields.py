"""
The only kinds of text that a notice takes, each checked when it is made.

A notice leaves the service, so what may not leave it has no type here: no case number, no signal,
no file name, no picture. Nor does anything that could change how a document reads: line breaks,
other control characters, letters that are not seen or that turn the writing direction.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

from hashsvc.bank import is_case_number, read_case_number
from hashsvc.removal.errors import BadNoticeError
from hashsvc.scanning import BadUrlError, urls

MAX_LINE = 200
MAX_EXPLANATION = 2_000
MAX_URL = 8_000
# RFC 1035, section 2.3.4, as text.
MAX_HOST = 253

# Control, format (zero width, direction), surrogate, private and unassigned characters; line and
# paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_CASE_NUMBER = re.compile(r"\b\w{4}-\w{4}-\w\b")
_PRIVATE = (
    (re.compile(r"\b(pdq|phash|dhash|whash|reg)\d+:", re.IGNORECASE), "no signal"),
    (re.compile(r"[0-9a-f]{32}", re.IGNORECASE), "no hash"),
    # RFC 2047: what a mail program decodes, line breaks among it.
    (re.compile(r"=\?"), "no encoded word"),
    (
        re.compile(r"\w\.(jpe?g|png|gif|webp|hei[cf]|avif|bmp|tiff?|mp4|mov)\b", re.IGNORECASE),
        "no file name",
    ),
)
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_REFERENCE = re.compile(r"[0-9a-f]{32}")
# What no URL may hold as it is: RFC 3986, section 2. All else of ASCII stays as it was written, for
# some servers know one spelling only.
_ENCODED = re.compile(r"[^!#-;=?-~]")


@dataclass(frozen=True, slots=True)
class OneLine:
    """One line of a person's words: a name, a role, a reason."""

    text: str

    def __post_init__(self) -> None:
        _check_words(self.text, MAX_LINE)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Host:
    """
    A platform that is known by its host alone, with a port where it has an unusual one.

    It may look like what no line may hold: storage has hosts of 32 hexadecimal digits.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(f"//{self.text}")
            port = parts.port
        except ValueError as error:
            raise BadNoticeError("A host's name and port can be read.") from error
        host = ascii_host(parts.hostname or "")
        host = f"[{host}]" if ":" in host else host
        if parts.netloc != self.text or "@" in self.text:
            raise BadNoticeError("A host has a name, and perhaps a port, and nothing else.")
        object.__setattr__(self, "text", host if port is None else f"{host}:{port}")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Explanation:
    """A paragraph that an organisation adds to the reasons."""

    text: str

    def __post_init__(self) -> None:
        _check_words(self.text, MAX_EXPLANATION)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address of ASCII letters, without a display name."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > 254 or not _EMAIL.fullmatch(self.text):
            raise BadNoticeError("An e-mail address is written name@host, in ASCII.")

    def __str__(self) -> str:
        return self.text

    @property
    def host(self) -> str:
        """What stands behind the @."""
        return self.text.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class NoticeReference:
    """What a notice is filed under: the id of its removal request, 32 hexadecimal digits."""

    text: str

    def __post_init__(self) -> None:
        if not _REFERENCE.fullmatch(self.text):
            raise BadNoticeError("A reference is the id of a removal request.")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class WebAddress:
    """
    A URL as it goes over the wire: in ASCII, everything else percent-encoded.

    So it is exact, and letters that turn the writing direction or are not seen show as they are.
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _wire(self.text))

    def __str__(self) -> str:
        return self.text

    @property
    def host(self) -> str:
        """The host, without its port."""
        return urlsplit(self.text).hostname or ""


def ascii_host(host: str) -> str:
    """
    Return a host's one spelling: ASCII (IDNA), lower case, without a dot at the end.

    Raises:
        BadNoticeError: If it is no host name and no address.
    """
    try:
        host = urls.ascii_host(host.removeprefix("[").removesuffix("]"))
    except BadUrlError as error:
        raise BadNoticeError("A host is a name or an IP address.") from error
    if len(host) > MAX_HOST:
        raise BadNoticeError("A host is a name or an IP address.")
    return host


def _check_words(text: str, most: int) -> None:
    if not text.strip() or text != text.strip():
        raise BadNoticeError("A text is not empty and neither begins nor ends with a space.")
    if len(text) > most:
        raise BadNoticeError(f"This text has at most {most} characters.")
    if any(unicodedata.category(letter) in _UNSEEN for letter in text):
        raise BadNoticeError("A text has no control characters, line breaks or unseen letters.")
    for found in _CASE_NUMBER.findall(text):
        if is_case_number(read_case_number(found)):
            raise BadNoticeError("A notice holds no case number.")
    for pattern, rule in _PRIVATE:
        if pattern.search(text):
            raise BadNoticeError(f"A notice holds {rule}.")


def _wire(text: str) -> str:
    if len(text) > MAX_URL:
        raise BadNoticeError(f"A URL in a notice has at most {MAX_URL} characters.")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise BadNoticeError("A URL has no control characters.")
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadNoticeError("A URL's host and port can be read.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadNoticeError("A URL begins with http:// or https:// and names a host.")
    if "@" in parts.netloc:
        raise BadNoticeError("A URL in a notice holds no user name or password.")
    host = ascii_host(parts.hostname)
    place = f"[{host}]" if ":" in host else host
    if port is not None:
        place += f":{port}"
    rest = text.partition("://")[2][len(parts.netloc) :]
    return f"{parts.scheme}://{place}{_ENCODED.sub(_encode, rest)}"


def _encode(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
