"""
The types of text that a notice may contain. Each checks its value when it is created.

A notice leaves the service. So no type here accepts a case number, a signal, a file name or a
picture, nor characters that could change how a document reads: line breaks, other control
characters, invisible letters, and letters that reverse the writing direction. Every other text, in
any script, can be written in every format.
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
# The length of the longest host name in characters, by RFC 1035, section 2.3.4.
MAX_HOST = 253

# Control, format (zero width, direction), surrogate and private characters; line and paragraph
# separators. Unassigned characters are not among them, because Unicode may have assigned them after
# this Python was made, as it does with emoji every year.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
# Unassigned characters that never get a form: noncharacters, and those reserved as invisible
# (Unicode Annex 44, Default_Ignorable_Code_Point).
_NEVER_SHOWN = re.compile(
    "[\u2065\ufdd0-\ufdef\ufff0-\ufff8\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    f"|[{''.join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))}]"
)
# Persian, the scripts of India and some emoji are spelt with the two joiners, which are format
# characters. Like the variation selectors, they show only in the form of the letters beside them.
_JOINERS = frozenset("\u200c\u200d")
_FORM_ONLY = re.compile("[\u034f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_CASE_NUMBER = re.compile(r"\b\w{4}-\w{4}-\w\b")
_PRIVATE = (
    (re.compile(r"\b(pdq|phash|dhash|whash|reg)\d+:", re.IGNORECASE), "no signal"),
    (re.compile(r"[0-9a-f]{32}", re.IGNORECASE), "no hash"),
    # RFC 2047: mail programs decode such words, even into line breaks.
    (re.compile(r"=\?"), "no encoded word"),
    (
        re.compile(r"\w\.(jpe?g|png|gif|webp|hei[cf]|avif|bmp|tiff?|mp4|mov)\b", re.IGNORECASE),
        "no file name",
    ),
)
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_REFERENCE = re.compile(r"[0-9a-f]{32}")
# The characters that RFC 3986, section 2, does not allow in a URL. Other ASCII characters stay as
# written, because some servers accept one spelling only.
_ENCODED = re.compile(r"[^!#-;=?-~]")


@dataclass(frozen=True, slots=True)
class OneLine:
    """One line of text that a person wrote: a name, a role or a reason."""

    text: str

    def __post_init__(self) -> None:
        _check_words(self.text, MAX_LINE)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Host:
    """
    The host of a platform that has no entry, with its port if that is not the usual one.

    A host may look like a hash, which OneLine refuses: some cloud storage has host names of 32
    hexadecimal digits.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(f"//{self.text}")
            port = parts.port
        except ValueError as error:
            raise BadNoticeError("This is not a host name with an optional port.") from error
        host = ascii_host(parts.hostname or "")
        host = f"[{host}]" if ":" in host else host
        if parts.netloc != self.text or "@" in self.text:
            raise BadNoticeError("A host is a name and an optional port, and nothing else.")
        object.__setattr__(self, "text", host if port is None else f"{host}:{port}")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Explanation:
    """A paragraph that an organisation adds to the reasons in a template."""

    text: str

    def __post_init__(self) -> None:
        _check_words(self.text, MAX_EXPLANATION)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address in ASCII, without a display name."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > 254 or not _EMAIL.fullmatch(self.text):
            raise BadNoticeError("An e-mail address is written name@host, in ASCII.")

    def __str__(self) -> str:
        return self.text

    @property
    def host(self) -> str:
        """The part after the @."""
        return self.text.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class NoticeReference:
    """The reference of a notice: its id, 32 hexadecimal digits."""

    text: str

    def __post_init__(self) -> None:
        if not _REFERENCE.fullmatch(self.text):
            raise BadNoticeError("A reference is the id of a notice: 32 hexadecimal digits.")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class WebAddress:
    """
    A URL as clients send it: in ASCII, with all other characters percent-encoded.

    In this form, a reader sees every character: invisible letters and letters that reverse the
    writing direction show as their percent codes.
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _percent_encoded(self.text))

    def __str__(self) -> str:
        return self.text

    @property
    def host(self) -> str:
        """The host, without its port."""
        return urlsplit(self.text).hostname or ""


def ascii_host(host: str) -> str:
    """
    Return the normal form of a host: ASCII (IDNA), lower case, without a dot at the end.

    Raises:
        BadNoticeError: If the text is neither a host name nor an IP address.
    """
    try:
        host = urls.ascii_host(host.removeprefix("[").removesuffix("]"))
    except BadUrlError as error:
        raise BadNoticeError("A host must be a name or an IP address.") from error
    if len(host) > MAX_HOST:
        raise BadNoticeError("A host must be a name or an IP address.")
    return host


def _check_words(text: str, most: int) -> None:
    seen = _FORM_ONLY.sub("", text)  # Nothing hides behind what nobody sees.
    if not seen.strip() or text != text.strip():
        raise BadNoticeError("A text must not be empty, or begin or end with a space.")
    if len(text) > most:
        raise BadNoticeError(f"This text may have at most {most} characters; it has {len(text)}.")
    kinds = {unicodedata.category(each) for each in set(text) - _JOINERS}
    if kinds & _INVISIBLE or _NEVER_SHOWN.search(text):
        raise BadNoticeError(
            "A text must not contain control characters, line breaks or invisible letters."
        )
    for found in _CASE_NUMBER.findall(seen):
        if is_case_number(read_case_number(found)):
            raise BadNoticeError("A notice must contain no case number.")
    for pattern, rule in _PRIVATE:
        if pattern.search(seen):
            raise BadNoticeError(f"A notice must contain {rule}.")


def _percent_encoded(text: str) -> str:
    if len(text) > MAX_URL:
        raise BadNoticeError(f"A URL in a notice may have at most {MAX_URL} characters.")
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        raise BadNoticeError("A URL must not contain control characters.")
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadNoticeError("The host or the port of this URL is invalid.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadNoticeError("A URL must begin with http:// or https:// and name a host.")
    if "@" in parts.netloc:
        raise BadNoticeError("A URL in a notice must not contain a user name or password.")
    host = ascii_host(parts.hostname)
    authority = f"[{host}]" if ":" in host else host
    if port is not None:
        authority += f":{port}"
    rest = text.partition("://")[2][len(parts.netloc) :]
    return f"{parts.scheme}://{authority}{_ENCODED.sub(_encode, rest)}"


def _encode(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
